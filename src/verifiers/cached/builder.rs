use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::backend::Guarded;
use super::cached::{Cached, Inner};
use crate::ports::observer::{Observer, VerifierKind, Watch};
use crate::upstream::cluster::Cluster;
use crate::upstream::guard::Guard;
use crate::upstream::identity_cache::IdentityCache;
use crate::upstream::lookups::{LookupWatch, Lookups, Settings};
use crate::util::clock::Clock;

/// Builds a [`Cached`]; made by [`Cached::builder`].
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::cached::Cached;
/// # use aigc_auth::{Verify, credential::BearerToken};
///
/// # fn sessions(verifier: impl Verify<BearerToken>) -> impl Verify<BearerToken> {
/// Cached::builder(verifier).cache_ttl(Duration::from_secs(60)).timeout(Duration::from_secs(2)).build()
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct CachedBuilder<V> {
    verifier: V,
    settings: Settings,
    clock: Clock,
    cluster: Option<Cluster>,
    watch: Watch,
}

impl<V: Send + Sync + 'static> Cached<V> {
    /// Caches what this verifier says, by the defaults.
    pub fn new(verifier: V) -> Self {
        Self::builder(verifier).build()
    }

    /// Starts to set limits of the cache and of the calls.
    pub fn builder(verifier: V) -> CachedBuilder<V> {
        CachedBuilder::new(verifier)
    }
}

impl<V: Send + Sync + 'static> CachedBuilder<V> {
    fn new(verifier: V) -> Self {
        let (settings, clock, watch) = (Settings::default(), Clock::default(), Watch::default());
        Self { verifier, settings, clock, cluster: None, watch }
    }

    /// Sets the TTL of verified users in the cache. Defaults to 300 s; never past the end of the credential. Zero disables the
    /// cache of users, and with it [`stale_if_error`](Self::stale_if_error).
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttls.ttl = ttl;
        self
    }

    /// Sets how long past the TTL a user is served while the verifier cannot answer. Defaults to 300 s; with zero, requests
    /// are rejected with 503 instead.
    pub fn stale_if_error(mut self, duration: Duration) -> Self {
        self.settings.ttls.stale_if_error = duration;
        self
    }

    /// Sets the TTL of rejections in the cache. Defaults to 5 s; zero disables the negative cache.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttls.negative_ttl = ttl;
        self
    }

    /// Sets the capacity of the cache, in credentials. Defaults to 50,000; a user of over 1 KiB counts as several.
    pub fn cache_capacity(mut self, credentials: usize) -> Self {
        self.settings.capacity = credentials;
        self
    }

    /// Sets how long the verifier may take, which includes waiting for a free slot. Defaults to 5 s; then its future is
    /// dropped, and the credential could not be verified.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets how many credentials the verifier is asked about at a time, at least 1; more wait for a free slot, for three
    /// quarters of [`timeout`](Self::timeout) at most. Defaults to 256. They are shared among callers as
    /// [`AuthClientBuilder::max_in_flight`](crate::AuthClientBuilder::max_in_flight) says.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = calls;
        self
    }

    /// Sets how many credentials may be looked up at a time, those that wait included, at least 1; requests with others are
    /// rejected with 503, or served stale. Defaults to 10,000.
    pub fn max_concurrent_lookups(mut self, credentials: usize) -> Self {
        self.settings.max_concurrent_lookups = credentials;
        self
    }

    /// Shares invalidations with the other replicas of the service, as
    /// [`AuthClientBuilder::cluster`](crate::AuthClientBuilder::cluster). The cluster has to know the app, for credentials to be invalidated
    /// one by one ([`ClusterBuilder::app`](crate::cluster::ClusterBuilder::app)). Defaults to none.
    pub fn cluster(mut self, cluster: impl Into<Cluster>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }

    /// Sets who is told of lookups, calls of the verifier and its circuit breaker; the layer above tells it, too. Defaults to
    /// nobody: an observer of the verifier itself is not told what the cache answers.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.watch = Watch::by(observer);
        self
    }

    /// Sets the clock of the cache and the circuit breaker, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the verifier, without asking the one within.
    #[must_use]
    pub fn build(self) -> Cached<V> {
        let Settings { ttls, capacity, max_concurrent_lookups, timeout, max_in_flight } =
            self.settings.bounded();
        let cache = IdentityCache::new(capacity, ttls, timeout, self.clock.clone());
        let mut cache = cache.watched(self.watch.is_on());
        if let Some(cluster) = &self.cluster {
            cluster.observed_by(&self.watch);
            cache = cluster.adopt(cache, cluster.app().map(|app| &**app));
        }
        let guarded = Arc::new(Guarded {
            verifier: self.verifier,
            cache,
            guard: Guard::new("verifier", max_in_flight, timeout, self.clock, self.watch.clone()),
        });
        let watch = LookupWatch::new(self.watch.clone(), VerifierKind::Cached);
        let lookups = Lookups::new(guarded.clone(), max_concurrent_lookups, timeout, watch);
        Cached::of(Inner { guarded, lookups, cluster: self.cluster, watch: self.watch })
    }
}

impl<V: fmt::Debug> fmt::Debug for CachedBuilder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedBuilder")
            .field("verifier", &self.verifier)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
