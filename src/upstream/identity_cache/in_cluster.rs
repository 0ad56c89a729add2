//! A cache of a cluster, whose replicas tell it what they invalidate.

use std::time::Instant;

use super::cache::IdentityCache;
use super::key::{Key, KeyHasher};
use super::trust::{Trust, TrustTimes};
use super::value::Value;

impl<V: Value> IdentityCache<V> {
    /// Makes it a cache of a cluster, whose replicas make the same keys of a credential.
    pub(crate) fn in_cluster(mut self, keys: Option<&[[u8; 32]; 3]>, times: TrustTimes) -> Self {
        let hashers = keys.map(|keys| keys.each_ref().map(KeyHasher::with_key));
        self.are_keys_shared = hashers.is_some();
        self.hashers = hashers.unwrap_or(self.hashers);
        self.trust = Trust::in_cluster(times);
        self
    }

    /// Whether other replicas of a cluster make the same keys.
    pub(crate) fn are_keys_shared(&self) -> bool {
        self.are_keys_shared
    }

    /// Doubts what was looked up before, if it is no longer known what other replicas have invalidated.
    #[cold]
    pub(crate) fn end_trust(&self) {
        self.trust.end(self.clock().now(), || self.invalidations.doubt_all());
    }

    /// Trusts what is cached again: all invalidations of other replicas before this instant have been applied.
    pub(crate) fn renew_trust(&self, since: Instant) {
        self.trust.renew(self.clock().now(), since.elapsed(), || self.invalidations.end_doubt());
    }

    /// Returns whether a value of this epoch is to be looked up again: it was invalidated, or may have been.
    pub(crate) fn is_outdated(&self, key: Key, value: &V, epoch: u64) -> bool {
        self.is_invalidated(key, value, epoch) || self.invalidations.doubts(epoch)
    }
}
