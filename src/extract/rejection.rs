use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::context;
use crate::error::AuthError;

/// The layer's responder answers for errors of handlers and extractors too, wherever the request's context reaches.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let responder = context::responder().unwrap_or_default();
        responder.respond(&self).map(Body::from)
    }
}
