//! What the cache keeps.

use crate::types::user::{UserId, UserInfo};

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
        UserInfo::size(self)
    }

    fn is_same(&self, other: &Self) -> bool {
        UserInfo::is_same(self, other)
    }

    fn about(&self) -> About<'_> {
        About { user: self.id(), name: Some(self.username()) }
    }
}
