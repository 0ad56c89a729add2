use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::DefaultHashBuilder;

use super::backend::Guarded;
use super::cached::{CachedMemberships, Inner};
use super::recent::Recent;
use crate::ports::memberships::Memberships;
use crate::ports::observer::{Observer, VerifierKind, Watch};
use crate::upstream::cluster::Cluster;
use crate::upstream::guard::Guard;
use crate::upstream::identity_cache::IdentityCache;
use crate::upstream::lookups::{LookupWatch, Lookups, Settings};
use crate::util::clock::Clock;

/// Shorter than that of credentials: members are removed by other services than the one that asks, which hears nothing.
const TTL: Duration = Duration::from_secs(60);

/// Below the 5 s that a request waits ([`TenantPolicy::timeout`](crate::tenant::TenantPolicy::timeout)): were it as long, the
/// request would be over before there is a stale membership to serve.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Builds a [`CachedMemberships`]; made by [`CachedMemberships::builder`].
#[derive(Clone)]
#[must_use]
pub struct CachedMembershipsBuilder<M> {
    memberships: M,
    settings: Settings,
    clock: Clock,
    cluster: Option<Cluster>,
    watch: Watch,
}

impl<M: Memberships> CachedMemberships<M> {
    /// Caches these memberships, by the defaults.
    pub fn new(memberships: M) -> Self {
        Self::builder(memberships).build()
    }

    /// Starts to set limits of the cache and of the calls.
    pub fn builder(memberships: M) -> CachedMembershipsBuilder<M> {
        let mut settings = Settings::default();
        settings.ttls.ttl = TTL;
        settings.timeout = TIMEOUT;
        let (clock, watch) = (Clock::default(), Watch::default());
        CachedMembershipsBuilder { memberships, settings, clock, cluster: None, watch }
    }
}

impl<M: Memberships> CachedMembershipsBuilder<M> {
    /// Sets the TTL of memberships in the cache: how long a removed member is still served who was not invalidated. Defaults
    /// to 60 s; zero disables the cache, and with it [`stale_if_error`](Self::stale_if_error).
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttls.ttl = ttl;
        self
    }

    /// Sets how long past the TTL a membership is served while nobody can tell. Defaults to 300 s; with zero, requests are
    /// rejected with 503 instead.
    pub fn stale_if_error(mut self, duration: Duration) -> Self {
        self.settings.ttls.stale_if_error = duration;
        self
    }

    /// Sets how long it is cached that there is no membership. Defaults to 5 s; zero disables that.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.settings.ttls.negative_ttl = ttl;
        self
    }

    /// Sets the capacity of the cache, in memberships. Defaults to 50,000; one of over 1 KiB counts as several.
    pub fn cache_capacity(mut self, memberships: usize) -> Self {
        self.settings.capacity = memberships;
        self
    }

    /// Sets how long an answer may take, which includes waiting for a free slot. Defaults to 4 s; then its future is
    /// dropped, and nobody could tell: a stale membership is served, or else 503. Keep it below
    /// [`TenantPolicy::timeout`](crate::tenant::TenantPolicy::timeout), which is always 503.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets how many memberships are asked for at a time, at least 1; more wait for a free slot, for three quarters of
    /// [`timeout`](Self::timeout) at most. Defaults to 256.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = calls;
        self
    }

    /// Sets how many memberships may be looked up at a time, those that wait included, at least 1; requests with others are
    /// rejected with 503, or served stale. Defaults to 10,000.
    pub fn max_concurrent_lookups(mut self, memberships: usize) -> Self {
        self.settings.max_concurrent_lookups = memberships;
        self
    }

    /// Shares invalidations with the other replicas of the service, as
    /// [`AuthClientBuilder::cluster`](crate::AuthClientBuilder::cluster). Defaults to none.
    pub fn cluster(mut self, cluster: impl Into<Cluster>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }

    /// Sets who is told of lookups of memberships, of calls of their source and of its circuit breaker. Defaults to nobody.
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

    /// Builds it, without asking for any membership.
    #[must_use]
    pub fn build(self) -> CachedMemberships<M> {
        let Settings { ttls, capacity, max_concurrent_lookups, timeout, max_in_flight } =
            self.settings.bounded();
        let cache = IdentityCache::new(capacity, ttls, timeout, self.clock.clone());
        let mut cache = cache.watched(self.watch.is_on());
        if let Some(cluster) = &self.cluster {
            cluster.observed_by(&self.watch);
            cache = cluster.adopt(cache, None);
        }
        let guarded = Arc::new(Guarded {
            memberships: self.memberships,
            cache,
            hasher: DefaultHashBuilder::default(),
            guard: Guard::new(
                "source of memberships",
                max_in_flight,
                timeout,
                self.clock,
                self.watch.clone(),
            ),
        });
        let (watch, cluster) = (self.watch, self.cluster);
        let of_lookups = LookupWatch::new(watch.clone(), VerifierKind::Memberships);
        let lookups = Lookups::new(guarded.clone(), max_concurrent_lookups, timeout, of_lookups);
        CachedMemberships::of(Inner { guarded, recent: Recent::new(), lookups, cluster, watch })
    }
}

impl<M: fmt::Debug> fmt::Debug for CachedMembershipsBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedMembershipsBuilder")
            .field("memberships", &self.memberships)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
