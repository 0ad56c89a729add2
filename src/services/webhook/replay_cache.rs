use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::signature::Tag;
use super::verification::VerifiedDelivery;
use crate::util::clock::{Clock, Millis, millis};

/// The deliveries that were handled within the replay window.
pub(super) struct ReplayCache {
    /// The expiry of each entry.
    handled: Cache<Tag, Millis>,
    window: Millis,
    clock: Clock,
}

impl ReplayCache {
    /// Limits the memory to about 10 MB; the oldest entries are evicted.
    const MAX_ENTRIES: u64 = 100_000;
    /// The longest window: moka limits the TTL.
    const MAX_WINDOW: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    pub(super) fn new(window: Duration, clock: Clock) -> Self {
        let window = window.min(Self::MAX_WINDOW);
        // Expiry follows `clock`; moka's TTL only frees the memory.
        let handled = Cache::builder()
            .max_capacity(Self::MAX_ENTRIES)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(window)
            .build();
        Self { handled, window: millis(window), clock }
    }

    pub(super) fn contains(&self, delivery: &VerifiedDelivery) -> bool {
        self.handled.get(&delivery.key).is_some_and(|expiry| self.clock.now() < expiry)
    }

    pub(super) fn insert(&self, delivery: &VerifiedDelivery) {
        if self.window == 0 {
            return;
        }
        let expiry = self.clock.now() + self.window;
        for key in std::iter::once(delivery.key).chain(delivery.body_key) {
            self.handled.insert(key, expiry);
        }
    }
}
