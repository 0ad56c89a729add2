use std::sync::Arc;
use std::time::Duration;

use super::sharing::{Question, ask};
use super::source::{Backend, Fetch, Fetched, is_rejection, key_of, subject};
use crate::ports::invalidate::Invalidate;
use crate::ports::invalidation::Invalidation;
use crate::request::context::InContext;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::presented::Presented;
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::cluster::Cluster;
use crate::upstream::identity_cache::{Cached, Key, Value};
use crate::upstream::slots::{Owner, Slots};
use crate::util::single_flight::{FlightError, SingleFlight};

/// How often a lookup is made whose result is invalidated while in flight.
const ATTEMPTS: usize = 3;

/// Looks users up, or other values, each key once for all who wait. Dropping this cancels the lookups in flight.
pub(crate) struct Lookups<B, V = UserInfo> {
    pub(super) backend: Arc<B>,
    flights: SingleFlight<Key, Outcome<V>>,
    /// The shares of callers in the lookups.
    shares: Slots,
    /// Longer than a lookup takes.
    patience: Duration,
}

/// The outcome of a lookup.
#[derive(Clone)]
struct Outcome<V> {
    result: Result<V, AuthError>,
    /// The epoch of the cache when the lookup started, or that of the stale value it returned.
    epoch: u64,
}

impl<V: Value, B: Backend<Value = V>> Lookups<B, V> {
    /// `timeout` is the longest that a lookup may take.
    pub(crate) fn new(backend: Arc<B>, max_concurrent: usize, timeout: Duration) -> Self {
        Self {
            backend,
            flights: SingleFlight::new(max_concurrent),
            shares: Slots::new(max_concurrent),
            patience: timeout + Duration::from_secs(1),
        }
    }

    /// Returns what is cached, and starts a refresh of a stale value in the background.
    pub(crate) fn cached<Q>(&self, key: Key, query: impl FnOnce() -> Q) -> Option<Result<V, AuthError>>
    where
        B: Fetch<Q>,
        Q: Send + 'static,
    {
        match self.backend.cache().get(key) {
            Cached::Fresh(value) => Some(Ok(value)),
            Cached::Stale(value) => {
                // A cached credential was well-formed: no check again.
                self.refresh(key, query());
                Some(Ok(value))
            }
            Cached::Negative(error) => Some(Err(error)),
            Cached::Miss => None,
        }
    }

    /// Starts a refresh, for which nobody waits: at half load, at capacity and outside a runtime, the next request tries
    /// again.
    fn refresh<Q>(&self, key: Key, query: Q)
    where
        B: Fetch<Q>,
        Q: Send + 'static,
    {
        let cache = self.backend.cache();
        if self.is_busy() || cache.pauses().error(key).is_some() {
            return;
        }
        // Known, even if the cache has forgotten that.
        let subject = Subject { owner: Owner::Known, ..subject(cache, key) };
        let _ = self.flights.start(key, || self.task(key, query, subject));
    }

    /// Whether half of the lookups or calls are in use, so that those which nobody waits for had better wait.
    pub(super) fn is_busy(&self) -> bool {
        self.shares.is_busy() || self.backend.is_busy()
    }

    /// Returns the user of a credential or an id, or what else is asked for, from the cache or by a call.
    pub(crate) async fn lookup<Q>(&self, query: Q) -> Result<V, AuthError>
    where
        B: Fetch<Q>,
        Q: Clone + Send + Sync + 'static,
    {
        let cache = self.backend.cache();
        let key = self.backend.key(&query);
        if let Some(cached) = self.cached(key, || query.clone()) {
            return cached;
        }
        let result = match cache.pauses().error(key) {
            Some(error) => Err(error),
            None => self.join(key, &query).await,
        };
        result.or_else(|error| match cache.stale(key) {
            // Whatever is at fault: a known user is served as in an outage.
            Some((value, _)) if !is_rejection(&error) => {
                tracing::debug!(%error, user_id = %value.about().user, "no lookup: serving the stale user");
                Ok(value)
            }
            _ => Err(error),
        })
    }

    async fn join<Q>(&self, key: Key, query: &Q) -> Result<V, AuthError>
    where
        B: Fetch<Q>,
        Q: Clone + Send + Sync + 'static,
    {
        let cache = self.backend.cache();
        let subject = subject(cache, key);
        let mut was_cancelled = false;
        for _ in 0..ATTEMPTS {
            let task = || self.task(key, query.clone(), subject);
            let Outcome { result, epoch } = match self.flights.join_within(self.patience, key, task).await {
                Ok(outcome) => outcome,
                Err(FlightError::AtCapacity) => {
                    return Err(unavailable(
                        "at capacity: too many lookups are in flight (`max_concurrent_lookups`)",
                    ));
                }
                // The runtime of another caller is gone, or stands still: this caller's own is there.
                Err(FlightError::Cancelled) if !was_cancelled => {
                    was_cancelled = true;
                    continue;
                }
                Err(FlightError::Cancelled) => {
                    return Err(
                        AuthError::new(ErrorKind::Internal).with_detail("the lookup was cancelled twice")
                    );
                }
            };
            match result {
                Ok(value) if cache.is_invalidated(key, &value, epoch) => {}
                Err(error)
                    if is_rejection(&error)
                        && cache.is_negative_invalidated(
                            key,
                            self.backend.rejected_about(query).as_deref(),
                            epoch,
                        ) => {}
                result => return result,
            }
        }
        Err(unavailable("the user was invalidated during each attempt to look them up"))
    }

