//! Answers for apps: errors of OAuth, and permission for pages of other origins to read them.

use axum::Json;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::door::Door;
use super::redirect::origin;
use crate::hub::Hub;

/// An error of a token endpoint (RFC 6749 section 5.2).
#[derive(Debug)]
pub(super) struct OauthError {
    status: StatusCode,
    code: &'static str,
    text: &'static str,
}

impl OauthError {
    pub(super) fn new(code: &'static str, text: &'static str) -> Self {
        let status = match code {
            "invalid_client" | "invalid_token" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, code, text }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let body = Json(json!({"error": self.code, "error_description": self.text}));
        let mut response = (self.status, body).into_response();
        let challenge = match self.code {
            "invalid_client" => Some("Basic realm=\"aigc-auth-center\""),
            "invalid_token" => Some("Bearer error=\"invalid_token\""),
            _ => None,
        };
        if let Some(challenge) = challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// Lets the pages of apps read a response: those of the origins that log-ins may lead to.
pub(super) fn for_apps(hub: &Hub, request: &HeaderMap, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(from) = request.get(ORIGIN)
        && is_of_an_app(hub, from)
    {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, from.clone());
    }
    response
}

fn is_of_an_app(hub: &Hub, from: &HeaderValue) -> bool {
    let apps = hub.apps();
    let mut uris = apps.iter().flat_map(|app| &app.redirect_uris);
    uris.any(|uri| origin(uri).is_some_and(|origin| origin.as_bytes() == from.as_bytes()))
}

/// Answers a browser that asks whether it may send what it is about to send.
pub(super) async fn preflight(State(door): State<Door>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allowed = response.headers_mut();
    allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    for_apps(door.hub(), &headers, response)
}
