use axum::Json;
use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::hub::Refusal;

/// `{"error": …}` with a status.
#[derive(Debug)]
pub(super) struct ApiError(StatusCode, String);

impl ApiError {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self(status, text.into())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(what) => Self(StatusCode::NOT_FOUND, format!("no such {what}")),
            Refusal::Invalid(text) => Self(StatusCode::BAD_REQUEST, text),
            Refusal::Full(table) => Self(
                StatusCode::INSUFFICIENT_STORAGE,
                format!("there is no room for more {table}: delete some"),
            ),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// Of the text of an error.
const MAX: usize = 16 * 1024;

/// Puts the errors of extractors and of the router, which are texts, into JSON as all others.
pub(super) async fn in_json(response: Response) -> Response {
    let status = response.status();
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !(status.is_client_error() || status.is_server_error()) || is_json {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = to_bytes(body, MAX).await.unwrap_or_default();
    let text = match (status, text.is_empty()) {
        (StatusCode::METHOD_NOT_ALLOWED, true) => {
            "another method is expected here: nothing is changed by GET".into()
        }
        (_, true) => status.to_string().into(),
        (_, false) => String::from_utf8_lossy(&text),
    };
    let mut told = ApiError::new(status, text).into_response();
    // Such as `Allow`; those of the body are the new one's.
    for (name, value) in &head.headers {
        told.headers_mut().entry(name).or_insert(value.clone());
    }
    told
}

pub(super) async fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "there is no such path: docs/local-center.md has them")
}
