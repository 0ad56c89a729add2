//! Stop calling an auth center that fails, so that requests do not wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::util::clock::{Clock, Millis, millis};

/// Opens after consecutive failures, allows one probe after a pause (half-open), and closes when the probe succeeds.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// Open until then: no calls. 0 while closed.
    open_until: Millis,
    /// Whether a probe is in flight.
    probing: bool,
    /// The pause after the next failure.
    pause: Millis,
}

/// Permission to make one call, to be consumed with the call's outcome. Dropped without one, it counts as neither success
/// nor failure.
#[must_use]
pub(crate) struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    is_probe: bool,
}

impl CircuitBreaker {
    /// Consecutive failures that open the breaker.
    const FAILURE_THRESHOLD: u32 = 5;
    const FIRST_PAUSE: Millis = 1_000;
    /// Bounds how long a recovery stays unnoticed.
    const MAX_PAUSE: Millis = 4_000;

    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Returns a permit for one call, or how long the breaker stays open.
    pub(crate) fn permit(&self) -> Result<Permit<'_>, Duration> {
        let mut state = self.lock();
        if state.open_until == 0 {
            return Ok(Permit { breaker: self, is_probe: false });
        }
        let now = self.clock.now();
        if state.probing || now < state.open_until {
            return Err(Duration::from_millis(state.open_until.saturating_sub(now)));
        }
        state.probing = true;
        Ok(Permit { breaker: self, is_probe: true })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records a success, and closes the breaker after a probe.
    pub(crate) fn succeeded(self) {
        let mut state = self.breaker.lock();
        // A call from before the breaker opened must not cut short a pause that the auth center requested.
        if self.is_probe || state.open_until == 0 {
            *state = State::default();
        }
    }

    /// Records a failure. Returns the pause if it opened the breaker.
    pub(crate) fn failed(self) -> Option<Duration> {
        let now = self.breaker.clock.now();
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        // Calls that were in flight when the breaker opened do not open it again.
        let opens = state.open_until == 0 && state.failures >= CircuitBreaker::FAILURE_THRESHOLD;
        if !self.is_probe && !opens {
            return None;
        }
        let pause = state.pause.clamp(CircuitBreaker::FIRST_PAUSE, CircuitBreaker::MAX_PAUSE);
        state.open_until = now + pause;
        state.pause = pause * 2;
        Some(Duration::from_millis(pause))
    }

    /// Opens the breaker for the pause that the auth center requested.
    pub(crate) fn rate_limited(self, pause: Duration) {
        let now = self.breaker.clock.now();
        let mut state = self.breaker.lock();
        state.open_until = state.open_until.max(now + millis(pause));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // The next call may probe instead of one that was cancelled.
        if self.is_probe {
            self.breaker.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advance(clock: &Clock, ms: u64) {
        clock.advance(Duration::from_millis(ms));
    }

    #[test]
    fn breaker_opens_probes_and_closes() {
        let clock = Clock::held();
        let breaker = CircuitBreaker::new(clock.clone());
        for _ in 0..5 {
            breaker.permit().ok().unwrap().failed();
        }
        assert!(breaker.permit().is_err(), "open after five failures");
        advance(&clock, 1_000);
        let probe = breaker.permit().ok().unwrap();
        assert!(breaker.permit().is_err(), "one probe at a time");
        probe.failed();
        advance(&clock, 1_999);
        assert!(breaker.permit().is_err(), "the pause doubles");
        advance(&clock, 1);
        breaker.permit().ok().unwrap().succeeded();
        for _ in 0..4 {
            breaker.permit().ok().unwrap().failed();
        }
        assert!(breaker.permit().is_ok(), "closed, and counting from zero");
    }

    #[test]
    fn recovery_is_noticed_within_five_seconds() {
        let clock = Clock::held();
        let breaker = CircuitBreaker::new(clock.clone());
        for _ in 0..1000 {
            advance(&clock, 100);
            if let Ok(permit) = breaker.permit() {
                permit.failed();
            }
        }
        let recovered_at = clock.now();
        while breaker.permit().map(Permit::succeeded).is_err() {
            advance(&clock, 10);
        }
        let unnoticed = clock.now() - recovered_at;
        assert!(unnoticed <= 5_000, "{unnoticed} ms");
    }

    #[test]
    fn success_between_failures_keeps_breaker_closed() {
        let breaker = CircuitBreaker::new(Clock::held());
        for n in 0..100 {
            let permit = breaker.permit().ok().unwrap();
            if n % 4 == 3 {
                permit.succeeded();
            } else {
                assert_eq!(permit.failed(), None);
            }
        }
    }

    #[test]
    fn calls_from_before_opening_do_not_shorten_the_pause() {
        let breaker = CircuitBreaker::new(Clock::held());
        let [first, second, third] = [(); 3].map(|()| breaker.permit().ok().unwrap());
        first.rate_limited(Duration::from_secs(7));
        second.rate_limited(Duration::from_secs(1));
        third.succeeded();
        assert_eq!(breaker.permit().err(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn cancelled_probe_allows_another() {
        let clock = Clock::held();
        let breaker = CircuitBreaker::new(clock.clone());
        breaker.permit().ok().unwrap().rate_limited(Duration::from_secs(7));
        assert_eq!(breaker.permit().err(), Some(Duration::from_secs(7)));
        advance(&clock, 7_000);
        drop(breaker.permit().ok().unwrap());
        assert!(breaker.permit().is_ok());
    }
}
