use std::borrow::Cow;
use std::time::Duration;

use http::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::deliver::{Answer, Cut, Reply};

/// A way in which an [`AuthCenter`](super::AuthCenter) fails.
///
/// A call that gets the right answer, even if slowly, in part, or in a form that cannot be used, also takes
/// effect: those of `SlowBytes`, `ResetMidBody`, `Truncated`, `MissingId` and `Huge`. Under the others
/// nothing happens to users, services or stats.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody listens: open connections are closed and new ones refused.
    ///
    /// Only [`misbehave`](super::AuthCenter::misbehave) can do that. For one endpoint or some requests it is
    /// a `Reset`.
    Refuse,
    /// The request is read and never answered.
    Hang,
    /// The right answer, its body at one byte per interval.
    SlowBytes(Duration),
    /// The connection is reset before an answer.
    Reset,
    /// The connection is reset after the first half of the right answer's body.
    ResetMidBody,
    /// The connection is closed after the first half of the right answer's body, whatever `Content-Length`
    /// announced.
    Truncated,
    /// This status with these headers and no body.
    Status(StatusCode, HeaderMap),
    /// A page of some other server: 200, `text/html`.
    Html,
    /// 200 and `application/json`, but the body is none.
    NotJson,
    /// 200 and code 0, but the data is a string.
    WrongShape,
    /// The right answer without the ids of users.
    MissingId,
    /// The right answer with 40 MiB of padding, in chunks, unannounced by a `Content-Length`.
    Huge,
    /// 200 with this business code, this message and no data.
    Code(i64, Cow<'static, str>),
    /// 307 to this URL. 500 where it cannot stand in a header.
    Redirect(String),
    /// Every second request gets a 500, beginning with the second.
    Flapping,
}

impl Fault {
    /// This HTTP status, without further headers or a body.
    ///
    /// # Panics
    /// If the number is no status: below 100 or above 999.
    pub fn status(status: u16) -> Self {
        Self::Status(StatusCode::from_u16(status).expect("an HTTP status"), HeaderMap::new())
    }

    /// 429 with `Retry-After` in seconds.
    pub fn too_many_requests(retry_after: u64) -> Self {
        Self::Status(StatusCode::TOO_MANY_REQUESTS, header(RETRY_AFTER, retry_after.into()))
    }

    /// A business error with this code and message.
    pub fn code(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Code(code, message.into())
    }

    /// What a request is answered with. Asks for the right answer, and so lets the call take effect, only if
    /// needed.
    pub(super) fn answer(self, right: impl FnOnce() -> Reply) -> Answer {
        match self {
            Self::Refuse | Self::Reset => Answer::Nothing(Cut::Reset),
            Self::Hang => Answer::Silence,
            Self::SlowBytes(interval) => Answer::Slow(right().into(), interval),
            Self::ResetMidBody => Answer::Half(right().into(), Cut::Reset),
            Self::Truncated => Answer::Half(right().into(), Cut::Close),
            Self::Status(status, headers) => Answer::bare(status, headers),
            Self::Html => Answer::page("text/html; charset=utf-8", "<!doctype html><title>Welcome</title>"),
            Self::NotJson => {
                Answer::page("application/json", r#"{"code": 0, "message": "success", "data": {"#)
            }
            Self::WrongShape => Reply::success(json!("not an object")).into(),
            Self::MissingId => right().map_data(without_user_ids).into(),
            Self::Huge => Answer::Huge(right().into()),
            Self::Code(code, message) => Reply::failure(StatusCode::OK, code, message).into(),
            Self::Redirect(url) => match HeaderValue::try_from(url) {
                Ok(url) => Answer::bare(StatusCode::TEMPORARY_REDIRECT, header(LOCATION, url)),
                Err(_) => Answer::bare(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new()),
            },
            Self::Flapping => Answer::bare(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new()),
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
