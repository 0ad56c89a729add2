use std::error::Error;
use std::fmt;

use crate::types::error::{AuthError, ErrorKind};

/// Why a user has no membership. Converts to an [`AuthError`] that is answered 403, and is its
/// [`source`](std::error::Error::source).
///
/// ```
/// use std::error::Error;
///
/// use aigc_auth::AuthError;
/// use aigc_auth::tenant::NoMembership;
///
/// let error = AuthError::from(NoMembership::Suspended);
/// assert_eq!(error.status().as_u16(), 403);
/// let why = error.source().and_then(|source| source.downcast_ref());
/// assert_eq!(why, Some(&NoMembership::Suspended));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoMembership {
    /// The user is no member, or there is no such organisation: callers are not told which.
    NotAMember,
    /// No organisation was named, and the user has none by default.
    NoDefault,
    /// The user's membership is suspended, or not active for another reason.
    Suspended,
    /// The organisation was deleted.
    OrgDeleted,
}

impl NoMembership {
    const fn text(self) -> &'static str {
        match self {
            Self::NotAMember => "the user is no member of the organisation, or there is none of this id",
            Self::NoDefault => "no organisation was named, and the user has none by default",
            Self::Suspended => "the user's membership in the organisation is not active",
            Self::OrgDeleted => "the organisation was deleted",
        }
    }

    /// Reads why from an error.
    pub(crate) fn of(error: &AuthError) -> Option<Self> {
        error.source()?.downcast_ref().copied()
    }
}

impl fmt::Display for NoMembership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Error for NoMembership {}

impl From<NoMembership> for AuthError {
    fn from(why: NoMembership) -> Self {
        Self::new(ErrorKind::Denied).with_detail(why.text()).with_source(why)
    }
}
