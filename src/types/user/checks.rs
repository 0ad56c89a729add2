//! Check a user's roles, permissions and groups.

use super::info::UserInfo;
use crate::types::error::AuthError;

impl UserInfo {
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

    /// Whether the user is in the group of this code.
    pub fn has_group(&self, group: &str) -> bool {
        self.groups().iter().any(|known| known.code() == Some(group))
    }

    /// Whether the user is in at least one of these groups. `false` for an empty list.
    pub fn has_any_group<G: AsRef<str>>(&self, groups: impl IntoIterator<Item = G>) -> bool {
        groups.into_iter().any(|group| self.has_group(group.as_ref()))
    }

    /// Whether the user is in all of these groups. `true` for an empty list.
    pub fn has_all_groups<G: AsRef<str>>(&self, groups: impl IntoIterator<Item = G>) -> bool {
        groups.into_iter().all(|group| self.has_group(group.as_ref()))
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
}
