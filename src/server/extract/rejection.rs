use axum::response::{IntoResponse, Response};

use crate::request::context;
use crate::types::error::AuthError;

/// Converts errors of handlers and extractors by the layer's responder, inside a request's context; elsewhere, and within
/// such a responder, to the JSON envelope.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        context::refuse(&self, None)
    }
}