    fn task<Q>(
        &self,
        key: Key,
        query: Q,
        subject: Subject,
    ) -> Result<impl Future<Output = Outcome<V>> + Send + use<B, V, Q>, FlightError>
    where
        B: Fetch<Q>,
        Q: Send + 'static,
    {
        let share = self.shares.try_acquire(subject.owner).ok_or(FlightError::AtCapacity)?;
        let fetching = fetch_and_cache(self.backend.clone(), key, query, subject);
        Ok(async move {
            let _share = share;
            fetching.await
        })
    }

    pub(crate) fn invalidate_key(&self, key: Key) {
        // Asked first: a lookup that ends in between has cached its result first.
        let is_being_looked_up = self.flights.contains(&key);
        self.backend.cache().invalidate(key, is_being_looked_up);
    }
}

impl<B: Backend<Value = UserInfo>> Lookups<B> {
    /// Invalidates one credential, given alone or as an `Authorization` header, in all spellings that are taken for the same: here, and in
    /// all caches of the cluster.
    pub(crate) fn invalidate(&self, credential: &[u8], cluster: Option<&Cluster>) {
        // By its own keys, whether or not the others have the same.
        let keys = self.keys(credential);
        keys.iter().for_each(|key| self.invalidate_key(*key));
        let Some(cluster) = cluster else { return };
        if !self.backend.cache().are_keys_shared() {
            if !keys.is_empty() {
                cluster.apply(&Invalidation::All);
            }
            return;
        }
        for key in keys {
            cluster.apply(&Invalidation::Credential { tag: key.tag() });
        }
    }

    /// The keys of a credential in all spellings.
    fn keys(&self, credential: &[u8]) -> Vec<Key> {
        let Some(credential) = Presented::in_header_or_alone(credential) else { return vec![] };
        credential.spellings().map(|spelling| key_of(self.backend.cache(), &spelling)).collect()
    }

    pub(crate) fn apply(&self, invalidation: &Invalidation) {
        let cache = self.backend.cache();
        match invalidation {
            Invalidation::User { id, username } => {
                if let Some(id) = id {
                    cache.invalidate_user(id);
                }
                if let Some(username) = username {
                    cache.invalidate_name(username);
                }
            }
            Invalidation::Credential { tag } => self.invalidate_key(Key::of_tag(*tag)),
            Invalidation::Org { .. } => {}
            Invalidation::All => cache.clear(),
        }
    }
}

/// Fetches a value and caches the result. Runs in a task of its own, in the context of the first caller.
fn fetch_and_cache<B: Fetch<Q>, Q: Send + 'static>(
    backend: Arc<B>,
    key: Key,
    query: Q,
    subject: Subject,
) -> impl Future<Output = Outcome<B::Value>> + Send + 'static {
    async move {
        let cache = backend.cache();
        let (epoch, started) = (cache.epoch(), cache.clock().now());
        // An earlier lookup may have ended since the caller missed the cache.
        let is_refresh = match cache.get(key) {
            Cached::Fresh(value) => return Outcome { result: Ok(value), epoch },
            Cached::Negative(error) => return Outcome { result: Err(error), epoch },
            Cached::Stale(_) => true,
            Cached::Miss => false,
        };
        let about = backend.rejected_about(&query);
        let question = Question { key, query, subject, epoch, is_refresh };
        let CallError { error, pause } = match ask(&*backend, question).await {
            Ok((Fetched { value, limit }, age)) => {
                cache.insert_aged(key, &value, limit, epoch, age, started);
                return Outcome { result: Ok(value), epoch };
            }
            Err(failed) => failed,
        };
        if is_rejection(&error) {
            cache.insert_negative(key, &error.clone().without_data(), about.as_ref(), epoch);
            return Outcome { result: Err(error), epoch };
        }
        if let Some(pause) = pause {
            cache.pauses().start(key, &error.clone().without_data(), pause);
        }
        match cache.stale(key) {
            Some((value, epoch)) => {
                cache.postpone_refresh(key);
                tracing::debug!(%error, user_id = %value.about().user, "lookup failed: serving the stale user");
                Outcome { result: Ok(value), epoch }
            }
            None => Outcome { result: Err(error), epoch },
        }
    }
    .in_current_context()
}

fn unavailable(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::upstream::identity_cache::{IdentityCache, Kind};
    use crate::upstream::lookups::Settings;
    use crate::util::clock::Clock;

    /// Accepts the name `alice`, and counts what it is asked.
    struct Accounts {
        cache: IdentityCache,
        asked: AtomicUsize,
    }

    impl Backend for Accounts {
        type Value = UserInfo;

        fn cache(&self) -> &IdentityCache {
            &self.cache
        }

        fn is_busy(&self) -> bool {
            false
        }
    }

    impl Fetch<&'static str> for Accounts {
        fn key(&self, name: &&'static str) -> Key {
            self.cache.key(Kind::Token, name.as_bytes())
        }

        async fn fetch(&self, name: &'static str, _: Subject) -> Result<Fetched, CallError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match name {
                "alice" => Ok(Fetched { value: UserInfo::builder(7, name).build(), limit: None }),
                _ => Err(AuthError::new(ErrorKind::InvalidCredential).into()),
            }
        }
    }

    #[tokio::test]
    async fn lookup_that_starts_as_another_ends_uses_the_cache() {
        for (name, accepted) in [("alice", true), ("mallory", false)] {
            let settings = Settings::default();
            let cache = IdentityCache::new(settings.capacity, settings.ttls, settings.timeout, Clock::held());
            let backend = Arc::new(Accounts { cache, asked: AtomicUsize::new(0) });
            let lookups = Lookups::new(backend.clone(), 10, settings.timeout);
            let key = backend.key(&name);
            for _ in 0..2 {
                // As a caller that has just missed the cache.
                let joined = lookups.join(key, &name).await;
                assert_eq!(joined.is_ok(), accepted, "{name}");
            }
            assert_eq!(backend.asked.load(Ordering::Relaxed), 1, "{name}");
        }
    }
}
