//! Tokens and access keys.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Outcome};
use crate::testing::state::World;
use crate::testing::timestamp::iso_8601;

#[derive(Deserialize)]
struct OfToken {
    token: String,
}

pub(super) fn verify_token(world: &mut World, asked: &Asked) -> Outcome {
    let OfToken { token } = asked.read()?;
    let Some(token) = world.people.token(&token) else { return Ok(json!({"valid": false})) };
    let user = world.people.user(&token.username)?;
    Ok(json!({
        "valid": true,
        "userId": user.id,
        "username": user.username,
        "expiresAt": token.expires_at.map(iso_8601),
    }))
}

pub(super) fn user_info(world: &mut World, asked: &Asked) -> Outcome {
    let OfToken { token } = asked.read()?;
    Ok(json!(world.people.authenticate(&token)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Permissions {
    token: String,
    permission_codes: Vec<String>,
}

pub(super) fn check_permissions(world: &mut World, asked: &Asked) -> Outcome {
    let Permissions { token, permission_codes } = asked.read()?;
    let granted = &world.people.authenticate(&token)?.permissions;
    let results: BTreeMap<_, _> =
        permission_codes.iter().map(|code| (code, granted.contains(code))).collect();
    Ok(json!({ "results": results }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfAccessKey {
    access_key: String,
}

pub(super) fn verify_access_key(world: &mut World, asked: &Asked) -> Outcome {
    let OfAccessKey { access_key } = asked.read()?;
    let Some(issued) = world.people.keys.get(&access_key) else { return Ok(json!({"valid": false})) };
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
        let user = world.people.user(username)?;
        data["userId"] = json!(user.id);
        data["username"] = json!(user.username);
        data["nickname"] = json!(user.nickname);
        data["email"] = json!(user.email);
        data["isAdmin"] = json!(user.is_admin);
    }
    Ok(data)
}
