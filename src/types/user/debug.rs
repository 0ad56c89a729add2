use std::fmt;

use super::info::UserInfo;
use crate::types::present::present;

/// What a service decides by, and of the rest the names of the fields that are there: their values are personal data.
impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = present([
            ("username", true),
            ("nickname", self.nickname().is_some()),
            ("email", self.email().is_some()),
            ("phone", self.phone().is_some()),
            ("avatar", self.avatar().is_some()),
            ("department", self.department().is_some()),
            ("company", self.company().is_some()),
            ("feishu", self.feishu().is_some()),
        ]);
        f.debug_struct("UserInfo")
            .field("id", self.id())
            .field("roles", self.roles())
            .field("permissions", self.permissions())
            .field("groups", &self.groups())
            .field("is_admin", &self.admin_flag())
            .field("status", &self.status())
            .field("access_key", &self.access_key())
            .field("bound_to", &self.bound_to())
            .field("fields", &fields)
            .finish_non_exhaustive()
    }
}
