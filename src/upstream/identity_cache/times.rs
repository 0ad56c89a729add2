//! Change when an entry is refreshed, and when it ends.

use std::time::SystemTime;

use super::cache::IdentityCache;
use super::entry::Entry;
use super::key::Key;
use super::value::Value;
use crate::util::clock::millis;

impl<V: Value> IdentityCache<V> {
    /// Postpones the next refresh after a failed one: by 5 % of the TTL, at least 1 s.
    pub(crate) fn postpone_refresh(&self, key: Key) {
        let pause = (millis(self.ttls.ttl) / 20).max(1_000);
        let now = self.clock().now();
        self.update(key, |Entry { terms, .. }| {
            terms.refresh_at = (now + pause).into();
            terms.check_at = self.next_check(terms, now);
        });
    }

    /// Limits current and later entries of a credential to its expiry.
    pub(crate) fn limit(&self, key: Key, limit: SystemTime) {
        self.expiries.insert(key, limit);
        let (now, until) = (self.clock().now(), self.clock().at(limit));
        self.update(key, |Entry { terms, .. }| {
            terms.expires_at = terms.expires_at.get().min(until).into();
            terms.stale_until = terms.stale_until.get().min(until).into();
            terms.ends = terms.ends.min(Some(limit).into());
            terms.check_at = self.next_check(terms, now);
        });
    }
}
