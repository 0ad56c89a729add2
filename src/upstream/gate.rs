//! Let a call through: unless the circuit breaker is open, when a slot is free, and for a limited time.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::upstream::circuit_breaker::{CircuitBreaker, Permit, Subject};
use crate::upstream::owner::Owner;
use crate::upstream::slots::Slots;

/// The limits of calls to one service.
pub(crate) struct Gate {
    in_flight: Slots,
    /// For a whole call: the wait for a slot, retries, the answer.
    timeout: Duration,
}

/// Why a call was not made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// The circuit breaker is open, for so long.
    Open(Duration),
    /// No slot was free in time.
    AtCapacity,
}

/// How a call that was made has ended.
pub(crate) enum Attempt<T> {
    Ended(T),
    TimedOut {
        /// Whether the call had most of its time. If not, the service is not to blame for the time that went by before.
        had_most: bool,
    },
}

impl Gate {
    pub(crate) fn new(max_in_flight: usize, timeout: Duration) -> Self {
        Self { in_flight: Slots::new(max_in_flight), timeout }
    }

    /// Makes a call about this credential, or one of the service's own about none. The permit is for its outcome.
    ///
    /// The call's future is made when there is a slot for it: thousands may wait for one.
    pub(crate) async fn pass<'a, F: Future>(
        &self,
        breaker: &'a CircuitBreaker,
        subject: Option<Subject>,
        call: impl FnOnce() -> F,
    ) -> Result<(Permit<'a>, Attempt<F::Output>), Refused> {
        let started = Instant::now();
        // Checked before waiting for a slot, too: while the breaker is open, no request waits.
        breaker.check(subject).map_err(Refused::Open)?;
        let owner = subject.map_or(Owner::Service, |subject| subject.owner);
        // A call that is made with less than a quarter of its time left would fail for want of time, and take the slot from one
        // that would not.
        let slot = timeout_at(started + self.timeout / 4 * 3, self.in_flight.acquire(owner));
        let Ok(_slot) = slot.await else { return Err(Refused::AtCapacity) };
        let permit = breaker.permit(subject).map_err(Refused::Open)?;
        let sent = Instant::now();
        let attempt = match timeout_at(started + self.timeout, call()).await {
            Ok(ended) => Attempt::Ended(ended),
            Err(_) => Attempt::TimedOut { had_most: sent.elapsed() > self.timeout / 2 },
        };
        Ok((permit, attempt))
    }

    /// Whether so many calls are in flight that those which nobody waits for had better wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight.is_busy()
    }

    /// Returns how many calls are in flight, and how many wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        self.in_flight.load()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }
}
