//! Verify tokens and access keys.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::request::Request;
use crate::testing::rejection::Outcome;
use crate::testing::state::State;
use crate::testing::timestamp::iso_8601;

#[derive(Deserialize)]
struct TokenBody {
    token: String,
}

pub(super) fn verify_token(state: &mut State, request: &Request) -> Outcome {
    let TokenBody { token } = request.parse()?;
    let Some(token) = state.accounts.token(&token) else { return Ok(json!({"valid": false})) };
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
    Ok(json!(state.accounts.authenticate(&token)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PermissionsBody {
    token: String,
    permission_codes: Vec<String>,
}

pub(super) fn check_permissions(state: &mut State, request: &Request) -> Outcome {
    let PermissionsBody { token, permission_codes } = request.parse()?;
    let granted = &state.accounts.authenticate(&token)?.permissions();
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
    let mut data = json!({
        "valid": true,
        "keyType": issued.key.key_type,
        "keyId": issued.id,
        "keyName": issued.key.name,
        "appId": issued.key.app_id,
        "userId": Value::Null,
        "username": Value::Null,
        "nickname": Value::Null,
        "email": Value::Null,
        "isAdmin": Value::Null,
    });
    if let Some(username) = &issued.key.username {
        let user = state.accounts.user(username)?;
        data["userId"] = json!(user.id());
        data["username"] = json!(user.username());
        data["nickname"] = json!(user.nickname());
        data["email"] = json!(user.email());
        data["isAdmin"] = json!(user.is_admin());
    }
    Ok(data)
}
