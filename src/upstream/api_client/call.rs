use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::request::context;
use crate::upstream::circuit_breaker::Subject;

const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// A call to an endpoint of the auth center.
pub(crate) struct Call<'a, B> {
    pub(super) endpoint: &'static str,
    pub(super) body: &'a B,
    pub(super) headers: HeaderMap,
    pub(super) idempotent: bool,
    pub(super) secrets: Vec<&'a str>,
    pub(super) subject: Option<Subject>,
}

impl<'a, B: Serialize> Call<'a, B> {
    pub(crate) fn new(endpoint: &'static str, body: &'a B) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(trace_id) = context::trace_id().and_then(|id| HeaderValue::try_from(id).ok()) {
            headers.insert(X_TRACE_ID, trace_id);
        }
        Self { endpoint, body, headers, idempotent: true, secrets: Vec::new(), subject: None }
    }

    /// Adds headers. The client's own headers replace those of the same name.
    pub(crate) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Marks the call as not idempotent: it is retried only if it cannot have arrived.
    pub(crate) fn not_idempotent(mut self) -> Self {
        self.idempotent = false;
        self
    }

    /// Makes it a call about this credential. Calls are the service's own by default, and about none.
    pub(crate) fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Adds a secret that errors must not show, even if the auth center's message repeats it.
    pub(crate) fn secret(mut self, secret: &'a str) -> Self {
        self.secrets.push(secret);
        self
    }
}
