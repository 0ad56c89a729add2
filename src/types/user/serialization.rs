//! A user as the auth center writes them.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
#[cfg(feature = "client")]
use serde_json::{Map, Value};

use super::feishu_ids::FeishuIds;
use super::fields::Fields;
use super::info::UserInfo;
#[cfg(feature = "client")]
use crate::types::spelling;
use crate::types::spelling::Record;

/// In snake_case, whatever the auth center's spelling. An admin flag that it did not send is null.
impl Serialize for UserInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let feishu = |id: fn(&FeishuIds) -> Option<&str>| self.feishu().and_then(id);
        let mut fields = serializer.serialize_struct("UserInfo", 17)?;
        fields.serialize_field("id", self.id())?;
        fields.serialize_field("username", self.username())?;
        fields.serialize_field("nickname", &self.nickname())?;
        fields.serialize_field("email", &self.email())?;
        fields.serialize_field("phone", &self.phone())?;
        fields.serialize_field("avatar", &self.avatar())?;
        fields.serialize_field("roles", self.roles())?;
        fields.serialize_field("permissions", self.permissions())?;
        fields.serialize_field("groups", self.groups())?;
        fields.serialize_field("department", &self.department())?;
        fields.serialize_field("company", &self.company())?;
        fields.serialize_field("feishu_user_id", &feishu(FeishuIds::user_id))?;
        fields.serialize_field("feishu_open_id", &feishu(FeishuIds::open_id))?;
        fields.serialize_field("feishu_union_id", &feishu(FeishuIds::union_id))?;
        fields.serialize_field("feishu_tenant_key", &feishu(FeishuIds::tenant_key))?;
        fields.serialize_field("is_admin", &self.admin_flag())?;
        fields.serialize_field("status", &self.status())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for UserInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Record::<Fields>(fields) = Record::deserialize(deserializer)?;
        Ok(Self::of_fields(fields))
    }
}

impl UserInfo {
    /// Reads the user's fields, as `Deserialize` does, of an object that was parsed.
    #[cfg(feature = "client")]
    pub(crate) fn from_object(fields: Map<String, Value>) -> Result<Self, serde_json::Error> {
        spelling::record(fields).map(Self::of_fields)
    }

    pub(super) fn of_fields(fields: Fields) -> Self {
        Self::from_parts(
            fields,
            None,
            false,
            false,
            None,
            None,
            #[cfg(feature = "jwt")]
            None,
        )
    }
}
