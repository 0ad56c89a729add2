//! Keep the headers that HTTP wants, in answers of a service's own.

use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::wording::Wording;
use crate::types::error::AuthError;

/// Adds the challenge and `Retry-After` of the default answer, where the status is one that they belong to and the answer has
/// none.
pub(super) fn complete(response: &mut Response, wording: &Wording, error: &AuthError) {
    let status = response.status();
    let headers = response.headers_mut();
    // RFC 9110 section 15.5.2: a 401 must have a challenge. RFC 6750 section 3.1 has one in its 403.
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
        && !headers.contains_key(WWW_AUTHENTICATE)
        && let Some(challenge) = wording.challenge.of(error)
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
        && !headers.contains_key(RETRY_AFTER)
        && let Some(after) = error.retry_after()
    {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
}
