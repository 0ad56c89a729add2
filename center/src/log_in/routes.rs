use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CACHE_CONTROL, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::door::Door;
use super::{answer, authorize, discovery, end_session, page, submit, token, userinfo};
use crate::host;

/// Forms are small.
const MAX_BODY: usize = 64 * 1024;

/// Returns the routes beside the protocol.
pub(crate) fn routes(door: Door) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery::metadata))
        .route("/.well-known/oauth-authorization-server", get(discovery::metadata))
        .route("/oauth/jwks", get(discovery::keys))
        .route("/oauth/authorize", get(authorize::authorize))
        .route("/oauth/log-in", post(submit::log_in))
        .route("/oauth/style.css", get(page::style))
        .route("/oauth/token", post(token::token).options(answer::preflight))
        .route("/oauth/revoke", post(token::revoke).options(answer::preflight))
        .route("/oauth/userinfo", get(userinfo::userinfo).post(userinfo::userinfo).options(answer::preflight))
        .route("/oauth/end-session", get(end_session::ask).post(end_session::end))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(door.clone(), around))
        .with_state(door)
}

async fn around(State(door): State<Door>, request: Request, next: Next) -> Response {
    let before = door.hub().version();
    let mut response = host::check(State(door.hosts()), request, next).await;
    // A session or a refresh token that was lost in a crash would be another's fault to the app.
    if door.hub().version() != before && !door.hub().saves().saved().await {
        response =
            (StatusCode::INSUFFICIENT_STORAGE, "done, but not saved: the terminal of the center says why\n")
                .into_response();
    }
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
