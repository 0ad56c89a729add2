use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bus::RedisBus;
use super::store::RedisStore;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::invalidation_bus::DynBus;
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::upstream::cluster::cluster::Cluster;
use crate::upstream::cluster::keys::AppKeys;
use crate::upstream::cluster::settings::Settings;
use crate::upstream::redis_link::{Link, LinkConfig, RedisAddress};

/// A [`Cluster`] over Redis 7.0 or later. Cheap to clone.
///
/// Has two connections, one for calls and one to listen. A call has 50 ms; while a connection is down, calls fail at once, and it is
/// dialled again for ever. Redis sees neither credentials nor users' data, except ids and usernames that are invalidated.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use aigc_auth::AuthClient;
/// use aigc_auth::cluster::RedisCluster;
///
/// let cluster = RedisCluster::connect("redis://127.0.0.1:6379")?;
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth")
///     .cluster(cluster)
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct RedisCluster(Cluster);

/// Builds a [`RedisCluster`]; made by [`RedisCluster::builder`].
#[must_use]
pub struct RedisClusterBuilder {
    url: String,
    prefix: Box<str>,
    shares_users: bool,
    settings: Settings,
}

impl RedisCluster {
    /// Starts to connect to this Redis, and does not wait for it: `redis://`, `rediss://` (TLS), `unix://`.
    ///
    /// # Errors
    /// As [`RedisClusterBuilder::build`].
    pub fn connect(url: impl Into<String>) -> Result<Self, BuildError> {
        Self::builder(url).build()
    }

    /// Starts to set up a cluster over this Redis.
    pub fn builder(url: impl Into<String>) -> RedisClusterBuilder {
        RedisClusterBuilder {
            url: url.into(),
            prefix: "aigc-auth:".into(),
            shares_users: true,
            settings: Settings::default(),
        }
    }

    /// Returns the cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.0
    }

    /// As [`Cluster::connected`].
    pub async fn connected(&self, timeout: Duration) -> bool {
        self.0.connected(timeout).await
    }

    /// As [`Cluster::is_connected`].
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }
}

impl RedisClusterBuilder {
    /// Sets what keys and channels start with; a hash of the app's id follows. Defaults to `aigc-auth:`.
    pub fn prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets whether an [`AuthClient`](crate::AuthClient) with this cluster puts verified users into Redis, for the other replicas to read.
    /// Defaults to true.
    ///
    /// They are encrypted with a key that is derived from the app's secret, and stay for their TTL and stale-if-error. Only replicas with
    /// the same secret, and the same base URL of the auth center, read them. Of all replicas, one asks about a credential that none knows;
    /// the others wait for its answer, for four fifths of the time of a lookup at most, and then ask for themselves. How long a credential that the auth center
    /// answers badly is not to be asked about again is shared as well; rejections, and failures to reach the auth center, are not.
    pub fn share_users(mut self, share: bool) -> Self {
        self.shares_users = share;
        self
    }

    /// As [`ClusterBuilder::app`](crate::cluster::ClusterBuilder::app). Until the app is named, by this or by an
    /// [`AuthClient`](crate::AuthClient) that is given the cluster, nothing is sent or heard.
    pub fn app(mut self, app_id: &str, secret: impl Into<Secret>) -> Self {
        self.settings.app = Some(AppKeys::new(app_id, &secret.into()));
        self
    }

    /// As [`ClusterBuilder::degraded_ttl`](crate::cluster::ClusterBuilder::degraded_ttl).
    pub fn degraded_ttl(mut self, ttl: Duration) -> Self {
        self.settings.degraded_ttl = ttl;
        self
    }

    /// Starts to connect, and does not wait for it.
    ///
    /// # Errors
    /// If the URL is not that of one Redis (those of Sentinel and Redis Cluster are refused), or outside a runtime of tokio.
    pub fn build(self) -> Result<RedisCluster, BuildError> {
        let address = RedisAddress::parse(&self.url)?;
        let calls = Link::start(&address, LinkConfig::CALLS, ())?;
        let store = Arc::new(RedisStore::new(calls, self.prefix, self.shares_users));
        let bus: Arc<dyn DynBus> = Arc::new(RedisBus::new(&address, store.clone())?);
        let cluster = Cluster::start(&bus, Settings { store: Some(store), ..self.settings })?;
        Ok(RedisCluster(cluster))
    }
}

impl From<RedisCluster> for Cluster {
    fn from(cluster: RedisCluster) -> Self {
        cluster.0
    }
}

impl Invalidate for RedisCluster {
    fn apply(&self, invalidation: &Invalidation) {
        self.0.apply(invalidation);
    }

    fn apply_here(&self, invalidation: &Invalidation) {
        self.0.apply_here(invalidation);
    }

    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        self.0.spread()
    }
}

impl fmt::Debug for RedisCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisCluster").field(&self.0).finish()
    }
}

impl fmt::Debug for RedisClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClusterBuilder")
            .field("prefix", &self.prefix)
            .field("app", &self.settings.app)
            .field("degraded_ttl", &self.settings.degraded_ttl)
            .finish_non_exhaustive()
    }
}
