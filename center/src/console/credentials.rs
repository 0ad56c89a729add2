//! Issue and revoke tokens and access keys.

use std::time::Duration;

use aigc_auth::testing::TestKey;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::console::Console;
use super::error::ApiError;
use crate::hub::Refusal;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    user: String,
    /// The first one if it is not there.
    app: Option<String>,
    /// In seconds; without it, the token does not expire.
    expires_in: Option<u32>,
}

pub(super) async fn issue_token(
    State(console): State<Console>,
    Json(NewToken { user, app, expires_in }): Json<NewToken>,
) -> Result<Json<Value>, ApiError> {
    let app = app.unwrap_or_else(|| console.hub.first_app().id);
    let lifetime = expires_in.map(|seconds| Duration::from_secs(seconds.into()));
    Ok(Json(json!({"token": console.hub.issue_token(&user, &app, lifetime)?})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    token: String,
}

pub(super) async fn revoke_token(
    State(console): State<Console>,
    Json(Token { token }): Json<Token>,
) -> Result<StatusCode, ApiError> {
    match console.hub.center().revoke_token(&token) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::NotFound("token").into()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum NewKey {
    User { user: String, name: Option<String> },
    App { app: String, name: Option<String> },
    Global { name: Option<String> },
}

pub(super) async fn issue_key(
    State(console): State<Console>,
    Json(key): Json<NewKey>,
) -> Result<Json<Value>, ApiError> {
    let (made, name, user, app) = match key {
        NewKey::User { user, name } => (TestKey::user(&*user), name, Some(user), None),
        NewKey::App { app, name } => (TestKey::app(&*app), name, None, Some(app)),
        NewKey::Global { name } => (TestKey::global(), name, None, None),
    };
    let made = made.name(name.unwrap_or_else(|| "from the console".to_owned()));
    Ok(Json(json!({"key": console.hub.issue_key(made, user.as_deref(), app.as_deref())?})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    key: String,
}

pub(super) async fn revoke_key(
    State(console): State<Console>,
    Json(Key { key }): Json<Key>,
) -> Result<StatusCode, ApiError> {
    match console.hub.center().revoke_access_key(&key) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::NotFound("access key").into()),
    }
}
