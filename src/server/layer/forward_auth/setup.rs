//! What is wrong with a request that no proxy should send.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use crate::types::envelope::Envelope;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Why a request cannot be checked. Callers see the text: it is for those who set up the proxy, and has no secret.
#[derive(Debug)]
pub(super) struct SetupError {
    pub(super) status: StatusCode,
    pub(super) text: Cow<'static, str>,
}

/// Anybody who reaches the endpoint may cause them.
static WARNINGS: LazyLock<LogThrottle> =
    LazyLock::new(|| LogThrottle::new(Clock::default(), Duration::from_secs(10)));

impl SetupError {
    pub(super) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into() }
    }

    pub(super) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// Logs it, and builds the answer.
    pub(super) fn respond(&self) -> Response<Body> {
        if WARNINGS.is_due() {
            tracing::warn!(status = self.status.as_u16(), error = %self.text, "forward auth: request refused");
        }
        let envelope = Envelope::<()>::failure(i64::from(self.status.as_u16()), &*self.text);
        let mut response = Response::new(Body::from(serde_json::to_vec(&envelope).unwrap_or_default()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
