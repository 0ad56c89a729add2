//! The user behind a request.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::AuthError;

mod codes;
mod id;

pub use codes::Codes;
pub use id::UserId;

/// A verified user, as the layer leaves it in the request's extensions.
///
/// Cheap to clone: clones share one [`User`], whose fields are read through this type. Serialises to the twelve fields
/// of the auth center.
///
/// ```
/// use aigc_auth::UserInfo;
///
/// let user = UserInfo::builder(7, "alice").permissions(["report:read"]).email("alice@example.com").build();
/// assert_eq!(user.username.as_ref(), "alice");
/// assert_eq!(user.email.as_deref(), Some("alice@example.com"));
/// assert!(user.has_permission("report:read"));
/// ```
#[derive(Clone)]
pub struct UserInfo(Arc<Shared>);

struct Shared {
    user: User,
    access_key: Option<AccessKeyKind>,
    /// The claims that a token was verified by, as its JSON.
    #[cfg(feature = "jwt")]
    claims: Option<Box<str>>,
    /// Whether nobody has been told of this verification yet: see [`UserInfo::announce`].
    fresh: AtomicBool,
}

/// The fields of a [`UserInfo`]. All but `id` and `username` may be missing at the auth center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The user's id, a number or a string as the auth center has it. 0 for access keys of an app and global ones.
    pub id: UserId,
    /// The log-in name.
    pub username: Box<str>,
    /// The name to show.
    #[serde(default)]
    pub nickname: Option<Box<str>>,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<Box<str>>,
    /// The phone number.
    #[serde(default)]
    pub phone: Option<Box<str>>,
    /// The address of a picture.
    #[serde(default)]
    pub avatar: Option<Box<str>>,
    /// Codes of the roles, in the auth center's order. None for access keys.
    #[serde(default, deserialize_with = "null_as_default")]
    pub roles: Codes,
    /// Codes of the permissions, in the auth center's order. None for access keys.
    #[serde(default, deserialize_with = "null_as_default")]
    pub permissions: Codes,
    /// The department.
    #[serde(default)]
    pub department: Option<Box<str>>,
    /// The company.
    #[serde(default)]
    pub company: Option<Box<str>>,
    /// Whether the auth center calls the user an admin. It grants no permission by itself.
    #[serde(default, deserialize_with = "null_as_default")]
    pub is_admin: bool,
    /// The account's status, such as `active`.
    #[serde(default)]
    pub status: Option<Box<str>>,
}

