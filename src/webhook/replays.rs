use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::proof::Proof;
use super::signature::Tag;
use crate::clock::{Clock, Millis, millis};

/// The deliveries that were handled lately.
pub(super) struct Replays {
    /// Until when each of them is one.
    handled: Cache<Tag, Millis>,
    window: Millis,
    clock: Clock,
}

impl Replays {
    /// Bounds the memory, to about 10 MB; the oldest go first.
    const MOST: u64 = 100_000;
    /// As good as for ever, and short enough for moka.
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    pub(super) fn new(window: Duration, clock: Clock) -> Self {
        let window = window.min(Self::LONGEST);
        // The time that counts is our clock's; moka's only gives the memory back.
        let handled = Cache::builder()
            .max_capacity(Self::MOST)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(window)
            .build();
        Self { handled, window: millis(window), clock }
    }

    pub(super) fn contain(&self, proof: &Proof) -> bool {
        self.handled.get(&proof.delivery).is_some_and(|until| self.clock.now() < until)
    }

    pub(super) fn add(&self, proof: &Proof) {
        if self.window == 0 {
            return;
        }
        let until = self.clock.now() + self.window;
        for tag in std::iter::once(proof.delivery).chain(proof.body) {
            self.handled.insert(tag, until);
        }
    }
}
