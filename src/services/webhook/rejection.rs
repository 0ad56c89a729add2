use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use crate::types::envelope::Envelope;

/// The rejection of a webhook request, before a handler runs.
///
/// Its response has the status [`WebhookRejection::status`] and the JSON [`Envelope`]: 401 without a valid signature,
/// 413 for a body over 256 KiB, 408 for a body that takes over 10 s, 400 for a body that is not an event, 503 at the
/// limit of handlers in flight, or of bodies over 16 KiB that are read, and while other replicas cannot be told. The text names the problem and contains nothing of
/// the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRejection {
    status: StatusCode,
    message: Cow<'static, str>,
}

impl WebhookRejection {
    pub(super) const fn unauthorized(message: &'static str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, message: Cow::Borrowed(message) }
    }

    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Returns the HTTP status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for WebhookRejection {}

impl IntoResponse for WebhookRejection {
    fn into_response(self) -> Response {
        let envelope = Envelope::<()>::failure(i64::from(self.status.as_u16()), self.message);
        let mut response = json(self.status, serde_json::to_vec(&envelope).unwrap_or_default());
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Builds a JSON response.
pub(super) fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.into()).into_response()
}
