use std::sync::Arc;

use serde::{Deserialize, Deserializer};
#[cfg(feature = "client")]
use serde_json::Value;

use super::codes::Codes;
use super::feishu_ids::FeishuIds;
use super::group::UserGroup;
use super::id::UserId;
use super::texts::Bounds;
use crate::types::lenient;

/// The fields that the auth center has of a user, to be set one by one. All but `id` and `username` may be null or absent.
#[derive(Clone, Deserialize)]
#[serde(from = "Wire")]
pub(super) struct Fields {
    pub(super) id: UserId,
    pub(super) username: Box<str>,
    pub(super) nickname: Option<Box<str>>,
    pub(super) email: Option<Box<str>>,
    pub(super) phone: Option<Box<str>>,
    pub(super) avatar: Option<Box<str>>,
    pub(super) roles: Codes,
    pub(super) permissions: Codes,
    /// `None` for no groups.
    pub(super) groups: Option<Arc<[UserGroup]>>,
    pub(super) department: Option<Box<str>>,
    pub(super) company: Option<Box<str>>,
    /// `None` unless one of them is set.
    pub(super) feishu: Option<Box<FeishuIds>>,
    pub(super) is_admin: Option<bool>,
    pub(super) status: Option<Box<str>>,
}

/// The fields as they are sent. [`Record`](crate::types::spelling::Record) reads them in either spelling, and in camelCase if
/// both are there; without it, both are a name twice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    id: UserId,
    username: Box<str>,
    #[serde(default)]
    nickname: Option<Box<str>>,
    #[serde(default)]
    email: Option<Box<str>>,
    #[serde(default)]
    phone: Option<Box<str>>,
    #[serde(default)]
    avatar: Option<Box<str>>,
    #[serde(default, deserialize_with = "null_as_default")]
    roles: Codes,
    #[serde(default, deserialize_with = "null_as_default")]
    permissions: Codes,
    // Newer than all that a user needs to log in: one that is unreadable keeps nobody out.
    #[serde(default, deserialize_with = "lenient::list")]
    groups: Vec<UserGroup>,
    #[serde(default)]
    department: Option<Box<str>>,
    #[serde(default)]
    company: Option<Box<str>>,
    #[serde(default, alias = "feishu_user_id", deserialize_with = "lenient::optional")]
    feishu_user_id: Option<Box<str>>,
    #[serde(default, alias = "feishu_open_id", deserialize_with = "lenient::optional")]
    feishu_open_id: Option<Box<str>>,
    #[serde(default, alias = "feishu_union_id", deserialize_with = "lenient::optional")]
    feishu_union_id: Option<Box<str>>,
    #[serde(default, alias = "feishu_tenant_key", deserialize_with = "lenient::optional")]
    feishu_tenant_key: Option<Box<str>>,
    #[serde(default, alias = "is_admin")]
    is_admin: Option<bool>,
    #[serde(default)]
    status: Option<Box<str>>,
    /// Of the credential, in an answer about one.
    #[cfg(feature = "client")]
    #[serde(default, alias = "expires_at")]
    pub(super) expires_at: Option<Value>,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

impl From<Wire> for Fields {
    fn from(wire: Wire) -> Self {
        let feishu = FeishuIds {
            user_id: wire.feishu_user_id,
            open_id: wire.feishu_open_id,
            union_id: wire.feishu_union_id,
            tenant_key: wire.feishu_tenant_key,
        };
        let mut fields = Self {
            nickname: wire.nickname,
            email: wire.email,
            phone: wire.phone,
            avatar: wire.avatar,
            roles: wire.roles,
            permissions: wire.permissions,
            department: wire.department,
            company: wire.company,
            is_admin: wire.is_admin,
            status: wire.status,
            ..Self::new(wire.id, wire.username)
        };
        fields.set_groups(wire.groups);
        fields.set_feishu(feishu);
        fields
    }
}

impl Fields {
    pub(super) fn new(id: UserId, username: Box<str>) -> Self {
        Self {
            id,
            username,
            nickname: None,
            email: None,
            phone: None,
            avatar: None,
            roles: Codes::default(),
            permissions: Codes::default(),
            groups: None,
            department: None,
            company: None,
            feishu: None,
            is_admin: Some(false),
            status: None,
        }
    }

    pub(super) fn texts(&self) -> (Box<str>, Bounds) {
        let Self { nickname, email, phone, avatar, department, company, status, .. } = self;
        let others = [nickname, email, phone, avatar, department, company, status];
        Bounds::join(&self.username, others.map(Option::as_deref))
    }

    pub(super) fn set_groups(&mut self, groups: impl IntoIterator<Item = UserGroup>) {
        // Not an `Arc` at once: that allocates for none, too, and most users have none.
        let groups: Vec<UserGroup> = groups.into_iter().collect();
        self.groups = (!groups.is_empty()).then(|| groups.into());
    }

    pub(super) fn set_feishu(&mut self, ids: FeishuIds) {
        self.feishu = (ids != FeishuIds::default()).then(|| Box::new(ids));
    }
}
