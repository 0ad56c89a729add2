//! What the cache keeps.

#[cfg(feature = "jwt")]
use crate::types::revocation::RevocationMark;
use crate::types::tenant::TenantBinding;
use crate::types::user::{Codes, FeishuIds, UserGroup, UserId, UserInfo};

/// A value that is cached under a key, and whom it is about.
pub(crate) trait Value: Clone + Send + Sync + 'static {
    /// About how many bytes it takes, as if it shared nothing.
    fn size(&self) -> usize;

    /// Whether both are clones of one.
    fn is_same(&self, other: &Self) -> bool;

    /// Whom it is about: an invalidation of either covers it.
    fn about(&self) -> About<'_>;
}

/// A user, and a name that an invalidation may give instead: the user's own, or that of an organisation.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) user: &'a UserId,
    pub(crate) name: Option<&'a str>,
}

/// The same of a rejection whose key was made from it, such as a membership's. Credentials do not tell whose they are.
pub(crate) struct RejectedAbout {
    pub(crate) user: UserId,
    pub(crate) name: Option<Box<str>>,
}

impl RejectedAbout {
    pub(super) fn about(&self) -> About<'_> {
        About { user: &self.user, name: self.name.as_deref() }
    }
}

impl Value for UserInfo {
    fn size(&self) -> usize {
        let texts = [
            self.nickname(),
            self.email(),
            self.phone(),
            self.avatar(),
            self.department(),
            self.company(),
            self.status(),
        ];
        let texts: usize = texts.into_iter().flatten().map(str::len).sum();
        let codes =
            |codes: &Codes| codes.iter().map(|code| code.len() + size_of::<Box<str>>()).sum::<usize>();
        #[cfg(feature = "jwt")]
        let claims = self.claims().map_or(0, str::len) + self.revocation().map_or(0, RevocationMark::size);
        #[cfg(not(feature = "jwt"))]
        let claims = 0;
        UserInfo::ALLOCATION
            + self.username().len()
            + texts
            + claims
            + codes(self.roles())
            + codes(self.permissions())
            + self.groups().iter().map(UserGroup::size).sum::<usize>()
            + self.feishu().map_or(0, FeishuIds::size)
            + self.bound_to().map_or(0, TenantBinding::size)
    }

    fn is_same(&self, other: &Self) -> bool {
        UserInfo::is_same(self, other)
    }

    fn about(&self) -> About<'_> {
        About { user: self.id(), name: Some(self.username()) }
    }
}
