//! What tokens say of a user.

use std::time::{SystemTime, UNIX_EPOCH};

use aigc_auth::UserInfo;
use serde_json::{Value, json};

use super::grants::Grant;
use crate::random;

pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The user, by OpenID Connect's names where there are any. `sub` is a text there; `user_id` is the id as the auth center has
/// it.
pub(super) fn of_user(user: &UserInfo) -> Value {
    let codes = user.groups().iter().filter_map(|group| group.code());
    json!({
        "sub": user.id().to_string(),
        "user_id": user.id(),
        "preferred_username": user.username(),
        "name": user.nickname().unwrap_or(user.username()),
        "email": user.email(),
        "phone_number": user.phone(),
        "picture": user.avatar(),
        "roles": user.roles(),
        "permissions": user.permissions(),
        "groups": codes.collect::<Vec<_>>(),
        "is_admin": user.is_admin(),
    })
}

/// An access token (RFC 9068).
pub(super) fn of_access_token(user: &UserInfo, grant: &Grant, issuer: &str, expires_at: SystemTime) -> Value {
    let mut claims = common(user, grant, issuer, expires_at);
    claims["client_id"] = json!(grant.app_id);
    claims["scope"] = json!(grant.scope);
    claims
}

/// An ID token (OpenID Connect Core 1.0 section 2).
pub(super) fn of_id_token(
    user: &UserInfo,
    grant: &Grant,
    issuer: &str,
    expires_at: SystemTime,
    nonce: Option<&str>,
) -> Value {
    let mut claims = common(user, grant, issuer, expires_at);
    claims["azp"] = json!(grant.app_id);
    if let Some(nonce) = nonce {
        claims["nonce"] = json!(nonce);
    }
    claims
}

fn common(user: &UserInfo, grant: &Grant, issuer: &str, expires_at: SystemTime) -> Value {
    let mut claims = of_user(user);
    claims["iss"] = json!(issuer);
    claims["aud"] = json!(grant.app_id);
    claims["exp"] = json!(seconds(expires_at));
    claims["iat"] = json!(seconds(SystemTime::now()));
    claims["auth_time"] = json!(seconds(grant.since));
    claims["sid"] = json!(grant.session_id);
    claims["jti"] = json!(random::text());
    // Absent rather than null: what is null is a claim to some readers.
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}
