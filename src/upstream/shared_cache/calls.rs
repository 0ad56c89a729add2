use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Pipeline};
use tokio::sync::Semaphore;

use crate::upstream::cluster::RedisStore;
use crate::upstream::owner::Owner;
use crate::upstream::redis_link::LinkError;
use crate::upstream::slots::Slots;
use crate::util::clock::Clock;
use crate::util::fair_timeout::fair_timeout;
use crate::util::log_throttle::LogThrottle;

/// Asks Redis for what may be had without it: so nothing waits for it long.
///
/// The connection is the circuit breaker: after a late answer one call at a time finds out whether the next is in time, and the others
/// go on without if it takes any longer than usual. One that has been late for 150 ms is thrown away, and calls fail at once until another has answered a PING.
pub(super) struct Calls {
    store: Arc<RedisStore>,
    in_flight: Slots,
    /// Taken by the call that finds out.
    probe: Semaphore,
    warnings: LogThrottle,
}

impl Calls {
    /// Enough for all that Redis can answer, and so few that a hiccup of it makes few late: an answer has 50 ms.
    const MAX_IN_FLIGHT: usize = 32;
    /// How long the others wait for the call that finds out: as long as an answer takes.
    const SUSPENSE: Duration = Duration::from_millis(10);
    /// With the wait for one's turn in a burst, which is as long as Redis answers in time.
    const TIMEOUT: Duration = Duration::from_secs(2);

    pub(super) fn new(store: Arc<RedisStore>, clock: Clock) -> Self {
        let warnings = LogThrottle::new(clock, Duration::from_secs(30));
        Self { store, in_flight: Slots::new(Self::MAX_IN_FLIGHT), probe: Semaphore::new(1), warnings }
    }

    /// Whether there is a connection. While there is none, nothing waits.
    pub(super) fn are_possible(&self) -> bool {
        self.store.calls.connection().is_ok()
    }

    /// Runs commands in one round trip. `None` without an answer, for whatever reason: then go on without.
    pub(super) async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        // Before the wait, too.
        if !self.are_possible() {
            return None;
        }
        let asking = async {
            let _slot = self.in_flight.acquire(Owner::Service).await;
            let mut probe = None;
            if self.store.calls.connection()?.is_late() {
                let acquired = fair_timeout(Self::SUSPENSE, self.probe.acquire()).await;
                probe = acquired.ok_or(LinkError::Late)?.ok();
            }
            // It may be another by now, or in time again.
            let connection = self.store.calls.connection()?;
            let _probe = probe.filter(|_| connection.is_late());
            connection.pipeline(commands).await
        };
        let answer: Result<T, LinkError> = fair_timeout(Self::TIMEOUT, asking).await?;
        let note = |error: &LinkError| {
            if self.warnings.is_due() {
                tracing::warn!(%error, "the shared cache was asked in vain: replicas look up for themselves");
            }
        };
        answer.inspect_err(note).ok()
    }
}
