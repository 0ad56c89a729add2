//! Verify tokens and access keys.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::json;

use super::request::Request;
use crate::testing::limits::weight;
use crate::testing::rejection::Outcome;
use crate::testing::state::State;
use crate::testing::test_key::TestKey;
use crate::testing::timestamp::iso_8601;

/// How many letters of an access key are shown in lists.
const KEY_PREFIX: usize = 9;

#[derive(Deserialize)]
struct TokenBody {
    token: String,
}

pub(super) fn verify_token(state: &mut State, request: &Request) -> Outcome {
    let TokenBody { token } = request.parse()?;
    let Some(token) = state.accounts.token(&request.app, &token) else { return Ok(json!({"valid": false})) };
    let user = state.accounts.user(&token.username)?;
    Ok(json!({
        "valid": true,
        "userId": user.id(),
        "username": user.username(),
        "expiresAt": token.expires_at.map(iso_8601),
    }))
}

pub(super) fn user_info(state: &mut State, request: &Request) -> Outcome {
    let TokenBody { token } = request.parse()?;
    let user = state.accounts.authenticate(&request.app, &token)?;
    let expires_at = state.accounts.token(&request.app, &token).and_then(|token| token.expires_at);
    Ok(state.dialect.token_user(user, expires_at))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PermissionsBody {
    token: String,
    permission_codes: Vec<String>,
}

pub(super) fn check_permissions(state: &mut State, request: &Request) -> Outcome {
    let PermissionsBody { token, permission_codes } = request.parse()?;
    let granted = &state.accounts.authenticate(&request.app, &token)?.permissions();
    let results: BTreeMap<_, _> =
        permission_codes.iter().map(|code| (code, granted.contains(code))).collect();
    Ok(json!({ "results": results }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessKeyBody {
    access_key: String,
}

pub(super) fn verify_access_key(state: &mut State, request: &Request) -> Outcome {
    let AccessKeyBody { access_key } = request.parse()?;
    let Some(issued) = state.accounts.keys.get(&access_key) else { return Ok(json!({"valid": false})) };
    let owner = match &issued.key.username {
        Some(username) => Some(state.accounts.user(username)?),
        None => None,
    };
    Ok(state.dialect.access_key(issued, owner))
}

#[derive(Deserialize)]
struct CreateBody {
    token: String,
    name: Option<String>,
}

pub(super) fn create_access_key(state: &mut State, request: &Request) -> Outcome {
    let CreateBody { token, name } = request.parse()?;
    let user = state.accounts.authenticate(&request.app, &token)?;
    let user_id = json!(user.id());
    let key = TestKey::user(user.username());
    let key = match name {
        Some(name) => key.name(name),
        None => key,
    };
    let name = key.name.clone();
    state.check_account("access keys", state.accounts.keys.len())?;
    state.check_row(weight(&request.body))?;
    let (text, id) = state.accounts.make_key(key);
    Ok(json!({
        "keyId": id,
        "keyPrefix": text.get(..KEY_PREFIX),
        "key": text,
        "keyType": "user",
        "userId": user_id,
        "name": name,
        "createdAt": iso_8601(SystemTime::now()),
    }))
}
