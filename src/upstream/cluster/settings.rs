#[cfg(feature = "redis")]
use std::sync::Arc;
use std::time::Duration;

use super::keys::AppKeys;
#[cfg(feature = "redis")]
use super::redis_bus::store::RedisStore;

/// What a cluster is started with.
pub(super) struct Settings {
    pub(super) app: Option<AppKeys>,
    pub(super) degraded_ttl: Duration,
    #[cfg(feature = "redis")]
    pub(super) store: Option<Arc<RedisStore>>,
}

impl Settings {
    pub(super) const DEGRADED_TTL: Duration = Duration::from_secs(30);
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            app: None,
            degraded_ttl: Self::DEGRADED_TTL,
            #[cfg(feature = "redis")]
            store: None,
        }
    }
}
