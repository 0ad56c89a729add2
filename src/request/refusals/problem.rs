//! The answer as `application/problem+json` (RFC 9457).

use axum::response::Response;
use http::header::HeaderValue;
use serde::Serialize;

use super::wording::Wording;
use crate::types::error::AuthError;

#[derive(Serialize)]
struct Problem<'a> {
    /// Section 4.2.1: no more is meant than the status says, and so the title is its phrase.
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: i64,
}

/// Returns the answer to an error as problem details.
pub(super) fn problem(wording: &Wording, error: &AuthError) -> Response {
    let status = error.status();
    let problem = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: &wording.message(error),
        code: Wording::code(error),
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    wording.response(error, HeaderValue::from_static("application/problem+json"), body.into())
}
