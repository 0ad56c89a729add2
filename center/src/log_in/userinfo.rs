use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::{OauthError, for_apps};
use super::claims;
use super::door::Door;
use crate::hub::Hub;

/// Says who the user of an access token is (OpenID Connect Core 1.0 section 5.3).
pub(super) async fn userinfo(State(door): State<Door>, headers: HeaderMap) -> Response {
    let hub = door.hub();
    let answer = user(hub, &headers).ok_or(OauthError::new("invalid_token", "the access token is not valid"));
    for_apps(hub, &headers, answer.map(Json).into_response())
}

fn user(hub: &Hub, headers: &HeaderMap) -> Option<Value> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let grant = hub.log_ins().grant_of(token)?;
    let user = hub.user(&grant.username)?;
    user.status().is_none_or(|status| status == "active").then(|| claims::of_user(&user))
}
