use std::borrow::Cow;
use std::fmt;

use axum::response::Response;
use http::header::HeaderMap;
use http::{Method, Uri};

use super::head::Head;
use super::wording::Wording;
use crate::types::error::AuthError;

/// An error that is to be answered, and the request that it is about: what [`ErrorResponder::new`](crate::error::ErrorResponder::new)
/// passes to its function.
#[derive(Clone, Copy)]
pub struct Refusal<'a> {
    pub(super) error: &'a AuthError,
    pub(super) head: Head<'a>,
    pub(super) wording: &'a Wording,
}

impl<'a> Refusal<'a> {
    /// The error.
    pub fn error(&self) -> &'a AuthError {
        self.error
    }

    /// The request's method.
    pub fn method(&self) -> &'a Method {
        self.head.method
    }

    /// The request's URI as it was sent, also inside `nest`.
    pub fn uri(&self) -> &'a Uri {
        self.head.uri
    }

    /// The request's headers. The credential is among them: do not log them, or send them on.
    pub fn headers(&self) -> &'a HeaderMap {
        self.head.headers
    }

    /// The message for callers, in the layer's [language](crate::AuthLayer::language); it names the missing permission if the
    /// layer [tells it](crate::AuthLayer::tell_missing_permission).
    pub fn message(&self) -> Cow<'static, str> {
        self.wording.message(self.error)
    }

    /// The default answer: the JSON envelope with its status, challenge and `Retry-After`. Change what is to be otherwise.
    pub fn default_response(&self) -> Response {
        self.wording.envelope(self.error)
    }
}

impl fmt::Debug for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("error", &self.error).finish_non_exhaustive()
    }
}
