use std::time::Duration;

/// How long lookup results are served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheTtls {
    /// From the lookup until requests wait for a fresh user.
    pub(crate) ttl: Duration,
    /// How long past the TTL, while the auth center is unavailable.
    pub(crate) stale_if_error: Duration,
    /// For rejections.
    pub(crate) negative_ttl: Duration,
}

impl CacheTtls {
    /// The part of its TTL after which an entry is refreshed, in percent: chosen at random, so that entries of one time are
    /// not due at one time.
    pub(crate) const REFRESH_PERCENT: std::ops::RangeInclusive<u64> = 70..=90;
}
