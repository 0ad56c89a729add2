//! Cache what was looked up.

use std::sync::Arc;
use std::time::SystemTime;

use super::cache::IdentityCache;
use super::entry::{Entry, Negative, Terms};
use super::key::Key;
use super::ttls::CacheTtls;
use super::value::{RejectedAbout, Value};
use crate::types::error::AuthError;
use crate::util::clock::{Millis, millis};

impl<V: Value> IdentityCache<V> {
    /// Caches a value for the TTL, at most until `limit`, unless it was invalidated after `epoch`.
    #[cfg(any(test, feature = "jwt", feature = "test-util"))]
    pub(crate) fn insert(&self, key: Key, value: &V, limit: Option<SystemTime>, epoch: u64) {
        self.insert_aged(key, value, limit, epoch, 0, self.clock.now());
    }

    /// The same for a value that was verified so long ago: it has what is left of its times, for stale-if-error alone if the TTL is
    /// over. `started` is when its lookup started here.
    pub(crate) fn insert_aged(
        &self,
        key: Key,
        value: &V,
        limit: Option<SystemTime>,
        epoch: u64,
        age: Millis,
        started: Millis,
    ) {
        self.negatives.remove(&key);
        self.pauses.remove(key);
        // A cached one is known by its entry.
        self.known.remove(&key);
        let now = self.clock.now();
        // One that is over was prolonged: the auth center has just accepted the credential.
        let expiry = self.expiries.get(&key).filter(|expiry| *expiry > self.clock.today());
        let ends = [limit, expiry].into_iter().flatten().min();
        let limit = ends.map_or(Millis::MAX, |limit| self.clock.at(limit));
        let (ttl, stale_if_error) = (millis(self.ttls.ttl), millis(self.ttls.stale_if_error));
        // Out of touch, an invalidation may have been missed since the value was verified, which was before an answer that took its time
        // came here.
        let max_ttl = self.trust.max_ttl().saturating_sub(age.max(now.saturating_sub(started)));
        let left = ttl.saturating_sub(age).min(max_ttl);
        let stale_until = (now + left + stale_if_error).saturating_sub(age.saturating_sub(ttl)).min(limit);
        let left = left.min(limit.saturating_sub(now));
        if ttl == 0 || stale_until <= now {
            self.identities.remove(&key);
            self.known.insert(key, ());
            return;
        }
        let refresh_after = (left + age) * fastrand::u64(CacheTtls::REFRESH_PERCENT) / 100;
        let mut terms = Terms {
            check_at: 0.into(),
            refresh_at: (now + refresh_after.saturating_sub(age)).into(),
            expires_at: (now + left).into(),
            stale_until: stale_until.into(),
            ends: ends.into(),
            epoch: epoch.into(),
        };
        terms.check_at = self.next_check(&terms, now);
        self.identities.insert(key, Entry { value: value.clone(), terms });
        // After the insertion, so that an invalidation at the same time either is seen here or removes the entry.
        if self.is_invalidated(key, value, epoch) {
            self.remove_value(key);
        }
    }

    /// Caches a rejection for the negative TTL, and removes the value.
    pub(crate) fn insert_negative(
        &self,
        key: Key,
        error: &AuthError,
        about: Option<&Arc<RejectedAbout>>,
        epoch: u64,
    ) {
        self.identities.remove(&key);
        self.known.remove(&key);
        let expires_at = self.clock.now() + millis(self.ttls.negative_ttl).min(self.trust.max_ttl());
        let negative = Negative { error: error.clone(), about: about.cloned(), expires_at, epoch };
        self.negatives.insert(key, negative);
        if self.is_negative_invalidated(key, about.map(|about| &**about), epoch) {
            self.negatives.remove(&key);
        }
    }
}
