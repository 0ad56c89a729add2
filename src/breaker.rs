//! Spares a dead auth center, and the requests that would wait for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Millis, millis};

/// Opens after a run of failures, lets one probe through when its pause is over, and closes when that succeeds.
#[derive(Debug)]
pub(crate) struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success.
    failures: u32,
    /// No calls before this.
    open_until: Millis,
    /// Whether a probe is under way.
    probing: bool,
    /// The pause after the next failure.
    pause: Millis,
}

/// The leave to make one call, to be spent by telling how it went. Dropped unspent, it counts for nothing.
#[must_use]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// So many failures in a row open it.
    const THRESHOLD: u32 = 5;
    const FIRST_PAUSE: Millis = 1_000;
    /// A center that is back is noticed within this.
    const LONGEST_PAUSE: Millis = 4_000;

    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Leave to make a call, or how long to wait.
    pub(crate) fn permit(&self) -> Result<Permit<'_>, Duration> {
        let mut state = self.lock();
        if state.open_until == 0 {
            return Ok(Permit { breaker: self, probe: false });
        }
        let now = self.clock.now();
        if state.probing || now < state.open_until {
            return Err(Duration::from_millis(state.open_until.saturating_sub(now)));
        }
        state.probing = true;
        Ok(Permit { breaker: self, probe: true })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The center answered.
    pub(crate) fn succeeded(self) {
        let mut state = self.breaker.lock();
        // A call from before it opened says nothing of now, and must not end a pause that the center asked for.
        if self.probe || state.open_until == 0 {
            *state = State::default();
        }
    }

    /// The center could not be reached or failed. Returns the pause if that opened the breaker.
    pub(crate) fn failed(self) -> Option<Duration> {
        let now = self.breaker.clock.now();
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        // Calls that were under way when it opened say nothing new.
        let opens = state.open_until == 0 && state.failures >= Breaker::THRESHOLD;
        if !self.probe && !opens {
            return None;
        }
        let pause = state.pause.clamp(Breaker::FIRST_PAUSE, Breaker::LONGEST_PAUSE);
        state.open_until = now + pause;
        state.pause = pause * 2;
        Some(Duration::from_millis(pause))
    }

    /// The center asked for a pause.
    pub(crate) fn told_to_wait(self, pause: Duration) {
        let now = self.breaker.clock.now();
        let mut state = self.breaker.lock();
        state.open_until = state.open_until.max(now + millis(pause));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // The next call may probe in place of the one that was given up.
        if self.probe {
            self.breaker.lock().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(clock: &Clock, ms: u64) {
        clock.advance(Duration::from_millis(ms));
    }

    #[test]
    fn opens_probes_and_closes() {
        let clock = Clock::held();
        let breaker = Breaker::new(clock.clone());
        for _ in 0..5 {
            breaker.permit().ok().unwrap().failed();
        }
        assert!(breaker.permit().is_err(), "open after five failures");
        after(&clock, 1_000);
        let probe = breaker.permit().ok().unwrap();
        assert!(breaker.permit().is_err(), "one probe at a time");
        probe.failed();
        after(&clock, 1_999);
        assert!(breaker.permit().is_err(), "the pause doubles");
        after(&clock, 1);
        breaker.permit().ok().unwrap().succeeded();
        for _ in 0..4 {
            breaker.permit().ok().unwrap().failed();
        }
        assert!(breaker.permit().is_ok(), "closed, and counting from nought");
    }

    #[test]
    fn a_recovery_is_noticed_within_five_seconds() {
        let clock = Clock::held();
        let breaker = Breaker::new(clock.clone());
        for _ in 0..1000 {
            after(&clock, 100);
            if let Ok(permit) = breaker.permit() {
                permit.failed();
            }
        }
        let back = clock.now();
        while breaker.permit().map(Permit::succeeded).is_err() {
            after(&clock, 10);
        }
        assert!(clock.now() - back <= 5_000, "{} ms", clock.now() - back);
    }

    #[test]
    fn a_success_in_between_keeps_it_closed() {
        let breaker = Breaker::new(Clock::held());
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
    fn calls_from_before_it_opened_do_not_shorten_the_pause() {
        let breaker = Breaker::new(Clock::held());
        let [first, second, third] = [(); 3].map(|()| breaker.permit().ok().unwrap());
        first.told_to_wait(Duration::from_secs(7));
        second.told_to_wait(Duration::from_secs(1));
        third.succeeded();
        assert_eq!(breaker.permit().err(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_another() {
        let clock = Clock::held();
        let breaker = Breaker::new(clock.clone());
        breaker.permit().ok().unwrap().told_to_wait(Duration::from_secs(7));
        assert_eq!(breaker.permit().err(), Some(Duration::from_secs(7)));
        after(&clock, 7_000);
        drop(breaker.permit().ok().unwrap());
        assert!(breaker.permit().is_ok());
    }
}
