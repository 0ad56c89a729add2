use std::sync::Arc;

use super::feishu_ids::FeishuIds;
use super::group::UserGroup;
#[cfg(feature = "jwt")]
use crate::types::revocation::RevocationMark;
use crate::types::tenant::binding::TenantBinding;

/// What only some users have, or only some credentials: in an allocation of its own, that others do without.
#[derive(Default)]
pub(super) struct Rare {
    /// `None` for no groups.
    pub(super) groups: Option<Arc<[UserGroup]>>,
    /// `None` unless one of them is set.
    pub(super) feishu: Option<Box<FeishuIds>>,
    pub(super) binding: Option<Box<TenantBinding>>,
    /// The claims that a token was verified by, as its JSON.
    #[cfg(feature = "jwt")]
    pub(super) claims: Option<Box<str>>,
    /// What the token may be revoked by.
    #[cfg(feature = "jwt")]
    pub(super) revocation: Option<Box<RevocationMark>>,
}

impl Rare {
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        let is_empty = self.groups.is_none() && self.feishu.is_none() && self.binding.is_none();
        #[cfg(feature = "jwt")]
        let is_empty = is_empty && self.claims.is_none() && self.revocation.is_none();
        (!is_empty).then(|| Box::new(self))
    }
}
