use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};

use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::gate::Refused;

/// The pause after a failure that is laid to one credential.
const PAUSE: Duration = Duration::from_secs(1);

/// The calls that a request waits for: whoever sent it reads of a failure that the credential cannot be verified. The last
/// one finds the user that an admin acts as.
const OF_REQUESTS: [&str; 5] =
    ["/token/verify", "/user/info", "/permission/check", "/access-key/verify", "/users/batch-by-ids"];

/// Why an attempt failed.
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) retry: Retry,
    pub(super) cause: Cause,
    /// The pause that the auth center requested.
    pub(super) retry_after: Option<Duration>,
    pub(super) status: Option<StatusCode>,
    pub(super) source: Option<reqwest::Error>,
}

/// Whom a failure is to be laid to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The auth center is away: no connection, no answer in time, or a gateway says so. The circuit breaker counts it.
    Away,
    /// The auth center has requested a pause, of this app or for this credential.
    RateLimited,
    /// The auth center has answered this call badly, or broke it off: that says nothing about the next one.
    Call,
    /// The auth center is well and rejects the call, by an HTTP status or by an answer of another shape. A success to the
    /// circuit breaker.
    Up,
    /// The call was not made, or not given the time that it needs.
    Local,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    IfIdempotent,
    /// The call never arrived.
    Always,
}

impl Failure {
    pub(super) fn new(reason: &'static str, cause: Cause) -> Self {
        Self { reason, retry: Retry::Never, cause, retry_after: None, status: None, source: None }
    }

    /// How long not to ask again about the same credential; `None` if the auth center was not asked.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self.cause {
            Cause::Local => None,
            Cause::RateLimited => self.retry_after.or(Some(PAUSE)),
            // The circuit breaker decides on that.
            Cause::Away => Some(Duration::ZERO),
            Cause::Call | Cause::Up => Some(PAUSE),
        }
    }

    pub(super) fn into_error(self, endpoint: &str) -> AuthError {
        let status = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let mut error = AuthError::new(ErrorKind::Unavailable)
            .with_detail(format!("POST {endpoint}: {}{status}", self.reason));
        if !OF_REQUESTS.contains(&endpoint) {
            error = error.of_call();
        }
        if let Some(after) = self.retry_after {
            error = error.with_retry_after(after);
        }
        match self.source {
            // Without the URL: that of a gateway may contain a secret.
            Some(source) => error.with_source(source.without_url()),
            None => error,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Open(wait) => Self {
                retry_after: Some(wait),
                ..Self::new("not sent: the circuit breaker is open", Cause::Local)
            },
            Refused::AtCapacity => {
                Self::new("at capacity: too many calls are in flight (`max_in_flight`)", Cause::Local)
            }
        }
    }
}

/// Classifies an HTTP status. Only a 2xx response has an envelope.
pub(super) fn check_status(response: &reqwest::Response) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let reason = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate limited by the auth center",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the auth center rejected the call; check app id and app secret"
        }
        StatusCode::NOT_FOUND => {
            "endpoint not found; check the base URL, and whether the auth center is new enough for this call"
        }
        _ if status.is_redirection() => "redirects are not followed; check the base URL",
        _ if status.is_server_error() => "the auth center failed",
        _ => "the auth center rejected the call",
    };
    let after = retry_after(response.headers());
    let (cause, retry) = match status {
        StatusCode::TOO_MANY_REQUESTS => (Cause::RateLimited, Retry::Never),
        // Of a gateway whose auth center is away.
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            (Cause::Away, Retry::IfIdempotent)
        }
        _ if status.is_server_error() => (Cause::Call, Retry::Never),
        _ => (Cause::Up, Retry::Never),
    };
    let retry_after = if cause == Cause::RateLimited { after.or(Some(PAUSE)) } else { after };
    Err(Failure { retry, retry_after, status: Some(status), ..Failure::new(reason, cause) })
}

/// Reads the `Retry-After` header (RFC 9110 section 10.2.3: seconds or a date), clamped to 1–60 s.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // Digits alone: Rust reads `+7` as a number, too.
    let after = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Of more seconds than a number holds, as many as it holds.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        date.duration_since(std::time::SystemTime::now()).unwrap_or_default()
    };
    Some(after.clamp(Duration::from_secs(1), Duration::from_secs(60)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_parsed_and_clamped() {
        for (value, expected) in [
            ("7", Some(7)),
            ("0", Some(1)),
            ("3600", Some(60)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(60)),
            ("18446744073709551616", Some(60)),
            ("soon", None),
            ("-1", None),
            ("+7", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
    }
}
