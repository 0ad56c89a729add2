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
