use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::request::context;
use crate::types::error::AuthError;

/// Converts errors of handlers and extractors by the layer's responder, inside a request's context; elsewhere to the
/// JSON envelope.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let responder = context::responder().unwrap_or_default();
        responder.respond(&self).map(Body::from)
    }
}
