//! Map claims to a user.

use serde_json::{Map, Value};

use super::error::invalid_token;
use crate::types::error::AuthError;
use crate::types::user::{UserId, UserInfo, UserInfoBuilder};

/// Maps verified claims to a user.
pub(super) type MapClaims = dyn Fn(&Map<String, Value>) -> Result<UserInfo, AuthError> + Send + Sync;

/// The role that makes a user an admin, unless [configured](super::JwtVerifierBuilder::admin_role) otherwise.
pub(super) const ADMIN: &str = "admin";

/// Maps claims to a user as [`JwtVerifier`](super::JwtVerifier) does by default; a start for mappings of your own.
///
/// - id: `sub`, a string or an integer; `"7"` and `7` are different ids;
/// - username: `preferred_username`, else `username`, else `email`, else the id;
/// - roles: `role` and `roles`, each a string or an array of strings, here and in `app_metadata`; optional;
/// - permissions: `permissions`, in the same way;
/// - admin: whether one of the roles is `admin`;
/// - e-mail, phone: `email`, `phone` or `phone_number`;
/// - nickname, avatar: `name` or `nickname`, `picture`, else `full_name`, `name`, `avatar_url` and `picture` in
///   `user_metadata`.
///
/// Supabase lets users write their own `user_metadata`: neither roles, permissions nor the username are read from it.
/// Members of an unexpected type are ignored.
///
/// ```
/// use aigc_auth::jwt;
/// use serde_json::json;
///
/// let claims = json!({"sub": "3f6c", "role": "admin", "email": "root@example.com"});
/// let user = jwt::default_claims_mapping(claims.as_object().unwrap())?.department("IT").build();
/// assert_eq!(user.id(), "3f6c");
/// assert!(user.is_admin() && user.has_role("admin"));
/// # Ok::<(), aigc_auth::AuthError>(())
/// ```
///
/// # Errors
/// [`InvalidCredential`](crate::error::ErrorKind::InvalidCredential) if `sub` is missing, empty, or neither a string nor an
/// integer.
pub fn default_claims_mapping(claims: &Map<String, Value>) -> Result<UserInfoBuilder, AuthError> {
    map_with_admin_role(claims, ADMIN)
}

pub(super) fn map_with_admin_role(
    claims: &Map<String, Value>,
    admin_role: &str,
) -> Result<UserInfoBuilder, AuthError> {
    let id = subject(claims)?;
    let app_metadata = claims.get("app_metadata").and_then(Value::as_object);
    let user_metadata = claims.get("user_metadata").and_then(Value::as_object);
    let in_app = |name: &str| app_metadata.and_then(|metadata| metadata.get(name));
    let text = |names: &[&str]| names.iter().find_map(|name| non_empty(claims.get(*name)));
    let user_text = |names: &[&str]| names.iter().find_map(|name| non_empty(user_metadata?.get(*name)));

    let username = text(&["preferred_username", "username", "email"]);
    let username = username.map_or_else(|| id.to_string(), str::to_owned);
    let roles = codes([claims.get("role"), claims.get("roles"), in_app("role"), in_app("roles")]);
    let permissions = codes([claims.get("permissions"), in_app("permissions")]);
    let mut user = UserInfo::builder(id, username)
        .admin(roles.contains(&admin_role))
        .roles(roles)
        .permissions(permissions);
    if let Some(email) = text(&["email"]) {
        user = user.email(email);
    }
    if let Some(phone) = text(&["phone", "phone_number"]) {
        user = user.phone(phone);
    }
    if let Some(name) = text(&["name", "nickname"]).or_else(|| user_text(&["full_name", "name"])) {
        user = user.nickname(name);
    }
    if let Some(picture) = text(&["picture"]).or_else(|| user_text(&["avatar_url", "picture"])) {
        user = user.avatar(picture);
    }
    Ok(user)
}

