use super::codes::Codes;
use super::group::UserGroup;
use super::info::{Shared, UserInfo};
use super::rare::{Rare, Rarest};
#[cfg(feature = "jwt")]
use crate::types::revocation::RevocationMark;
use crate::types::tenant::binding::TenantBinding;

impl UserInfo {
    /// About how many bytes the user takes, as if the lists were not shared with others.
    pub(crate) fn size(&self) -> usize {
        /// The counters of an `Arc`.
        const COUNTERS: usize = 2 * size_of::<usize>();
        let Shared { texts, rare, .. } = &*self.0;
        // One counter: see `info.rs`.
        size_of::<usize>()
            + size_of::<Shared>()
            + self.id().as_str().map_or(0, |id| COUNTERS + id.len())
            + texts.len()
            + [self.roles(), self.permissions()].into_iter().map(Codes::size).sum::<usize>()
            + rare.as_deref().map_or(0, Rare::size)
    }
}

impl Rare {
    fn size(&self) -> usize {
        #[cfg(feature = "jwt")]
        let of_token = self.claims.as_deref().map_or(0, str::len)
            + self.revocation.as_deref().map_or(0, RevocationMark::size);
        #[cfg(not(feature = "jwt"))]
        let of_token = 0;
        size_of::<Self>()
            + self.groups.iter().flat_map(|groups| groups.iter()).map(UserGroup::size).sum::<usize>()
            + self.rarest.as_deref().map_or(0, Rarest::size)
            + self.binding.as_deref().map_or(0, TenantBinding::size)
            + of_token
    }
}

impl Rarest {
    fn size(&self) -> usize {
        let beside = self.feishu.as_ref().map_or(0, |ids| ids.size() - size_of_val(ids));
        size_of::<Self>() + beside
    }
}
