use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::{Either, select};
use redis::{Pipeline, Value as Reply};

use super::names::Entry;
use super::record::Before;
use super::shared_cache::SharedCache;
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::api_client::CallError;
use crate::upstream::identity_cache::{Key, Value};
use crate::upstream::slots::Slot;
use crate::util::clock::millis;

/// That this replica asks about a credential, for itself or for all. To be handed in with the outcome; dropped without one, its lock
/// ends by itself.
#[must_use]
pub(crate) struct Ticket<'a, V> {
    cache: &'a SharedCache<V>,
    key: Key,
    /// For another replica.
    waited: Duration,
    /// `None` if Redis did not answer: then it is not asked again.
    known: Option<Before>,
    /// Until then the others wait for this one. `None` if it asks for itself.
    held_until: Mutex<Option<Instant>>,
    _turn: Option<Slot>,
}

/// A lock that outlives its holder, or was given out to nobody by a Redis that was paused, is in the way for no longer.
pub(super) const LOCK: Duration = Duration::from_secs(2);

impl<'a, V: Value> Ticket<'a, V> {
    /// How long a pause is shared, so that one replica of all looks whether it is over.
    const LONGEST_PAUSE: Duration = Duration::from_secs(4);

    pub(super) fn alone(cache: &'a SharedCache<V>, key: Key, waited: Duration) -> Self {
        Self { cache, key, waited, known: None, held_until: Mutex::default(), _turn: None }
    }

    pub(super) fn new(
        cache: &'a SharedCache<V>,
        key: Key,
        waited: Duration,
        before: Before,
        held_until: Option<Instant>,
        turn: Slot,
    ) -> Self {
        Self {
            cache,
            key,
            waited,
            known: Some(before),
            held_until: Mutex::new(held_until),
            _turn: Some(turn),
        }
    }

    /// Asks, with what is left of a lookup's time where another replica was waited for. The others wait for as long as this one is
    /// there.
    pub(crate) async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let call = async {
            if self.waited.is_zero() {
                return call.await;
            }
            let left = self.cache.timeout.saturating_sub(self.waited);
            tokio::time::timeout(left, call).await.unwrap_or_else(|_| {
                let detail = "there was no answer in time, neither to another replica nor to this one";
                Err(AuthError::new(ErrorKind::Unavailable).with_detail(detail).into())
            })
        };
        match select(pin!(call), pin!(self.keep_lock())).await {
            Either::Left((answer, _)) => answer,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Renews the lock while it is held.
    async fn keep_lock(&self) -> Infallible {
        loop {
            tokio::time::sleep(LOCK / 2).await;
            if !self.holds_lock() {
                return std::future::pending().await;
            }
            let mut renew = Pipeline::new();
            let set = renew.cmd("SET").arg(self.cache.names.of(Entry::Lock, self.key));
            set.arg("").arg("XX").arg("PX").arg(millis(LOCK));
            let sent = Instant::now();
            // Otherwise it ends when it would have.
            if let Some(answer) = self.cache.calls.run::<Vec<Reply>>(&renew).await {
                let is_there = answer.first().is_some_and(|answer| *answer != Reply::Nil);
                *self.held() = is_there.then(|| sent + LOCK);
            }
        }
    }

    /// Shares a value.
    pub(crate) async fn verified(self, value: &V, limit: Option<SystemTime>) {
        let Some(before) = &self.known else { return };
        let sealed = self.cache.records.write(self.key, value, limit, before);
        let mut commands = Pipeline::new();
        if let Some(sealed) = sealed {
            let set = commands.cmd("SET").arg(self.cache.names.of(Entry::Value, self.key)).arg(sealed);
            // By the clock of Redis, from before the question: a command that waits in a Redis which is paused prolongs nothing.
            set.arg("PXAT").arg(before.time.saturating_add(self.cache.lifetime()));
            if !self.holds_lock() {
                // Another may have asked later, and answered before.
                set.arg("NX");
            }
        }
        self.release(commands).await;
    }

    /// Tells that the credential was rejected: a value of before is not to be read any more. The rejection itself is not shared.
    pub(crate) async fn rejected(self) {
        let mut commands = Pipeline::new();
        commands.cmd("DEL").arg(self.cache.names.of(Entry::Value, self.key));
        self.release(commands).await;
    }

    /// Tells that nobody answered, and how long not to ask about the credential again.
    pub(crate) async fn failed(self, pause: Duration) {
        let mut commands = Pipeline::new();
        if let Some(before) = &self.known
            // None after an outage: it may be that of this replica alone.
            && !pause.is_zero()
        {
            // Asking took a while, too, so that the pause is over a little early.
            let until = |pause: Duration| before.time.saturating_add(millis(pause));
            if let Some(sealed) = self.cache.records.write_pause(self.key, until(pause)) {
                let set = commands.cmd("SET").arg(self.cache.names.of(Entry::Pause, self.key)).arg(sealed);
                set.arg("PXAT").arg(until(pause.min(Self::LONGEST_PAUSE)));
            }
        }
        self.release(commands).await;
    }

    /// Has nothing to tell.
    pub(crate) async fn released(self) {
        self.release(Pipeline::new()).await;
    }

    /// Whether the others still wait for this one.
    fn holds_lock(&self) -> bool {
        self.held().is_some_and(|until| Instant::now() < until)
    }

    fn held(&self) -> MutexGuard<'_, Option<Instant>> {
        self.held_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn release(&self, mut commands: Pipeline) {
        if self.holds_lock() {
            commands.cmd("DEL").arg(self.cache.names.of(Entry::Lock, self.key));
        }
        if self.known.is_some() && !commands.is_empty() {
            let _: Option<Reply> = self.cache.calls.run(&commands).await;
        }
    }
}
