use super::keys::Name;
use crate::types::revocation::Instant;
use crate::util::clock::Millis;

/// What Redis has under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: Name,
    /// `None` if it has nothing.
    pub(super) entry: Option<FoundEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FoundEntry {
    /// Tokens that were issued before are revoked.
    pub(super) before: Instant,
    /// For how long the key is there; `None` for ever.
    pub(super) rest: Option<Millis>,
}
