use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::Cluster;
use super::keys::AppKeys;
use super::settings::Settings;
use crate::ports::invalidation_bus::DynBus;
use crate::types::error::BuildError;
use crate::types::secret::Secret;

/// Builds a [`Cluster`]; made by [`Cluster::builder`].
#[must_use]
pub struct ClusterBuilder {
    bus: Arc<dyn DynBus>,
    settings: Settings,
}

impl ClusterBuilder {
    pub(super) fn new(bus: Arc<dyn DynBus>) -> Self {
        Self { bus, settings: Settings::default() }
    }

    /// Names the app, and gives its secret, from which the replicas derive the keys of their caches. Not needed where the cluster is
    /// given to an [`AuthClient`](crate::AuthClient) first, which has both. Without either, replicas cannot name a single credential to
    /// one another: one that is invalidated, such as at a logout, invalidates everything.
    pub fn app(mut self, app_id: &str, secret: impl Into<Secret>) -> Self {
        self.settings.app = Some(AppKeys::new(app_id, &secret.into()));
        self
    }

    /// Sets the longest TTL while it is not known what other replicas invalidate. Defaults to 30 s. What was cached before is trusted for
    /// this long, too, and 2 s more.
    pub fn degraded_ttl(mut self, ttl: Duration) -> Self {
        self.settings.degraded_ttl = ttl;
        self
    }

    /// Starts to listen, and does not wait for it.
    ///
    /// # Errors
    /// Outside a runtime of tokio.
    pub fn build(self) -> Result<Cluster, BuildError> {
        Cluster::start(&self.bus, self.settings)
    }
}

impl fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("app", &self.settings.app)
            .field("degraded_ttl", &self.settings.degraded_ttl)
            .finish_non_exhaustive()
    }
}
