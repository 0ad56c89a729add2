use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::task::AbortHandle;

use super::keys::AppKeys;
use super::member::Member;
#[cfg(feature = "redis")]
use super::redis_bus::store::RedisStore;
use super::settings::Settings;
use super::shared::Shared;
use super::tasks;
use super::times::IN_TOUCH;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::invalidation_bus::DynBus;
use crate::ports::observer::Watch;
use crate::ports::readiness::{PartState, ReadinessProbe};
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::upstream::identity_cache::{IdentityCache, TrustTimes, Value};

/// The replicas of a service, whose caches are invalidated together. Cheap to clone; its tasks end with the last clone, and with the
/// clients and caches that it was given to.
///
/// Give it to what caches: [`AuthClientBuilder::cluster`](crate::AuthClientBuilder::cluster),
/// [`CachedBuilder::cluster`](crate::cached::CachedBuilder::cluster),
/// [`CachedMembershipsBuilder::cluster`](crate::tenant::CachedMembershipsBuilder::cluster). What one of these caches is told to
/// invalidate, all of them invalidate, here and in the other replicas.
///
/// # What is consistent when
///
/// - An invalidation is in force in all caches of this process when the call returns. It waits in a queue of 10,000 until the bus has
///   taken it; beyond them the others forget everything. [`spread`](Invalidate::spread) waits for that; a webhook is acknowledged
///   afterwards.
/// - A replica asks once per second for a proof that it has missed nothing. If there is none, it forgets everything.
/// - A replica that cannot ask trusts what it has cached for `degraded_ttl` (30 s) and 2 s more after its last good question, and then
///   looks everything up again; until there is a proof, lookups are cached for 30 s at most. So no answer is served that another replica
///   has invalidated over 32 s ago, whatever fails; only while the auth center cannot be asked either, users are served stale as
///   without a cluster.
/// - These are times of a monotonic clock: time in which the machine was suspended does not count.
///
/// Nothing else depends on the bus: without it, each replica serves as if it were alone.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    app: OnceLock<Arc<AppKeys>>,
    times: TrustTimes,
    tasks: [AbortHandle; 2],
    #[cfg(feature = "redis")]
    store: Option<Arc<RedisStore>>,
}

impl Cluster {
    /// How long [`spread`](Invalidate::spread) waits.
    const SPREAD_TIMEOUT: Duration = Duration::from_secs(1);

    pub(super) fn start(bus: &Arc<dyn DynBus>, settings: Settings) -> Result<Self, BuildError> {
        let runtime = runtime::Handle::try_current().map_err(|_| {
            BuildError::new("a cluster needs a runtime of tokio: build it within `#[tokio::main]`")
        })?;
        let shared = Shared::new(
            #[cfg(feature = "redis")]
            settings.store.as_ref().map(|store| store.ledger.clone()),
        );
        let tasks = [
            runtime.spawn(tasks::publish(shared.clone(), bus.clone())).abort_handle(),
            runtime.spawn(tasks::listen(shared.clone(), bus.clone())).abort_handle(),
        ];
        let Settings { app, degraded_ttl, .. } = settings;
        let times = TrustTimes { window: IN_TOUCH.saturating_add(degraded_ttl), degraded_ttl };
        #[cfg(feature = "redis")]
        if let Some(store) = &settings.store {
            store.ledger.trust_for(times.window);
        }
        let cluster = Self {
            inner: Arc::new(Inner {
                shared,
                app: OnceLock::new(),
                times,
                tasks,
                #[cfg(feature = "redis")]
                store: settings.store,
            }),
        };
        if let Some(app) = app {
            cluster.set_app(app)?;
        }
        Ok(cluster)
    }

    /// Waits until the other replicas can be heard, for this long. Returns whether they can. Call it before a service listens, so that
    /// what it looks up first is cached for the whole TTL.
    pub async fn connected(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.inner.shared.in_touch()).await.is_ok()
    }

    /// Whether the other replicas can be heard: for a health check. A replica that cannot hear them serves all the same.
    pub fn is_connected(&self) -> bool {
        self.inner.shared.is_in_touch()
    }

    /// Returns the number of invalidations that wait to be told to the other replicas.
    pub fn waiting(&self) -> usize {
        self.inner.shared.waiting()
    }

    /// Names the app whose replicas these are, unless it has been named.
    ///
    /// # Errors
    /// If another app has been named.
    pub(crate) fn join(&self, app_id: &str, secret: &Secret) -> Result<(), BuildError> {
        match self.inner.app.get() {
            Some(app) if app.app_id() == app_id => Ok(()),
            Some(app) => Err(BuildError::new(format!(
                "the cluster is that of the app `{}`, and the client that of the app `{app_id}`: give each app a cluster of its own",
                app.app_id()
            ))),
            None => self.set_app(AppKeys::new(app_id, secret)),
        }
    }

    fn set_app(&self, app: AppKeys) -> Result<(), BuildError> {
        let app = Arc::new(app);
        let named = self.inner.app.get_or_init(|| app.clone());
        if named.app_id() != app.app_id() {
            return Err(BuildError::new("two apps were named for one cluster at a time"));
        }
        #[cfg(feature = "redis")]
        if let Some(store) = &self.inner.store {
            store.name(named);
        }
        Ok(())
    }

    /// The keys of the app, once it is named.
    pub(crate) fn app(&self) -> Option<&Arc<AppKeys>> {
        self.inner.app.get()
    }

    /// What replicas share beside invalidations.
    #[cfg(feature = "redis")]
    #[allow(dead_code)] // For what replicas share beside invalidations.
    pub(crate) fn store(&self) -> Option<&Arc<RedisStore>> {
        self.inner.store.as_ref()
    }

    /// Makes a cache trust the cluster, as one of this app.
    pub(crate) fn adopt<V: Value>(&self, cache: IdentityCache<V>, app: Option<&AppKeys>) -> IdentityCache<V> {
        cache.in_cluster(app.map(AppKeys::of_cache).as_ref(), self.inner.times)
    }

    /// Attaches a cache for as long as it is there.
    /// Tells this observer, unless there is one already.
    pub(crate) fn observed_by(&self, watch: &Watch) {
        self.inner.shared.observed_by(watch);
    }

    pub(crate) fn attach(&self, member: Weak<dyn Member>) {
        self.inner.shared.attach(member);
    }
}

/// `connected` or `disconnected`, which is ready, too: a replica that cannot hear the others serves all the same.
impl ReadinessProbe for Cluster {
    fn readiness(&self) -> PartState {
        PartState::ready(if self.is_connected() { "connected" } else { "disconnected" })
    }
}

/// Invalidates in all caches of the cluster: those of this process at once.
impl Invalidate for Cluster {
    fn apply(&self, invalidation: &Invalidation) {
        // In this order: from when it is in force here on, no value is taken from another replica which may not know of it.
        self.inner.shared.publish(invalidation);
        self.inner.shared.apply_here(invalidation);
    }

    fn apply_here(&self, invalidation: &Invalidation) {
        self.inner.shared.apply_here(invalidation);
    }

    /// Waits for a second at most.
    async fn spread(&self) -> Result<(), SpreadError> {
        let shared = &self.inner.shared;
        match tokio::time::timeout(Self::SPREAD_TIMEOUT, shared.settled()).await {
            Ok(()) => Ok(()),
            Err(_) => {
                let why = shared.failure();
                let why = why.as_deref().unwrap_or("the bus did not answer in time");
                Err(format!(
                    "invalidations are not known to other replicas yet, and will be sent again: {why}"
                )
                .into())
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("app", &self.app())
            .field("is_connected", &self.is_connected())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
