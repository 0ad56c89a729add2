use std::time::Instant;

use crate::ports::invalidation::Invalidation;
use crate::upstream::identity_cache::{IdentityCache, Value};

/// A cache of this process that belongs to a cluster.
pub(crate) trait Member: Send + Sync + 'static {
    /// Applies an invalidation here.
    fn apply_here(&self, invalidation: &Invalidation);

    /// The cache that trusts the cluster.
    fn trusting(&self) -> &dyn Trusting;
}

/// What a cache does about what its cluster proves, whatever its values are.
pub(crate) trait Trusting: Send + Sync {
    /// Forgets everything.
    fn forget(&self);
    /// All invalidations of other replicas before this instant have been applied.
    fn renew_trust(&self, since: Instant);
    /// Doubts what is cached, if there was no proof for too long.
    fn check_trust(&self);
}

impl<V: Value> Trusting for IdentityCache<V> {
    fn forget(&self) {
        self.clear();
    }

    fn renew_trust(&self, since: Instant) {
        IdentityCache::renew_trust(self, since);
    }

    fn check_trust(&self) {
        self.end_trust();
    }
}
