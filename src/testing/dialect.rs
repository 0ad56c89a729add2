//! Write answers as auth centers of different age do: all that differs between them is here.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::accounts::IssuedKey;
use super::timestamp::iso_8601;
use crate::types::user::{FeishuIds, UserGroup, UserInfo};

/// A version of the wire protocol that an [`AuthCenter`](super::AuthCenter) speaks, named after the first version of the
/// reference client for it. An older one is less than a newer one. Endpoints that a dialect does not have answer 404.
///
/// ```
/// use aigc_auth::testing::{AuthCenter, Dialect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let center = AuthCenter::builder().dialect(Dialect::V1_1_53).start().await;
/// // The auth center is upgraded while the service runs:
/// center.set_dialect(Dialect::default());
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// 1.1.53 and before: users with `is_admin` and without groups, access keys in camelCase, lists as `{users}`.
    V1_1_53,
    /// 1.1.54, 1.1.55: users with `is_admin` and groups, access keys in snake_case, lists as `{items}`.
    V1_1_54,
    /// 1.1.59 to 1.1.62, the current one: users with `isAdmin`, groups and Feishu ids, access keys in camelCase, bare lists.
    /// It has the endpoints that these versions brought one after the other.
    #[default]
    V1_1_59,
}

impl Dialect {
    /// Whether auth centers of this dialect have this endpoint, if there is one of this name at all.
    pub(super) fn has_endpoint(self, endpoint: &str) -> bool {
        let first = match endpoint {
            "/groups/list" => Self::V1_1_54,
            "/access-key/create"
            | "/users/compare-identity"
            | "/users/authorize-by-token"
            | "/feishu/message"
            | "/feishu/identity/users/sync"
            | "/feishu/identity/users/token" => Self::V1_1_59,
            _ => Self::V1_1_53,
        };
        self >= first
    }

    /// Returns the field of a request to `/users/batch-by-ids` that has the ids.
    pub(super) fn user_ids_field(self) -> &'static str {
        match self {
            Self::V1_1_53 => "userIds",
            Self::V1_1_54 | Self::V1_1_59 => "user_ids",
        }
    }

    /// Writes the user of a token, with the end of the token.
    pub(super) fn token_user(self, user: &UserInfo, expires_at: Option<SystemTime>) -> Value {
        let admin_field = match self {
            Self::V1_1_53 | Self::V1_1_54 => "is_admin",
            Self::V1_1_59 => "isAdmin",
        };
        let mut data = self.fields(user, admin_field);
        if let Some(expires_at) = expires_at {
            data["expiresAt"] = iso_8601(expires_at).into();
        }
        data
    }

    /// Writes a user that was found, not authenticated: the reference client reads only `is_admin` there.
    pub(super) fn found_user(self, user: &UserInfo) -> Value {
        self.fields(user, "is_admin")
    }

    fn fields(self, user: &UserInfo, admin_field: &str) -> Value {
        let mut data = json!({
            "id": user.id(),
            "username": user.username(),
            "nickname": user.nickname(),
            "email": user.email(),
            "phone": user.phone(),
            "avatar": user.avatar(),
            "roles": user.roles(),
            "permissions": user.permissions(),
            "department": user.department(),
            "company": user.company(),
            "status": user.status(),
        });
        if let Some(is_admin) = user.admin_flag() {
            data[admin_field] = is_admin.into();
        }
        if self >= Self::V1_1_54 {
            data["groups"] = user.groups().iter().map(group_of_user).collect();
        }
        if self >= Self::V1_1_59 {
            let ids = user.feishu();
            data["feishuUserId"] = json!(ids.and_then(FeishuIds::user_id));
            data["feishuOpenId"] = json!(ids.and_then(FeishuIds::open_id));
            data["feishuUnionId"] = json!(ids.and_then(FeishuIds::union_id));
            data["feishuTenantKey"] = json!(ids.and_then(FeishuIds::tenant_key));
        }
        data
    }

    /// Writes the list of users that were asked for.
    pub(super) fn found_users<'a>(self, users: impl IntoIterator<Item = &'a UserInfo>) -> Value {
        let users: Value = users.into_iter().map(|user| self.found_user(user)).collect();
        match self {
            Self::V1_1_53 => json!({ "users": users }),
            Self::V1_1_54 => json!({ "items": users }),
            Self::V1_1_59 => users,
        }
    }

    /// Writes the list of users that were asked for by name. Only the first dialect says which were not found.
    pub(super) fn users_by_name<'a>(
        self,
        users: impl IntoIterator<Item = &'a UserInfo>,
        not_found: &[&String],
    ) -> Value {
        let mut data = self.found_users(users);
        if self == Self::V1_1_53 {
            data["not_found"] = json!(not_found);
        }
        data
    }

    /// Writes a valid access key, with its owner if it is a user's.
    pub(super) fn access_key(self, issued: &IssuedKey, owner: Option<&UserInfo>) -> Value {
        let [key_type, key_id, key_name, app_id, user_id, is_admin] = match self {
            Self::V1_1_54 => ["key_type", "key_id", "key_name", "app_id", "user_id", "is_admin"],
            Self::V1_1_53 | Self::V1_1_59 => ["keyType", "keyId", "keyName", "appId", "userId", "isAdmin"],
        };
        let mut data = json!({
            "valid": true,
            key_type: issued.key.key_type,
            key_id: issued.id,
            key_name: issued.key.name,
            app_id: issued.key.app_id,
            user_id: owner.map(UserInfo::id),
            "username": owner.map(UserInfo::username),
            "nickname": owner.and_then(UserInfo::nickname),
            "email": owner.and_then(UserInfo::email),
        });
        let Some(owner) = owner else {
            data[is_admin] = Value::Null;
            return data;
        };
        if let Some(flag) = owner.admin_flag() {
            data[is_admin] = flag.into();
        }
        if self >= Self::V1_1_59 {
            data["phone"] = json!(owner.phone());
            data["avatar"] = json!(owner.avatar());
            data["status"] = json!(owner.status());
        }
        data
    }
}

/// Writes a group of a user. Descriptions are in the list of groups only.
fn group_of_user(group: &UserGroup) -> Value {
    json!({"id": group.id(), "name": group.name(), "code": group.code()})
}
