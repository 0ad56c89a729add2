//! Responses, and the ways to deliver them.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde_json::Value;

use crate::types::envelope::Envelope;

/// A response in the protocol's envelope.
pub(super) struct EnvelopeResponse {
    status: StatusCode,
    envelope: Envelope<Value>,
}

impl EnvelopeResponse {
    pub(super) fn success(data: Value) -> Self {
        Self { status: StatusCode::OK, envelope: Envelope::success(data) }
    }

    pub(super) fn failure(status: StatusCode, code: i64, message: impl Into<String>) -> Self {
        Self { status, envelope: Envelope::failure(code, message) }
    }

    pub(super) fn with_data(mut self, data: Option<Value>) -> Self {
        self.envelope.data = data;
        self
    }

    pub(super) fn code(&self) -> i64 {
        self.envelope.code
    }

    pub(super) fn map_data(mut self, change: impl FnOnce(Value) -> Value) -> Self {
        self.envelope.data = self.envelope.data.map(change);
        self
    }
}

impl From<EnvelopeResponse> for Response<Bytes> {
    fn from(response: EnvelopeResponse) -> Self {
        // Serializing a `Value` does not fail.
        let body = serde_json::to_vec(&response.envelope).unwrap_or_default();
        with_body(response.status, "application/json", body)
    }
}

/// A response, and how it is delivered.
pub(super) enum Delivery {
    Whole(Response<Bytes>),
    /// One byte of the body per interval.
    Slow(Response<Bytes>, Duration),
    /// Half of the body, then the end of the connection.
    Partial(Response<Bytes>, Disconnect),
    /// With padding in the body.
    Huge(Response<Bytes>),
    Disconnected(Disconnect),
    Never,
}

impl Delivery {
    /// Returns the status of the response; `None` if there is none.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Whole(response)
            | Self::Slow(response, _)
            | Self::Partial(response, _)
            | Self::Huge(response) => Some(response.status()),
            Self::Disconnected(_) | Self::Never => None,
        }
    }

    pub(super) fn page(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::Whole(with_body(StatusCode::OK, content_type, body))
    }

    pub(super) fn bare(status: StatusCode, headers: HeaderMap) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Self::Whole(response)
    }
}

impl From<EnvelopeResponse> for Delivery {
    fn from(response: EnvelopeResponse) -> Self {
        Self::Whole(response.into())
    }
}

fn with_body(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Ends a connection early, as the error of a service or of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disconnect {
    /// By a TCP RST.
    Reset,
    /// By a TCP FIN, as after a complete response.
    Close,
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("injected disconnect")
    }
}

impl std::error::Error for Disconnect {}
