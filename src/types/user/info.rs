use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::access_key_kind::AccessKeyKind;
use super::codes::Codes;
use super::fields::Fields;
use super::id::UserId;
use crate::types::error::AuthError;

/// A verified user, as the layer leaves it in the request's extensions.
///
/// Cheap to clone: clones share one allocation. Serializes to the twelve fields of the auth center.
///
/// ```
/// use aigc_auth::UserInfo;
///
/// let user = UserInfo::builder(7, "alice").permissions(["report:read"]).email("alice@example.com").build();
/// assert_eq!(user.username(), "alice");
/// assert_eq!(user.email(), Some("alice@example.com"));
/// assert!(user.has_permission("report:read"));
/// ```
#[derive(Clone)]
pub struct UserInfo(Arc<Shared>);

struct Shared {
    fields: Fields,
    access_key: Option<AccessKeyKind>,
    /// The claims that a token was verified by, as its JSON.
    #[cfg(feature = "jwt")]
    claims: Option<Box<str>>,
    /// Whether no hook has seen this verification yet: see [`UserInfo::take_fresh`].
    fresh: AtomicBool,
}

macro_rules! text_getters {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $field(&self) -> Option<&str> {
            self.0.fields.$field.as_deref()
        }
    )+};
}

impl UserInfo {
    /// How many bytes are allocated for a user, beside texts and lists.
    #[cfg(feature = "client")]
    pub(crate) const ALLOCATION: usize = size_of::<Shared>();

    pub(super) fn from_parts(
        fields: Fields,
        access_key: Option<AccessKeyKind>,
        #[cfg(feature = "jwt")] claims: Option<Box<str>>,
    ) -> Self {
        Self(Arc::new(Shared {
            fields,
            access_key,
            #[cfg(feature = "jwt")]
            claims,
            fresh: AtomicBool::new(true),
        }))
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.0.fields
    }

    /// The user's id, a number or a string as the auth center has it. 0 for access keys of an app and global ones.
    pub fn id(&self) -> &UserId {
        &self.0.fields.id
    }

    /// The login name.
    pub fn username(&self) -> &str {
        &self.0.fields.username
    }

    text_getters! {
        /// The display name.
        nickname,
        /// The e-mail address.
        email,
        /// The phone number.
        phone,
        /// The URL of a picture.
        avatar,
        /// The department.
        department,
        /// The company.
        company,
        /// The account's status, such as `active`.
        status,
    }

    /// Codes of the roles, in the auth center's order. Empty for access keys.
    pub fn roles(&self) -> &Codes {
        &self.0.fields.roles
    }

    /// Codes of the permissions, in the auth center's order. Empty for access keys.
    pub fn permissions(&self) -> &Codes {
        &self.0.fields.permissions
    }

    /// Whether the user is an admin at the auth center. The flag grants no permission by itself.
    pub fn is_admin(&self) -> bool {
        self.0.fields.is_admin
    }

    /// Whether the user has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles().contains(role)
    }

    /// Whether the user has this permission. Admins have none but those listed.
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions().contains(permission)
    }

    /// Whether the user has at least one of these permissions. `false` for an empty list.
    pub fn has_any_permission<P: AsRef<str>>(&self, permissions: impl IntoIterator<Item = P>) -> bool {
        permissions.into_iter().any(|permission| self.has_permission(permission.as_ref()))
    }

    /// Whether the user has all of these permissions. `true` for an empty list.
    pub fn has_all_permissions<P: AsRef<str>>(&self, permissions: impl IntoIterator<Item = P>) -> bool {
        permissions.into_iter().all(|permission| self.has_permission(permission.as_ref()))
    }

    /// Rejects a user without this permission, for codes known only at run time.
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
    /// [`MissingPermission`](crate::error::ErrorKind::MissingPermission), which a handler may return as it is: 403.
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

    /// Sets the claims that the user was built from, as their JSON.
    #[cfg(feature = "jwt")]
    pub(crate) fn set_claims(&mut self, claims: String) {
        let claims = Some(claims.into());
        match Arc::get_mut(&mut self.0) {
            Some(shared) => shared.claims = claims,
            // The function that mapped the claims has kept a clone.
            None => *self = Self::from_parts(self.0.fields.clone(), self.0.access_key, claims),
        }
    }

    /// Replaces both lists of codes by equal ones. Only while no clone exists.
    #[cfg(feature = "client")]
    pub(crate) fn replace_codes(&mut self, replace: impl Fn(&mut Codes)) {
        if let Some(Shared { fields, .. }) = Arc::get_mut(&mut self.0) {
            replace(&mut fields.roles);
            replace(&mut fields.permissions);
        }
    }

    /// True for exactly one caller per verification: whether to run a hook on fresh verifications.
    ///
    /// The mark travels with the answer, so that one request finds it even when the request that started the lookup is
    /// gone, or when the lookup was a refresh in the background.
    pub(crate) fn take_fresh(&self) -> bool {
        self.0.fresh.load(Ordering::Relaxed) && self.0.fresh.swap(false, Ordering::Relaxed)
    }

    /// Marks the verification as fresh again, after a hook that was interrupted.
    pub(crate) fn restore_fresh(&self) {
        self.0.fresh.store(true, Ordering::Relaxed);
    }
}

impl PartialEq for UserInfo {
    fn eq(&self, other: &Self) -> bool {
        self.0.fields == other.0.fields && self.access_key() == other.access_key()
    }
}

impl Eq for UserInfo {}

impl Serialize for UserInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        Ok(Self::from_parts(
            fields,
            None,
            #[cfg(feature = "jwt")]
            None,
        ))
    }
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserInfo")
            .field("id", self.id())
            .field("username", &self.username())
            .field("nickname", &self.nickname())
            .field("email", &self.email())
            .field("phone", &self.phone())
            .field("avatar", &self.avatar())
            .field("roles", self.roles())
            .field("permissions", self.permissions())
            .field("department", &self.department())
            .field("company", &self.company())
            .field("is_admin", &self.is_admin())
            .field("status", &self.status())
            .field("access_key", &self.access_key())
            .finish()
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
    fn a_verification_is_fresh_once() {
        let user = UserInfo::builder(1, "alice").build();
        let copy = user.clone();
        assert!(user.take_fresh());
        assert!(!copy.take_fresh() && !user.take_fresh());
        copy.restore_fresh();
        assert!(user.take_fresh() && !copy.take_fresh());
    }
}
