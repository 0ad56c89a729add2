//! Change when an entry is refreshed, and when it ends.

use std::time::SystemTime;

use super::cache::IdentityCache;
use super::key::Key;
use super::value::Value;
use crate::util::clock::millis;

impl<V: Value> IdentityCache<V> {
    /// Postpones the next refresh after a failed one: by 5 % of the TTL, at least 1 s.
    pub(crate) fn postpone_refresh(&self, key: Key) {
        let pause = (millis(self.ttls.ttl) / 20).max(1_000);
        let now = self.clock().now();
        self.update(key, |identity| {
            identity.refresh_at = (now + pause).into();
            identity.check_at = self.next_check(identity, now);
        });
    }

    /// Limits current and later entries of a credential to its expiry.
    pub(crate) fn limit(&self, key: Key, limit: SystemTime) {
        self.expiries.insert(key, limit);
        let (now, until) = (self.clock().now(), self.clock().at(limit));
        self.update(key, |identity| {
            identity.expires_at = identity.expires_at.get().min(until).into();
            identity.stale_until = identity.stale_until.get().min(until).into();
            identity.ends = identity.ends.min(Some(limit).into());
            identity.check_at = self.next_check(identity, now);
        });
    }
}
