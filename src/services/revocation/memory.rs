use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::list::RevokedList;
use crate::ports::invalidate::{DynInvalidate, Invalidate};
use crate::ports::revocations::{RevocationError, Revocations};
use crate::types::revocation::{Revocation, RevocationStatus, TokenIds};
use crate::util::clock::Clock;

/// A list of revocations of one process. Clones share it.
///
/// Each entry is removed at its end, when the tokens that it is about have expired. Has 1,000,000 entries at most, about 150
/// bytes each; a revocation beyond them fails. A process that ends forgets them: tokens that it had revoked are valid again.
///
/// ```
/// use aigc_auth::jwt::JwtVerifier;
/// use aigc_auth::revocation::MemoryRevocations;
///
/// let verifier = JwtVerifier::from_secret("a secret of at least 32 characters")
///     .revocations(MemoryRevocations::new())
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
pub struct MemoryRevocations(Arc<RevokedList>);

impl MemoryRevocations {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::of(Clock::default(), vec![])
    }

    /// Creates an empty list that invalidates a revoked user in this cache as well, such as an `AuthClient`'s.
    pub fn with_invalidate(cache: impl Invalidate) -> Self {
        Self::of(Clock::default(), vec![Box::new(cache)])
    }

    /// Creates an empty list with this clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn with_clock(clock: Clock) -> Self {
        Self::of(clock, vec![])
    }

    fn of(clock: Clock, caches: Vec<Box<dyn DynInvalidate>>) -> Self {
        Self(Arc::new(RevokedList::new(clock, RevokedList::CAPACITY, caches)))
    }

    /// Returns how many revocations are remembered, those included that have ended since the last one was added.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for MemoryRevocations {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocations for MemoryRevocations {
    fn version(&self) -> u64 {
        self.0.version()
    }

    fn status(&self, ids: &TokenIds) -> RevocationStatus {
        if self.0.covers(ids) { RevocationStatus::Revoked } else { RevocationStatus::Valid }
    }

    async fn is_revoked(&self, ids: &TokenIds) -> Result<bool, RevocationError> {
        Ok(self.0.covers(ids))
    }

    async fn revoke(&self, revocation: &Revocation, until: SystemTime) -> Result<(), RevocationError> {
        self.0.add(revocation, self.0.clock().at(until))?;
        self.0.spread().await
    }
}

impl fmt::Debug for MemoryRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRevocations").field("entries", &self.len()).finish()
    }
}