/// Whose access key a request was made with; see [`UserInfo::access_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKeyKind {
    /// A user's own key: the request is that user's.
    User,
    /// The key of this app; no user is behind it: id 0, username `ak_app_<app id>`.
    App,
    /// A key for all apps; no user is behind it, and it is an admin: id 0, username `ak_global`.
    Global,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl UserInfo {
    /// Starts a user, for tests and for your own [`Verify`](crate::Verify).
    pub fn builder(id: impl Into<UserId>, username: impl Into<Box<str>>) -> UserInfoBuilder {
        UserInfoBuilder::from(User {
            id: id.into(),
            username: username.into(),
            nickname: None,
            email: None,
            phone: None,
            avatar: None,
            roles: Codes::default(),
            permissions: Codes::default(),
            department: None,
            company: None,
            is_admin: false,
            status: None,
        })
    }

    /// Whether the user has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Whether the user has this permission. Admins have none but those listed.
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Whether the user has at least one of these permissions. Of none: no.
    pub fn has_any_permission<P: AsRef<str>>(&self, permissions: impl IntoIterator<Item = P>) -> bool {
        permissions.into_iter().any(|permission| self.has_permission(permission.as_ref()))
    }

    /// Whether the user has all of these permissions. Of none: yes.
    pub fn has_all_permissions<P: AsRef<str>>(&self, permissions: impl IntoIterator<Item = P>) -> bool {
        permissions.into_iter().all(|permission| self.has_permission(permission.as_ref()))
    }

    /// Refuses a user without this permission, for codes known only at run time.
    ///
    /// ```
    /// # use aigc_auth::{AuthError, UserInfo};
    /// fn export(user: &UserInfo, table: &str) -> Result<(), AuthError> {
    ///     user.require(&format!("{table}:export"))?;
    ///     Ok(())
    /// }
    /// assert!(export(&UserInfo::builder(1, "alice").build(), "orders").is_err());
    /// ```
    ///
    /// # Errors
    /// [`MissingPermission`](crate::ErrorKind::MissingPermission), which a handler may return as it is: 403.
    pub fn require(&self, permission: &str) -> Result<(), AuthError> {
        if self.has_permission(permission) {
            Ok(())
        } else {
            Err(AuthError::missing_permission(permission.to_owned()))
        }
    }

    /// Which kind of access key the request was made with; `None` for a token.
    pub fn access_key(&self) -> Option<AccessKeyKind> {
        self.0.access_key
    }

    /// Whether both are clones of one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[cfg(feature = "jwt")]
    pub(crate) fn claims(&self) -> Option<&str> {
        self.0.claims.as_deref()
    }

    /// Says which claims the user was made of, as their JSON.
    #[cfg(feature = "jwt")]
    pub(crate) fn set_claims(&mut self, claims: String) {
        if Arc::get_mut(&mut self.0).is_none() {
            // Whoever mapped the claims keeps the user for himself.
            let mut builder = UserInfoBuilder::from(self.0.user.clone());
            builder.access_key = self.0.access_key;
            *self = builder.build();
        }
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.claims = Some(claims.into());
        }
    }

    /// Exchanges both lists of codes for equal ones. Only while nobody else holds the user.
    #[cfg(feature = "client")]
    pub(crate) fn replace_lists(&mut self, exchange: impl Fn(&mut Codes)) {
        if let Some(Shared { user, .. }) = Arc::get_mut(&mut self.0) {
            exchange(&mut user.roles);
            exchange(&mut user.permissions);
        }
    }

    /// True for exactly one caller per verification: hooks on fresh verifications ask here.
    ///
    /// The mark travels with the answer, so that it finds somebody even when the request that started the look-up is
    /// gone, or when the look-up was a refresh that nobody waited for.
    pub(crate) fn announce(&self) -> bool {
        self.0.fresh.load(Ordering::Relaxed) && self.0.fresh.swap(false, Ordering::Relaxed)
    }

    /// Takes an announcement back that did not come to its end: the next one who asks makes it.
    pub(crate) fn unannounce(&self) {
        self.0.fresh.store(true, Ordering::Relaxed);
    }
}

impl From<User> for UserInfo {
    fn from(user: User) -> Self {
        UserInfoBuilder::from(user).build()
    }
}

impl Deref for UserInfo {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0.user
    }
}

impl PartialEq for UserInfo {
    fn eq(&self, other: &Self) -> bool {
        **self == **other && self.access_key() == other.access_key()
    }
}

impl Eq for UserInfo {}

