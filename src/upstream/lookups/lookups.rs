use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::outcome::Outcome;
use super::sharing::{Answer, Question, ask};
use super::source::{Backend, Fetch, Fetched, is_rejection, subject};
use super::span;
use super::watched::{AnswerFrom, LookupWatch, Waiting};
use crate::ports::observer::LookupAnswer;
use crate::request::context::InContext;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::{Cached, Key, Value};
use crate::upstream::owner::Owner;
use crate::upstream::slots::{Slot, Slots};
use crate::util::single_flight::{FlightError, SingleFlight};

/// How often a lookup is made whose result is invalidated while in flight.
const ATTEMPTS: usize = 3;

/// Looks users up, or other values, each key once for all who wait. Dropping this cancels the lookups in flight.
pub(crate) struct Lookups<B, V = UserInfo> {
    pub(super) backend: Arc<B>,
    pub(super) flights: SingleFlight<Key, Outcome<V>>,
    /// The shares of callers in the lookups.
    shares: Slots,
    /// Longer than a lookup takes.
    patience: Duration,
    watch: LookupWatch,
}

impl<V: Value, B: Backend<Value = V>> Lookups<B, V> {
    /// `timeout` is the longest that a lookup may take.
    pub(crate) fn new(backend: Arc<B>, max_concurrent: usize, timeout: Duration, watch: LookupWatch) -> Self {
        Self {
            backend,
            flights: SingleFlight::new(max_concurrent),
            shares: Slots::new(max_concurrent),
            patience: timeout + Duration::from_secs(1),
            watch,
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
            Cached::Miss => None,
            other => self.cached_otherwise(key, other, query),
        }
    }

