use std::time::Duration;

use tokio::sync::Semaphore;

use crate::upstream::identity_cache::CacheTtls;

/// Caps all durations, so that no sum of times overflows.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The limits of cache and lookups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) ttls: CacheTtls,
    /// In credentials.
    pub(crate) capacity: usize,
    pub(crate) max_concurrent_lookups: usize,
    /// The longest that a lookup may take.
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
}

impl Settings {
    /// Returns what can be had of settings of any size.
    pub(crate) fn bounded(self) -> Self {
        let Self { ttls, capacity, max_concurrent_lookups, timeout, max_in_flight } = self;
        Self {
            ttls: CacheTtls {
                ttl: ttls.ttl.min(MAX_DURATION),
                stale_if_error: ttls.stale_if_error.min(MAX_DURATION),
                negative_ttl: ttls.negative_ttl.min(MAX_DURATION),
            },
            capacity,
            max_concurrent_lookups: max_concurrent_lookups.max(1),
            timeout: timeout.min(MAX_DURATION),
            max_in_flight: max_in_flight.clamp(1, Semaphore::MAX_PERMITS),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttls: CacheTtls {
                ttl: Duration::from_secs(300),
                stale_if_error: Duration::from_secs(300),
                negative_ttl: Duration::from_secs(5),
            },
            capacity: 50_000,
            max_concurrent_lookups: 10_000,
            timeout: Duration::from_secs(5),
            max_in_flight: 256,
        }
    }
}
