use std::time::Duration;

use super::replays::InMemoryReplays;
use super::verification::VerifiedDelivery;
use crate::ports::replay_memory::ReplayTag;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Limits how often events that name no user clear all caches.
///
/// A new event always does. Repeated ones do so once per second together: whoever has captured one could otherwise keep the
/// caches empty.
pub(super) struct ClearThrottle {
    cleared: InMemoryReplays,
    throttle: LogThrottle,
}

impl ClearThrottle {
    const PAUSE: Duration = Duration::from_secs(1);
    /// For how long an event is known as repeated.
    const WINDOW: Duration = Duration::from_secs(600);

    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            cleared: InMemoryReplays::with_clock(clock.clone()),
            throttle: LogThrottle::new(clock.clone(), Self::PAUSE),
        }
    }

    /// Returns whether this delivery is to clear the caches.
    pub(super) fn is_due(&self, delivery: &VerifiedDelivery) -> bool {
        let keys = std::iter::once(delivery.key).chain(delivery.body_key).map(ReplayTag::new);
        let is_new = self.cleared.value(ReplayTag::new(delivery.key)).is_none();
        keys.for_each(|key| self.cleared.insert(key, key, Self::WINDOW));
        // Asked in any case: a new event clears the caches for the repeated ones, too.
        let is_due = self.throttle.is_due();
        is_new || is_due
    }
}
