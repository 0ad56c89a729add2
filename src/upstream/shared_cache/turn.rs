use std::time::{Duration, Instant};

use redis::{Pipeline, Value as Reply};

use super::names::Entry;
use super::record::{Before, RedisTime, Shared};
use super::shared_cache::SharedCache;
use super::ticket::{LOCK, Ticket};
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::api_client::CallError;
use crate::upstream::identity_cache::{CacheTtls, Key, Value};
use crate::upstream::owner::Owner;
use crate::util::clock::{Millis, millis};

/// Whose turn it is.
pub(crate) enum Turn<'a, V> {
    /// Another replica has verified the credential.
    Found(Shared<V>),
    /// Another replica could not, a moment ago.
    Paused(CallError),
    /// This replica asks. The value is one past its TTL, for the case that nobody answers.
    Ask(Ticket<'a, V>, Option<Shared<V>>),
}

/// What is in Redis about a credential.
struct Look<V> {
    found: Found<V>,
    /// Whether this replica has just taken the lock.
    is_locked: bool,
}

enum Found<V> {
    Usable(Shared<V>),
    Paused(Duration),
    Nothing { before: Before, stale: Option<Shared<V>> },
}

impl<V: Value> SharedCache<V> {
    /// Between two looks: as long as it has taken so far, so that a slow answer is known after twice its time.
    const FIRST_LOOK: Duration = Duration::from_millis(10);
    const LAST_LOOK: Duration = Duration::from_secs(1);

    /// Returns what another replica knows of a credential, or that this one is to ask.
    ///
    /// Waits while another replica asks, and for its turn in a burst, for a part of the time of a lookup. Whatever is wrong with Redis, this
    /// one asks, after one call that had no answer.
    pub(crate) async fn turn(&self, key: Key, owner: Owner, is_refresh: bool) -> Turn<'_, V> {
        if self.ttls.ttl.is_zero() || self.ledger.horizon().is_none() || !self.calls.are_possible() {
            return Turn::Ask(Ticket::alone(self, key, Duration::ZERO), None);
        }
        // Then it asks for itself, in the time that is left.
        let (started, patience) = (Instant::now(), self.timeout * 4 / 5);
        let mut waited = Duration::ZERO;
        let slot = match self.turns.try_acquire(owner) {
            Some(slot) => slot,
            None => match tokio::time::timeout(patience, self.turns.acquire(owner)).await {
                Ok(slot) => {
                    waited = started.elapsed();
                    slot
                }
                Err(_) => return Turn::Ask(Ticket::alone(self, key, started.elapsed()), None),
            },
        };
        let (mut stale, mut takes_lock) = (None, false);
        loop {
            let sent = Instant::now();
            let looked = self.look(key, is_refresh, takes_lock).await;
            let is_waiting = takes_lock && waited > Duration::ZERO;
            match looked {
                None if is_waiting && waited < patience && self.calls.are_possible() => {}
                None => return Turn::Ask(Ticket::alone(self, key, waited), stale),
                Some(Look { found: Found::Nothing { before, stale: found }, is_locked }) => {
                    stale = found;
                    if is_locked || waited >= patience {
                        let held_until = is_locked.then(|| sent + LOCK);
                        return Turn::Ask(Ticket::new(self, key, waited, before, held_until, slot), stale);
                    }
                }
                Some(Look { found, is_locked }) => {
                    if is_locked {
                        // Put and released between two looks, and taken again in vain.
                        self.unlock(key).await;
                    }
                    match found {
                        Found::Usable(shared) => return Turn::Found(shared),
                        Found::Paused(left) => return Turn::Paused(paused(left)),
                        Found::Nothing { .. } => {}
                    }
                }
            }
            if takes_lock {
                // Another replica asks.
                let pause = started.elapsed().clamp(Self::FIRST_LOOK, Self::LAST_LOOK);
                tokio::time::sleep(pause.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
                waited = started.elapsed();
            }
            takes_lock = true;
        }
    }

    /// Looks for a value, and takes the lock if that is wanted and nobody has it. `None` without an answer, and while it is not
    /// known what was invalidated.
    async fn look(&self, key: Key, is_refresh: bool, takes_lock: bool) -> Option<Look<V>> {
        let horizon = self.ledger.horizon()?;
        let mut commands = Pipeline::new();
        if takes_lock {
            let lock = commands.cmd("SET").arg(self.names.of(Entry::Lock, key));
            lock.arg("").arg("NX").arg("PX").arg(millis(LOCK));
        }
        commands.cmd("GET").arg(self.names.of(Entry::Value, key));
        commands.cmd("GET").arg(self.names.of(Entry::Pause, key)).cmd("TIME");
        let sent = Instant::now();
        let mut answers: Vec<Reply> = self.calls.run(&commands).await?;
        let now = time_of(answers.pop()?)?;
        let (pause, value) = (answers.pop()?, answers.pop()?);
        let is_locked = answers.pop().is_some_and(|answer| answer != Reply::Nil);
        let today = self.clock.today();
        let value = bytes(value).and_then(|sealed| self.records.read(key, &sealed, &self.ledger, now, today));
        // What went by until now is part of its age.
        let value = value.map(|shared| Shared { age: shared.age + millis(sent.elapsed()), ..shared });
        let found = match value {
            Some(shared) if shared.age < self.usable_age(is_refresh) => Found::Usable(shared),
            stale => match bytes(pause).and_then(|sealed| self.records.read_pause(key, &sealed, now)) {
                Some(left) => Found::Paused(left),
                None => Found::Nothing { before: Before { horizon, time: now, today }, stale },
            },
        };
        Some(Look { found, is_locked })
    }

    /// How old a value of another replica may be. For a refresh, younger than what is to be refreshed.
    fn usable_age(&self, is_refresh: bool) -> Millis {
        let ttl = millis(self.ttls.ttl);
        if is_refresh { ttl * *CacheTtls::REFRESH_PERCENT.start() / 100 } else { ttl }
    }

    async fn unlock(&self, key: Key) {
        let mut commands = Pipeline::new();
        commands.cmd("DEL").arg(self.names.of(Entry::Lock, key));
        // Otherwise the lock ends by itself.
        let _: Option<Reply> = self.calls.run(&commands).await;
    }
}

fn bytes(reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

/// Reads the answer to TIME: seconds, and microseconds.
fn time_of(reply: Reply) -> Option<RedisTime> {
    let (seconds, micros): (u64, u64) = redis::from_redis_value(reply).ok()?;
    seconds.checked_mul(1_000)?.checked_add(micros / 1_000)
}

fn paused(left: Duration) -> CallError {
    let error = AuthError::new(ErrorKind::Unavailable)
        .with_detail("another replica could not verify the credential a moment ago")
        .with_retry_after(left);
    CallError { error, pause: Some(left) }
}