impl Serialize for UserInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        User::deserialize(deserializer).map(Self::from)
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Builds a [`UserInfo`]; made by [`UserInfo::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct UserInfoBuilder {
    user: User,
    access_key: Option<AccessKeyKind>,
    #[cfg(feature = "jwt")]
    claims: Option<Box<str>>,
}

impl From<User> for UserInfoBuilder {
    fn from(user: User) -> Self {
        Self {
            user,
            access_key: None,
            #[cfg(feature = "jwt")]
            claims: None,
        }
    }
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<Box<str>>) -> Self {
            self.user.$field = Some($field.into());
            self
        }
    )+};
}

impl UserInfoBuilder {
    text_setters! {
        /// Sets the name to show.
        nickname,
        /// Sets the e-mail address.
        email,
        /// Sets the phone number.
        phone,
        /// Sets the address of a picture.
        avatar,
        /// Sets the department.
        department,
        /// Sets the company.
        company,
        /// Sets the account's status.
        status,
    }

    /// Sets the id.
    pub fn id(mut self, id: impl Into<UserId>) -> Self {
        self.user.id = id.into();
        self
    }

    /// Sets the codes of the roles, in place of those set before.
    pub fn roles<R: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.user.roles = roles.into_iter().collect();
        self
    }

    /// Sets the codes of the permissions, in place of those set before.
    pub fn permissions<P: Into<Box<str>>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        self.user.permissions = permissions.into_iter().collect();
        self
    }

    /// Sets whether the user is an admin. Defaults to no.
    pub fn admin(mut self, is_admin: bool) -> Self {
        self.user.is_admin = is_admin;
        self
    }

    /// Says that the request came with an access key of this kind. Defaults to a token.
    pub fn access_key(mut self, kind: AccessKeyKind) -> Self {
        self.access_key = Some(kind);
        self
    }

    /// Sets the claims that [`jwt::Claims`](crate::jwt::Claims) reads. Defaults to none; a `JwtVerifier` sets those of
    /// the token.
    #[cfg(feature = "jwt")]
    pub fn claims(mut self, claims: &serde_json::Value) -> Self {
        self.claims = Some(claims.to_string().into());
        self
    }

    /// The user.
    #[must_use]
    pub fn build(self) -> UserInfo {
        UserInfo(Arc::new(Shared {
            user: self.user,
            access_key: self.access_key,
            #[cfg(feature = "jwt")]
            claims: self.claims,
            fresh: AtomicBool::new(true),
        }))
    }
}

impl From<UserInfoBuilder> for UserInfo {
    fn from(builder: UserInfoBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_id_and_username_may_be_null_or_absent() {
        let bare: UserInfo = serde_json::from_str(r#"{"id": 7, "username": "alice"}"#).unwrap();
        let nulls: UserInfo = serde_json::from_str(
            r#"{"id": 7, "username": "alice", "nickname": null, "email": null, "phone": null, "avatar": null,
                "roles": null, "permissions": null, "department": null, "company": null, "is_admin": null,
                "status": null, "something_new": {}}"#,
        )
        .unwrap();
        assert_eq!(bare, nulls);
        assert_eq!(bare, UserInfo::builder(7, "alice").build());
        for json in
            [r#"{"username": "alice"}"#, r#"{"id": 7}"#, r#"{"id": null, "username": "alice"}"#, "null"]
        {
            assert!(serde_json::from_str::<UserInfo>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn serialises_all_twelve_fields() {
        let user = UserInfo::builder("u-1", "alice").roles(["r"]).permissions(["p"]).admin(true).build();
        assert_eq!(
            serde_json::to_value(&user).unwrap(),
            serde_json::json!({
                "id": "u-1", "username": "alice", "nickname": null, "email": null, "phone": null, "avatar": null,
                "roles": ["r"], "permissions": ["p"], "department": null, "company": null, "is_admin": true,
                "status": null,
            })
        );
    }

    #[test]
    fn permissions_and_roles() {
        let user = UserInfo::builder(1, "alice").roles(["editor"]).permissions(["a", "b"]).build();
        assert!(user.has_role("editor") && !user.has_role("a"));
        assert!(user.has_permission("a") && !user.has_permission("editor"));
        assert!(user.has_any_permission(["x", "b"]) && !user.has_any_permission(["x", "y"]));
        assert!(user.has_all_permissions(["a", "b"]) && !user.has_all_permissions(["a", "x"]));
        assert!(!user.has_any_permission::<&str>([]) && user.has_all_permissions::<&str>([]));
        assert_eq!(user.require("x").unwrap_err().needed(), Some("x"));
        assert!(user.require("a").is_ok());
    }

    #[test]
    fn a_verification_is_announced_once() {
        let user = UserInfo::builder(1, "alice").build();
        let copy = user.clone();
        assert!(user.announce());
        assert!(!copy.announce() && !user.announce());
        copy.unannounce();
        assert!(user.announce() && !copy.announce());
    }
}
