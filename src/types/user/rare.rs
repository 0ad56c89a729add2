use std::sync::Arc;
use std::time::SystemTime;

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
    pub(super) rarest: Option<Box<Rarest>>,
    pub(super) binding: Option<Box<TenantBinding>>,
    /// The claims that a token was verified by, as its JSON.
    #[cfg(feature = "jwt")]
    pub(super) claims: Option<Box<str>>,
    /// What the token may be revoked by.
    #[cfg(feature = "jwt")]
    pub(super) revocation: Option<Box<RevocationMark>>,
}

/// What fewer have: in a third one, as the first fills one of glibc's sizes.
#[derive(Default)]
pub(super) struct Rarest {
    /// `None` unless one of them is set.
    pub(super) feishu: Option<FeishuIds>,
    /// When the credential ends, where [`End`](super::end::End) cannot say it.
    pub(super) end: Option<SystemTime>,
}

impl Rarest {
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        (self.feishu.is_some() || self.end.is_some()).then(|| Box::new(self))
    }
}

impl Rare {
    pub(super) fn boxed(self) -> Option<Box<Self>> {
        let is_empty = self.groups.is_none() && self.rarest.is_none() && self.binding.is_none();
        #[cfg(feature = "jwt")]
        let is_empty = is_empty && self.claims.is_none() && self.revocation.is_none();
        (!is_empty).then(|| Box::new(self))
    }
}
