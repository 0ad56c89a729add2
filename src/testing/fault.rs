use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderName, Response, StatusCode};
use serde_json::{Value, json};

use super::response::{Delivery, Disconnect, EnvelopeResponse};

/// A failure of an [`AuthCenter`](super::AuthCenter).
///
/// `SlowBytes`, `ResetMidBody`, `Truncated`, `MissingId` and `Huge` damage the delivery of a correct response: the call
/// takes effect. With the others, users, services and stats stay unchanged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Connections are refused, and open ones closed.
    ///
    /// Only with [`inject_fault`](super::AuthCenter::inject_fault). For one endpoint, one credential or a number of
    /// requests, it acts as `Reset`.
    Refuse,
    /// The request is read, and no response is sent.
    Hang,
    /// The correct response, with one byte of its body per interval.
    SlowBytes(Duration),
    /// The connection is reset before a response.
    Reset,
    /// The connection is reset after the first half of the correct response's body.
    ResetMidBody,
    /// The connection is closed after the first half of the correct response's body, short of its `Content-Length`.
    Truncated,
    /// A response with this status, these headers and no body.
    Status(StatusCode, HeaderMap),
    /// 200 and `text/html`: a page of another server.
    Html,
    /// 200 and `application/json`, but the body is not JSON.
    NotJson,
    /// 200 and `application/json` with this text as its body.
    Body(Cow<'static, str>),
    /// 200 and code 0, but the data is a string.
    WrongShape,
    /// 200 and code 0 with this data.
    Data(Value),
    /// The correct response without the ids of users.
    MissingId,
    /// The correct response with 40 MiB of padding, in chunks, without a `Content-Length`.
    Huge,
    /// 200 with a business error.
    Code {
        /// The business code.
        code: i64,
        /// The message.
        message: Cow<'static, str>,
        /// What the error says besides; `None` for null.
        data: Option<Value>,
    },
    /// 307 to this URL; 500 if it is not a valid header value.
    Redirect(String),
    /// 500 for every second request, starting with the second.
    Flapping,
}

impl Fault {
    /// Creates a response with this HTTP status, without headers or a body.
    ///
    /// # Panics
    /// If the status is below 100 or above 999.
    pub fn status(status: u16) -> Self {
        Self::Status(StatusCode::from_u16(status).expect("an HTTP status from 100 to 999"), HeaderMap::new())
    }

    /// Creates a 429 with `Retry-After` in seconds.
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::Status(StatusCode::TOO_MANY_REQUESTS, header(RETRY_AFTER, retry_after.into()))
    }

    /// Creates a business error with this code and message, without data.
    pub fn code(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Code { code, message: message.into(), data: None }
    }

    /// Creates a business error with this code, message and data, as auth centers have sent since 1.1.60.
    pub fn code_with_data(code: i64, message: impl Into<Cow<'static, str>>, data: Value) -> Self {
        Self::Code { code, message: message.into(), data: Some(data) }
    }

    /// Creates a successful response with this data, whatever was asked.
    ///
    /// ```
    /// use aigc_auth::testing::Fault;
    ///
    /// let without_admin_flag = Fault::data(serde_json::json!({"id": 7, "username": "alice"}));
    /// ```
    pub fn data(data: impl Into<Value>) -> Self {
        Self::Data(data.into())
    }

    /// Whether it damages the delivery of a response, which has to be made first.
    pub(super) fn needs_response(&self) -> bool {
        matches!(
            self,
            Self::SlowBytes(_) | Self::ResetMidBody | Self::Truncated | Self::MissingId | Self::Huge
        )
    }

    /// Returns the faulty delivery of a response that is not in an envelope.
    pub(super) fn apply_to_route(self, response: Response<Bytes>) -> Delivery {
        match self {
            Self::SlowBytes(interval) => Delivery::Slow(response, interval),
            Self::ResetMidBody => Delivery::Partial(response, Disconnect::Reset),
            Self::Truncated => Delivery::Partial(response, Disconnect::Close),
            Self::Huge => Delivery::Huge(response),
            // There is no user in it.
            Self::MissingId => Delivery::Whole(response),
            other => other.apply(|| EnvelopeResponse::success(Value::Null)),
        }
    }

    /// Returns the faulty response. Calls `handle`, which makes the call take effect, only for faults that need the
    /// correct response.
    pub(super) fn apply(self, handle: impl FnOnce() -> EnvelopeResponse) -> Delivery {
        match self {
            Self::Refuse | Self::Reset => Delivery::Disconnected(Disconnect::Reset),
            Self::Hang => Delivery::Never,
            Self::SlowBytes(interval) => Delivery::Slow(handle().into(), interval),
            Self::ResetMidBody => Delivery::Partial(handle().into(), Disconnect::Reset),
            Self::Truncated => Delivery::Partial(handle().into(), Disconnect::Close),
            Self::Status(status, headers) => Delivery::bare(status, headers),
            Self::Html => Delivery::page("text/html; charset=utf-8", "<!doctype html><title>Welcome</title>"),
            Self::NotJson => {
                Delivery::page("application/json", r#"{"code": 0, "message": "success", "data": {"#)
            }
            Self::Body(text) => Delivery::page("application/json", text.into_owned()),
            Self::WrongShape => EnvelopeResponse::success(json!("not an object")).into(),
            Self::Data(data) => EnvelopeResponse::success(data).into(),
            Self::MissingId => handle().map_data(without_user_ids).into(),
            Self::Huge => Delivery::Huge(handle().into()),
            Self::Code { code, message, data } => {
                EnvelopeResponse::failure(StatusCode::OK, code, message).with_data(data).into()
            }
            Self::Redirect(url) => match HeaderValue::try_from(url) {
                Ok(url) => Delivery::bare(StatusCode::TEMPORARY_REDIRECT, header(LOCATION, url)),
                Err(_) => Delivery::bare(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new()),
            },
            Self::Flapping => Delivery::bare(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new()),
        }
    }
}

fn header(name: HeaderName, value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(name, value)])
}

fn without_user_ids(data: Value) -> Value {
    match data {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, _)| !matches!(name.as_str(), "id" | "userId" | "user_id"))
            .map(|(name, value)| (name, without_user_ids(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_user_ids).collect(),
        scalar => scalar,
    }
}
