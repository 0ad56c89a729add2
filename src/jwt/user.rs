//! From claims to the user they speak of.

use serde_json::{Map, Value};

use super::invalid;
use crate::error::AuthError;
use crate::user::{UserId, UserInfo, UserInfoBuilder};

/// The role whose holders are admins, unless [configured](super::JwtVerifierBuilder::admin_role) otherwise.
pub(super) const ADMIN: &str = "admin";

/// The user that claims speak of, as it is mapped by default; for mappings of your own to start from.
///
/// - id: `sub`, a string or a whole number, kept apart as they came;
/// - username: `preferred_username`, else `username`, else `email`, else the id;
/// - roles: `role` and `roles`, each a string or an array of them, also those in `app_metadata`; none is a plain user;
/// - permissions: `permissions`, in the same way;
/// - admin: whether one of the roles is `admin`;
/// - e-mail, phone: `email`, `phone` or `phone_number`;
/// - nickname, avatar: `name` or `nickname`, `picture`, else `full_name`, `name`, `avatar_url` and `picture` in
///   `user_metadata`.
///
/// Supabase lets users write their own `user_metadata`: nothing that anybody is allowed by is read from it, nor the
/// username. Members of another type than expected are left out.
///
/// ```
/// use aigc_auth::jwt;
/// use serde_json::json;
///
/// let claims = json!({"sub": "3f6c", "role": "admin", "email": "root@example.com"});
/// let user = jwt::user_of(claims.as_object().unwrap())?.department("IT").build();
/// assert_eq!(user.id, "3f6c".into());
/// assert!(user.is_admin && user.has_role("admin"));
/// # Ok::<(), aigc_auth::AuthError>(())
/// ```
///
/// # Errors
/// [`InvalidCredential`](crate::ErrorKind::InvalidCredential) if `sub` is missing, empty, or neither string nor whole
/// number.
pub fn user_of(claims: &Map<String, Value>) -> Result<UserInfoBuilder, AuthError> {
    user_with_admin(claims, ADMIN)
}

pub(super) fn user_with_admin(
    claims: &Map<String, Value>,
    admin_role: &str,
) -> Result<UserInfoBuilder, AuthError> {
    let id = subject(claims)?;
    let app = claims.get("app_metadata").and_then(Value::as_object);
    let own = claims.get("user_metadata").and_then(Value::as_object);
    let of_app = |name: &str| app.and_then(|app| app.get(name));
    let text = |names: &[&str]| names.iter().find_map(|name| word(claims.get(*name)));
    let own_text = |names: &[&str]| names.iter().find_map(|name| word(own?.get(*name)));

    let username = text(&["preferred_username", "username", "email"]);
    let username = username.map_or_else(|| id.to_string(), str::to_owned);
    let roles = codes([claims.get("role"), claims.get("roles"), of_app("role"), of_app("roles")]);
    let permissions = codes([claims.get("permissions"), of_app("permissions")]);
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
    if let Some(name) = text(&["name", "nickname"]).or_else(|| own_text(&["full_name", "name"])) {
        user = user.nickname(name);
    }
    if let Some(picture) = text(&["picture"]).or_else(|| own_text(&["avatar_url", "picture"])) {
        user = user.avatar(picture);
    }
    Ok(user)
}

/// RFC 7519 section 4.1.2 has a string; some issuers write their users' numbers as numbers.
pub(super) fn subject(claims: &Map<String, Value>) -> Result<UserId, AuthError> {
    match claims.get("sub") {
        Some(Value::String(sub)) if !sub.trim().is_empty() => Ok(sub.as_str().into()),
        Some(Value::Number(sub)) => {
            sub.as_i64().map(UserId::from).ok_or_else(|| invalid("its sub is not a whole number"))
        }
        None => Err(invalid("it has no sub")),
        _ => Err(invalid("its sub is empty, or neither a string nor a number")),
    }
}

fn word(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// All strings that stand there, alone or in arrays, each once.
fn codes<const N: usize>(values: [Option<&Value>; N]) -> Vec<&str> {
    let mut codes = Vec::new();
    for value in values.into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for code in values.iter().filter_map(|value| word(Some(value))) {
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
        user_of(claims.as_object().unwrap()).unwrap().build()
    }

    #[test]
    fn as_supabase_writes_them() {
        let alice = user(&json!({
            "sub": "3f6c", "role": "authenticated", "email": "alice@example.com", "phone": "",
            "app_metadata": {"provider": "email", "roles": ["editor"], "role": "staff", "permissions": ["a", "b"]},
            "user_metadata": {"full_name": "Alice", "avatar_url": "https://a/b.png", "role": "admin",
                "roles": ["admin"], "permissions": ["all"], "preferred_username": "root", "is_admin": true},
        }));
        assert_eq!((&alice.id, &*alice.username), (&"3f6c".into(), "alice@example.com"));
        assert!(alice.roles.iter().eq(["authenticated", "staff", "editor"]));
        assert!(alice.permissions.iter().eq(["a", "b"]));
        assert!(!alice.is_admin, "users write their own user_metadata");
        assert_eq!(alice.nickname.as_deref(), Some("Alice"));
        assert_eq!(alice.avatar.as_deref(), Some("https://a/b.png"));
        assert_eq!(alice.phone, None);
    }

    #[test]
    fn a_missing_role_is_a_plain_user() {
        let plain = user(&json!({"sub": 7}));
        assert_eq!((&plain.id, &*plain.username), (&7.into(), "7"));
        assert!(plain.roles.is_empty() && plain.permissions.is_empty() && !plain.is_admin);
        for odd in [json!(null), json!(5), json!({"admin": true}), json!([["admin"], 1, null]), json!("")] {
            let user =
                user(&json!({"sub": "x", "role": odd, "roles": odd, "app_metadata": odd, "email": odd}));
            assert!(user.roles.is_empty() && !user.is_admin, "{odd}");
        }
    }

    #[test]
    fn roles_are_words_or_lists_of_them() {
        let root = user(&json!({"sub": "x", "role": ["a", "admin"], "roles": "b", "permissions": "p"}));
        assert!(root.roles.iter().eq(["a", "admin", "b"]) && root.is_admin && root.has_permission("p"));
        assert!(!user(&json!({"sub": "x", "role": "Admin"})).is_admin, "codes are compared as they are");
    }

    #[test]
    fn subjects() {
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
            assert_eq!(user_of(claims.as_object().unwrap()).is_ok(), ok, "{claims}");
        }
        assert!(user_of(&Map::new()).is_err());
    }
}