/// Reads `sub`: a string (RFC 7519 section 4.1.2), or the integer that some issuers write.
pub(super) fn subject(claims: &Map<String, Value>) -> Result<UserId, AuthError> {
    match claims.get("sub") {
        Some(Value::String(sub)) if !sub.trim().is_empty() => Ok(sub.as_str().into()),
        Some(Value::Number(sub)) => sub
            .as_i64()
            .map(UserId::from)
            .ok_or_else(|| invalid_token("malformed `sub` claim: expected an integer of at most 64 bits")),
        None => Err(invalid_token("missing `sub` claim")),
        _ => Err(invalid_token("malformed `sub` claim: expected a non-empty string or an integer")),
    }
}

fn non_empty(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// Collects all strings, alone or in arrays, without duplicates.
fn codes<const N: usize>(values: [Option<&Value>; N]) -> Vec<&str> {
    let mut codes = Vec::new();
    for value in values.into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for code in values.iter().filter_map(|value| non_empty(Some(value))) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(claims: &Value) -> UserInfo {
        default_claims_mapping(claims.as_object().unwrap()).unwrap().build()
    }

    #[test]
    fn supabase_claims_are_mapped_without_user_metadata_roles() {
        let alice = user(&json!({
            "sub": "3f6c", "role": "authenticated", "email": "alice@example.com", "phone": "",
            "app_metadata": {"provider": "email", "roles": ["editor"], "role": "staff", "permissions": ["a", "b"]},
            "user_metadata": {"full_name": "Alice", "avatar_url": "https://a/b.png", "role": "admin",
                "roles": ["admin"], "permissions": ["all"], "preferred_username": "root", "is_admin": true},
        }));
        assert_eq!((alice.id(), alice.username()), (&"3f6c".into(), "alice@example.com"));
        assert!(alice.roles().iter().eq(["authenticated", "staff", "editor"]));
        assert!(alice.permissions().iter().eq(["a", "b"]));
        assert!(!alice.is_admin(), "users write their own user_metadata");
        assert_eq!(alice.nickname(), Some("Alice"));
        assert_eq!(alice.avatar(), Some("https://a/b.png"));
        assert_eq!(alice.phone(), None);
    }

    #[test]
    fn missing_or_malformed_roles_give_no_rights() {
        let plain = user(&json!({"sub": 7}));
        assert_eq!((plain.id(), plain.username()), (&7.into(), "7"));
        assert!(plain.roles().is_empty() && plain.permissions().is_empty() && !plain.is_admin());
        for odd in [json!(null), json!(5), json!({"admin": true}), json!([["admin"], 1, null]), json!("")] {
            let user =
                user(&json!({"sub": "x", "role": odd, "roles": odd, "app_metadata": odd, "email": odd}));
            assert!(user.roles().is_empty() && !user.is_admin(), "{odd}");
        }
    }

    #[test]
    fn roles_may_be_strings_or_arrays() {
        let root = user(&json!({"sub": "x", "role": ["a", "admin"], "roles": "b", "permissions": "p"}));
        assert!(root.roles().iter().eq(["a", "admin", "b"]) && root.is_admin() && root.has_permission("p"));
        assert!(!user(&json!({"sub": "x", "role": "Admin"})).is_admin(), "codes are case-sensitive");
    }

    #[test]
    fn subject_must_be_a_non_empty_string_or_integer() {
        for (sub, ok) in [
            (json!("a"), true),
            (json!(0), true),
            (json!(-7), true),
            (json!(i64::MAX), true),
            (json!(u64::MAX), false),
            (json!(1.5), false),
            (json!(""), false),
            (json!("  "), false),
            (json!(null), false),
            (json!(true), false),
            (json!(["a"]), false),
        ] {
            let claims = json!({ "sub": sub });
            assert_eq!(default_claims_mapping(claims.as_object().unwrap()).is_ok(), ok, "{claims}");
        }
        assert!(default_claims_mapping(&Map::new()).is_err());
    }
}
