use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};

use crate::types::error::{AuthError, ErrorKind};

/// Why an attempt failed.
pub(super) struct Failure {
    pub(super) reason: &'static str,
    pub(super) retry: Retry,
    /// Whether the auth center is up, so that the circuit breaker counts the call as a success.
    pub(super) is_up: bool,
    /// The pause that the auth center requested.
    pub(super) retry_after: Option<Duration>,
    pub(super) status: Option<StatusCode>,
    pub(super) source: Option<reqwest::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    IfIdempotent,
    /// The call never arrived.
    Always,
}

impl Failure {
    pub(super) fn new(reason: &'static str) -> Self {
        Self { reason, retry: Retry::Never, is_up: false, retry_after: None, status: None, source: None }
    }

    pub(super) fn into_error(self, endpoint: &str) -> AuthError {
        let status = self.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let mut error = AuthError::new(ErrorKind::Unavailable)
            .with_detail(format!("POST {endpoint}: {}{status}", self.reason));
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
    let rate_limited = status == StatusCode::TOO_MANY_REQUESTS;
    Err(Failure {
        retry: if matches!(status.as_u16(), 502..=504) { Retry::IfIdempotent } else { Retry::Never },
        is_up: !status.is_server_error() && !rate_limited,
        retry_after: if rate_limited { after.or(Some(Duration::from_secs(1))) } else { after },
        status: Some(status),
        ..Failure::new(reason)
    })
}

/// Reads the `Retry-After` header (RFC 9110 section 10.2.3: seconds or a date), clamped to 1–60 s.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            date.duration_since(std::time::SystemTime::now()).unwrap_or_default()
        }
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
            ("soon", None),
            ("-1", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{value}");
        }
    }
}