    /// Answers what is cached and not simply served. Apart from [`cached`](Self::cached), so that most requests do not pay for it.
    #[cold]
    #[inline(never)]
    fn cached_otherwise<Q>(
        &self,
        key: Key,
        cached: Cached<V>,
        query: impl FnOnce() -> Q,
    ) -> Option<Result<V, AuthError>>
    where
        B: Fetch<Q>,
        Q: Send + 'static,
    {
        match cached {
            Cached::Fresh(value) | Cached::Watched(value) => {
                self.watch.cached(B::what(&query()), None);
                Some(Ok(value))
            }
            Cached::Stale(value) => {
                let query = query();
                self.watch.cached(B::what(&query), None);
                // A cached credential was well-formed: no check again.
                self.refresh(key, query);
                Some(Ok(value))
            }
            Cached::Negative(error) => {
                if self.watch.is_on() {
                    self.watch.cached(B::what(&query()), Some(error.kind()));
                }
                Some(Err(error))
            }
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
        let what = B::what(&query);
        let watched = self.watch.refreshing(what);
        let _ = self.flights.start(key, || {
            let span = span::refresh(what);
            let task = self.task(key, query, subject)?;
            Ok(async move {
                let outcome = task.await;
                span::end(&Span::current(), outcome.result.as_ref().err());
                watched.end(outcome.error());
                outcome
            }
            .instrument(span))
        });
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
        let mut watched = self.watch.waiting(B::what(&query));
        let result = match cache.pauses().error(key) {
            Some(error) => {
                watched.answer(LookupAnswer::Paused);
                Err(error)
            }
            None => {
                let span = span::waiting(B::what(&query));
                let result = self.join(key, &query, &mut watched).instrument(span.clone()).await;
                span::end(&span, result.as_ref().err());
                result
            }
        };
        let result = result.or_else(|error| match cache.stale(key) {
            // Whatever is at fault: a known user is served as in an outage.
            Some((value, _)) if !is_rejection(&error) => {
                tracing::debug!(%error, user_id = %value.about().user, "no lookup: serving the stale user");
                watched.stale(error.kind());
                Ok(value)
            }
            _ => Err(error),
        });
        watched.end(result)
    }

    async fn join<Q>(&self, key: Key, query: &Q, watched: &mut Waiting<'_>) -> Result<V, AuthError>
    where
        B: Fetch<Q>,
        Q: Clone + Send + Sync + 'static,
    {
        let cache = self.backend.cache();
        let subject = subject(cache, key);
        let mut was_cancelled = false;
        for _ in 0..ATTEMPTS {
            let mut is_own = false;
            let task = || {
                let task = self.task(key, query.clone(), subject)?.in_current_span();
                is_own = true;
                Ok(task)
            };
            let joined = self.flights.join_within(self.patience, key, task).await;
            let Outcome { result, epoch, from } = match joined {
                Ok(outcome) => outcome,
                Err(FlightError::AtCapacity) => {
                    watched.answer(LookupAnswer::AtCapacity);
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
                    watched.lost(is_own);
                    return Err(
                        AuthError::new(ErrorKind::Internal).with_detail("the lookup was cancelled twice")
                    );
                }
            };
            watched.joined(is_own, from);
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
        // In memory of its own: tokio moves a task some times, and whatever awaits a future that it has captured has room for two.
        Ok(Box::pin(fetch_and_cache(share, self.backend.clone(), key, query, subject)))
    }

    pub(crate) fn invalidate_key(&self, key: Key) {
        // Asked first: a lookup that ends in between has cached its result first.
        let is_being_looked_up = self.flights.contains(&key);
        self.backend.cache().invalidate(key, is_being_looked_up);
    }
}

/// Fetches a value and caches the result. Runs in a task of its own, in the context of the first caller, whose share it takes.
fn fetch_and_cache<B: Fetch<Q>, Q: Send + 'static>(
    share: Slot,
    backend: Arc<B>,
    key: Key,
    query: Q,
    subject: Subject,
) -> impl Future<Output = Outcome<B::Value>> + Send + 'static {
    async move {
        let _share = share;
        let cache = backend.cache();
        let (epoch, started) = (cache.epoch(), cache.clock().now());
        // An earlier lookup may have ended since the caller missed the cache.
        let ended = |result, from| Outcome { result, epoch, from };
        let is_refresh = match cache.get(key) {
            Cached::Fresh(value) | Cached::Watched(value) => return ended(Ok(value), AnswerFrom::Cache),
            Cached::Negative(error) => return ended(Err(error), AnswerFrom::Cache),
            Cached::Stale(_) => true,
            Cached::Miss => false,
        };
        let about = backend.rejected_about(&query);
        let question = Question { key, query, subject, epoch, is_refresh };
        let CallError { error, pause } = match ask(&*backend, question).await {
            Ok(Answer { fetched: Fetched { value, limit }, age, from }) => {
                cache.insert_aged(key, &value, limit, epoch, age, started);
                return ended(Ok(value), from);
            }
            Err(failed) => failed,
        };
        if is_rejection(&error) {
            cache.insert_negative(key, &error.clone().without_data(), about.as_ref(), epoch);
            return ended(Err(error), AnswerFrom::Call);
        }
        if let Some(pause) = pause {
            cache.pauses().start(key, &error.clone().without_data(), pause);
        }
        match cache.stale(key) {
            Some((value, epoch)) => {
                cache.postpone_refresh(key);
                tracing::debug!(%error, user_id = %value.about().user, "lookup failed: serving the stale user");
                Outcome { result: Ok(value), epoch, from: AnswerFrom::Stale(error.kind()) }
            }
            None => ended(Err(error), AnswerFrom::Call),
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
    use crate::ports::observer::{BreakerState, LookedUp, VerifierKind, Watch};
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

        fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
            (0, 0, Vec::new())
        }
    }

    impl Fetch<&'static str> for Accounts {
        fn what(_: &&'static str) -> LookedUp {
            LookedUp::Token
        }

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
            let watch = LookupWatch::new(Watch::default(), VerifierKind::Cached);
            let lookups = Lookups::new(backend.clone(), 10, settings.timeout, watch);
            let key = backend.key(&name);
            for _ in 0..2 {
                // As a caller that has just missed the cache.
                let mut watched = lookups.watch.waiting(LookedUp::Token);
                let joined = lookups.join(key, &name, &mut watched).await;
                assert_eq!(joined.is_ok(), accepted, "{name}");
            }
            assert_eq!(backend.asked.load(Ordering::Relaxed), 1, "{name}");
        }
    }
}
