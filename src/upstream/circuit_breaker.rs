//! Stop calling an auth center that is away, so that requests do not wait for it.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ports::observer::{Breaker, BreakerState, Event, Watch};
use crate::upstream::owner::Owner;
use crate::util::clock::{Clock, Millis, millis};

/// The breakers: one for lookups of credentials, one for each other endpoint, so that no endpoint's failures keep users out.
pub(crate) struct CircuitBreakers {
    clock: Clock,
    watch: Watch,
    /// By endpoint, of which there are a few.
    breakers: Mutex<HashMap<&'static str, Arc<CircuitBreaker>>>,
}

impl CircuitBreakers {
    pub(crate) fn new(clock: Clock, watch: Watch) -> Self {
        Self { clock, watch, breakers: Mutex::default() }
    }

    pub(crate) fn of(&self, endpoint: &'static str) -> Arc<CircuitBreaker> {
        let lookups = "/user/info";
        let endpoint = if endpoint == "/access-key/verify" { lookups } else { endpoint };
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = breakers.entry(endpoint);
        let new = || Arc::new(CircuitBreaker::new(self.clock.clone(), endpoint, self.watch.clone()));
        breaker.or_insert_with(new).clone()
    }

    /// Returns the state of each, by endpoint.
    pub(crate) fn states(&self) -> Vec<(&'static str, BreakerState)> {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut states: Vec<_> =
            breakers.iter().map(|(endpoint, breaker)| (*endpoint, breaker.state())).collect();
        states.sort_unstable_by_key(|(endpoint, _)| *endpoint);
        states
    }
}

/// Opens after consecutive failures, allows one probe after a pause (half-open), and closes when the probe succeeds.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    clock: Clock,
    /// What it is for, and who is told of changes.
    endpoint: &'static str,
    watch: Watch,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Failures since the last success: of several callers' credentials, since one may fail for a reason of its own.
    failures: u32,
    /// The credentials that have failed since the last success, as many as open the breaker, and who presented them.
    failed: Vec<(u128, Owner)>,
    /// Open until then: no calls but probes. 0 while closed.
    open_until: Millis,
    /// Open since then, probes that failed included.
    open_since: Millis,
    /// The next probe is allowed then, to strangers of a network a moment later: whoever sends bad tokens is mostly the first.
    probe_at: Millis,
    /// Whether a probe is in flight.
    probing: bool,
    /// The pause after the next failure.
    pause: Millis,
    /// The longest pause that the auth center has requested since the last success.
    requested_until: Millis,
    /// When the first failure since the last success was.
    failing_since: Option<Millis>,
    /// Whether the log says that calls fail, so that it has to say that they succeed again.
    is_logged: bool,
}

/// The credential that a call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) key: u128,
    /// Who presented it.
    pub(crate) owner: Owner,
    /// Whether the last call about it has failed a short time ago.
    pub(crate) has_just_failed: bool,
}

/// Permission to make one call, to be consumed with the call's outcome. Dropped without one, it counts as neither success
/// nor failure.
#[must_use]
pub(crate) struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    subject: Option<Subject>,
    is_probe: bool,
    /// Whether a probe has decided.
    is_settled: bool,
}

impl CircuitBreaker {
    /// Consecutive failures that open the breaker.
    const FAILURE_THRESHOLD: u32 = 5;
    const FIRST_PAUSE: Millis = 1_000;
    /// Bounds how long a recovery stays unnoticed.
    const MAX_PAUSE: Millis = 4_000;
    /// How much later the call of a network's stranger may be the probe.
    const STRANGERS_LATER: Millis = 500;
    /// How many failures of one network's strangers count, since the reason may be what is in their tokens.
    const PER_NETWORK: usize = 2;

    pub(crate) fn new(clock: Clock, endpoint: &'static str, watch: Watch) -> Self {
        Self { clock, endpoint, watch, state: Mutex::default() }
    }

    pub(crate) fn state(&self) -> BreakerState {
        let state = self.lock();
        match (state.open_until, state.probing) {
            (0, _) => BreakerState::Closed,
            (_, true) => BreakerState::HalfOpen,
            (_, false) => BreakerState::Open,
        }
    }

    /// Returns whether [`permit`](Self::permit) would give one now, or else how long the breaker stays open.
    pub(crate) fn check(&self, subject: Option<Subject>) -> Result<(), Duration> {
        let state = self.lock();
        if state.open_until == 0 { Ok(()) } else { self.admits_probe(&state, subject) }
    }

    fn admits_probe(&self, state: &State, subject: Option<Subject>) -> Result<(), Duration> {
        let now = self.clock.now();
        let has_just_failed = subject.is_some_and(|subject| subject.has_just_failed);
        let is_of_network = subject.is_some_and(|subject| matches!(subject.owner, Owner::Network(_)));
        let probe_at = state.probe_at + if is_of_network { Self::STRANGERS_LATER } else { 0 };
        if state.probing || now < probe_at || has_just_failed {
            return Err(Duration::from_millis(state.open_until.saturating_sub(now)));
        }
        Ok(())
    }

    /// Tells of a change. Without the lock.
    fn tell(&self, before: BreakerState, state: BreakerState, since: Millis, pause: Option<Duration>) {
        self.watch.tell(|| {
            let open_for = Duration::from_millis(self.clock.now().saturating_sub(since));
            Event::Breaker(Breaker { endpoint: self.endpoint, state, before, pause, open_for })
        });
    }

    /// Returns a permit for one call, or how long the breaker stays open. A credential that has just failed gives no probe:
    /// whoever asks most often would decide for all.
    pub(crate) fn permit(&self, subject: Option<Subject>) -> Result<Permit<'_>, Duration> {
        let mut state = self.lock();
        let is_probe = state.open_until != 0;
        if is_probe {
            self.admits_probe(&state, subject)?;
            state.probing = true;
            let since = state.open_since;
            drop(state);
            self.tell(BreakerState::Open, BreakerState::HalfOpen, since, None);
        }
        Ok(Permit { breaker: self, subject, is_probe, is_settled: false })
    }

    /// Returns the state that the next call meets: half open if it is the probe, and open while another one is on its way.
    pub(crate) fn of_next_call(&self) -> BreakerState {
        let state = self.lock();
        if state.open_until == 0 {
            BreakerState::Closed
        } else if state.probing || self.clock.now() < state.probe_at {
            BreakerState::Open
        } else {
            BreakerState::HalfOpen
        }
    }

    /// Notes that the log says that calls fail. That the breaker opens is always logged.
    pub(crate) fn mark_logged(&self) {
        let mut state = self.lock();
        state.is_logged |= state.failing_since.is_some();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records a success, and closes the breaker after a probe. Returns how long calls had failed, if that was logged: then its end
    /// is to be logged, too.
    pub(crate) fn succeeded(mut self) -> Option<Duration> {
        let mut state = self.breaker.lock();
        // A call from before the breaker opened must not cut short a pause that the auth center requested.
        if !self.is_probe && state.open_until != 0 {
            return None;
        }
        let ended = mem::take(&mut *state);
        drop(state);
        self.is_settled = true;
        if ended.open_until != 0 {
            self.breaker.tell(BreakerState::HalfOpen, BreakerState::Closed, ended.open_since, None);
        }
        let since = ended.failing_since.filter(|_| ended.is_logged)?;
        Some(Duration::from_millis(self.breaker.clock.now().saturating_sub(since)))
    }

    /// Records a failure. Returns the pause if it opened the breaker.
    pub(crate) fn failed(self) -> Option<Duration> {
        self.record(|_, _| {})
    }

    /// Records that the auth center requested a pause. Returns the pause if it opened the breaker: for a call that is about no
    /// credential at once, or else as failures do, since the limit may be that of one credential.
    pub(crate) fn rate_limited(self, pause: Duration) -> Option<Duration> {
        self.record(|permit, state| {
            let until = permit.breaker.clock.now() + millis(pause);
            state.requested_until = state.requested_until.max(until);
            if permit.subject.is_none() {
                state.failures = CircuitBreaker::FAILURE_THRESHOLD;
            }
        })
    }

    fn record(mut self, note: impl FnOnce(&Self, &mut State)) -> Option<Duration> {
        let mut state = self.breaker.lock();
        note(&self, &mut state);
        let pause = self.count(&mut state)?;
        let since = state.open_since;
        drop(state);
        self.is_settled = true;
        let before = if self.is_probe { BreakerState::HalfOpen } else { BreakerState::Closed };
        self.breaker.tell(before, BreakerState::Open, since, Some(pause));
        Some(pause)
    }

    fn count(&self, state: &mut State) -> Option<Duration> {
        if !self.subject.is_some_and(|subject| state.has_counted(subject)) {
            state.failures = state.failures.saturating_add(1);
            if state.failed.len() < CircuitBreaker::FAILURE_THRESHOLD as usize {
                state.failed.extend(self.subject.map(|subject| (subject.key, subject.owner)));
            }
        }
        // Calls that were in flight when the breaker opened do not open it again.
        let opens = state.open_until == 0 && state.failures >= CircuitBreaker::FAILURE_THRESHOLD;
        let now = self.breaker.clock.now();
        state.failing_since.get_or_insert(now);
        state.is_logged |= opens;
        if !self.is_probe && !opens {
            // But those that the auth center asks to wait prolong the pause.
            if state.open_until != 0 {
                state.open_until = state.open_until.max(state.requested_until);
            }
            return None;
        }
        if state.open_until == 0 {
            state.open_since = now;
        }
        let pause = state.pause.clamp(CircuitBreaker::FIRST_PAUSE, CircuitBreaker::MAX_PAUSE);
        state.pause = pause * 2;
        state.open_until = (now + pause).max(state.requested_until);
        // Within a long pause, too, so that a recovery does not stay unnoticed.
        state.probe_at = if now < state.requested_until {
            state.open_until.min(now + CircuitBreaker::MAX_PAUSE)
        } else {
            state.open_until
        };
        Some(Duration::from_millis(state.open_until - now))
    }
}

impl State {
    /// Whether the credential, or as many as may of its network, are among the failures.
    fn has_counted(&self, subject: Subject) -> bool {
        let of_network = |(_, owner): &&(u128, Owner)| *owner == subject.owner;
        self.failed.iter().any(|(key, _)| *key == subject.key)
            || matches!(subject.owner, Owner::Network(_))
                && self.failed.iter().filter(of_network).count() >= CircuitBreaker::PER_NETWORK
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_probe {
            return;
        }
        // The next call may probe instead of one that was cancelled.
        let mut state = self.breaker.lock();
        state.probing = false;
        let since = state.open_since;
        drop(state);
        if !self.is_settled {
            self.breaker.tell(BreakerState::HalfOpen, BreakerState::Open, since, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker_at(clock: Clock) -> CircuitBreaker {
        CircuitBreaker::new(clock, "endpoint", Watch::default())
    }

    fn advance(clock: &Clock, ms: u64) {
        clock.advance(Duration::from_millis(ms));
    }

    #[test]
    fn breaker_opens_probes_and_closes() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        for _ in 0..5 {
            breaker.permit(None).ok().unwrap().failed();
        }
        assert!(breaker.permit(None).is_err(), "open after five failures");
        assert_eq!(breaker.check(None), Err(Duration::from_secs(1)));
        advance(&clock, 1_000);
        assert_eq!(breaker.check(None), Ok(()));
        let probe = breaker.permit(None).ok().unwrap();
        assert!(breaker.permit(None).is_err(), "one probe at a time");
        assert!(breaker.check(None).is_err());
        probe.failed();
        advance(&clock, 1_999);
        assert!(breaker.permit(None).is_err(), "the pause doubles");
        advance(&clock, 1);
        breaker.permit(None).ok().unwrap().succeeded();
        for _ in 0..4 {
            breaker.permit(None).ok().unwrap().failed();
        }
        assert_eq!(breaker.check(None), Ok(()));
        assert!(breaker.permit(None).is_ok(), "closed, and counting from zero");
    }

    #[test]
    fn end_of_an_outage_is_told_once_if_its_start_was() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        let fail = || {
            let _ = breaker.permit(None).ok().unwrap().failed();
        };
        let succeed = || breaker.permit(None).ok().unwrap().succeeded();
        breaker.mark_logged();
        assert_eq!(succeed(), None, "nothing has failed");
        fail();
        assert_eq!(succeed(), None, "the log does not say so");
        fail();
        advance(&clock, 300);
        fail();
        breaker.mark_logged();
        advance(&clock, 700);
        assert_eq!(succeed(), Some(Duration::from_secs(1)));
        assert_eq!(succeed(), None);
        (0..5).for_each(|_| fail());
        assert_eq!(breaker.of_next_call(), BreakerState::Open);
        advance(&clock, 999);
        assert_eq!(breaker.of_next_call(), BreakerState::Open);
        advance(&clock, 1);
        assert_eq!(breaker.of_next_call(), BreakerState::HalfOpen);
        let probe = breaker.permit(None).ok().unwrap();
        assert_eq!(breaker.of_next_call(), BreakerState::Open, "one probe at a time");
        probe.failed();
        advance(&clock, 2_000);
        assert_eq!((succeed(), breaker.of_next_call()), (Some(Duration::from_secs(3)), BreakerState::Closed));
    }

    #[test]
    fn recovery_is_noticed_within_five_seconds() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        for _ in 0..1000 {
            advance(&clock, 100);
            if let Ok(permit) = breaker.permit(None) {
                permit.failed();
            }
        }
        let recovered_at = clock.now();
        while breaker.permit(None).map(Permit::succeeded).is_err() {
            advance(&clock, 10);
        }
        let unnoticed = clock.now() - recovered_at;
        assert!(unnoticed <= 5_000, "{unnoticed} ms");
    }

    #[test]
    fn success_between_failures_keeps_breaker_closed() {
        let breaker = breaker_at(Clock::held());
        for n in 0..100 {
            let permit = breaker.permit(None).ok().unwrap();
            if n % 4 == 3 {
                permit.succeeded();
            } else {
                assert_eq!(permit.failed(), None);
            }
        }
    }

    #[test]
    fn calls_from_before_opening_do_not_shorten_the_pause() {
        let breaker = breaker_at(Clock::held());
        let [first, second, third] = [(); 3].map(|()| breaker.permit(None).ok().unwrap());
        first.rate_limited(Duration::from_secs(7));
        second.rate_limited(Duration::from_secs(1));
        third.succeeded();
        assert_eq!(breaker.permit(None).err(), Some(Duration::from_secs(7)));
    }

    fn about(key: u128) -> Option<Subject> {
        Some(Subject { key, owner: Owner::Known, has_just_failed: false })
    }

    #[test]
    fn one_credential_never_opens_it() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        for n in 0..100 {
            let permit = breaker.permit(about(7)).ok().unwrap();
            assert_eq!(
                if n % 2 == 0 { permit.failed() } else { permit.rate_limited(Duration::from_secs(60)) },
                None
            );
        }
        for key in 0..3 {
            assert_eq!(breaker.permit(about(key)).ok().unwrap().failed(), None);
        }
        let opened = breaker.permit(about(3)).ok().unwrap().failed();
        assert_eq!(
            opened,
            Some(Duration::from_secs(60)),
            "five do, and the pause is that which was requested"
        );
        assert!(breaker.permit(about(9)).is_err());
    }

    #[test]
    fn probe_is_no_credential_that_has_just_failed() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        for key in 0..5 {
            breaker.permit(about(key)).ok().unwrap().failed();
        }
        advance(&clock, 1_000);
        let just_failed = Some(Subject { key: 3, owner: Owner::Known, has_just_failed: true });
        assert_eq!(breaker.permit(just_failed).err(), Some(Duration::ZERO));
        breaker.permit(about(9)).ok().unwrap().succeeded();
        assert!(breaker.permit(just_failed).is_ok(), "closed");
    }

    /// Each of them another: what a gateway minds may be in all tokens that one network sends.
    #[test]
    fn one_network_never_opens_it() {
        let breaker = breaker_at(Clock::held());
        let from = |network: u64, key| {
            let subject = Subject { key, owner: Owner::Network(network), has_just_failed: false };
            breaker.permit(Some(subject)).ok().unwrap()
        };
        for key in 0..100 {
            assert_eq!(from(1, key).failed(), None);
            assert_eq!(from(2, 1_000 + key).rate_limited(Duration::from_secs(60)), None);
        }
        assert!(from(3, 5_000).failed().is_some(), "three do");
    }

    /// Nobody sends as many as whoever sends bad tokens, and the first after the pause is mostly theirs.
    #[test]
    fn strangers_probe_last() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        let stranger = Some(Subject { key: 7, owner: Owner::Network(7), has_just_failed: false });
        for round in 0..5 {
            for key in 0..5 {
                let _ = breaker.permit(about(key)).map(Permit::failed);
            }
            advance(&clock, [1_000, 2_000, 4_000, 4_000, 4_000][round]);
            assert!(breaker.permit(stranger).is_err(), "{round}");
            advance(&clock, 499);
            assert!(breaker.permit(stranger).is_err(), "{round}");
            advance(&clock, 1);
            breaker.permit(stranger).ok().unwrap().failed();
        }
        advance(&clock, 4_000);
        breaker.permit(about(9)).ok().unwrap().succeeded();
    }

    #[test]
    fn requested_pause_is_probed_every_four_seconds() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        breaker.permit(None).ok().unwrap().rate_limited(Duration::from_secs(60));
        let mut probes = vec![];
        for second in 0..=20 {
            if let Ok(probe) = breaker.permit(None) {
                probes.push(second);
                let pause =
                    if second < 16 { probe.failed() } else { probe.rate_limited(Duration::from_secs(2)) };
                assert_eq!(pause, Some(Duration::from_secs(60 - second)), "the end stays where it was");
            }
            advance(&clock, 1_000);
        }
        assert_eq!(probes, [4, 8, 12, 16, 20]);
    }

    #[test]
    fn lookups_share_a_breaker_and_other_endpoints_have_their_own() {
        let breakers = CircuitBreakers::new(Clock::held(), Watch::default());
        for _ in 0..5 {
            breakers.of("/users/list").permit(None).ok().unwrap().failed();
        }
        assert!(breakers.of("/users/list").permit(None).is_err());
        assert!(breakers.of("/user/info").permit(None).is_ok());
        for _ in 0..5 {
            breakers.of("/access-key/verify").permit(None).ok().unwrap().failed();
        }
        assert!(breakers.of("/user/info").permit(None).is_err());
        assert!(breakers.of("/users/batch").permit(None).is_ok());
    }

    /// Keeps the last state that it is told, and how often one did not follow the other.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<(Option<BreakerState>, usize)>>);

    impl crate::ports::observer::Observer for Told {
        fn observe(&self, event: &Event) {
            let Event::Breaker(breaker) = event else { return };
            let mut told = self.0.lock().unwrap();
            let before = told.0.unwrap_or(BreakerState::Closed);
            // It opens once more when a call from before that is told to wait longer.
            told.1 += usize::from(before != breaker.before);
            told.0 = Some(breaker.state);
        }
    }

    /// Calls in any order and number, against what the guides say: five failures in a row open it, of as many credentials; then
    /// one call at a time is let through, the first after 1 s, the next ones after 4 s at most; and a success of it closes it.
    #[test]
    fn random_calls_are_let_through_as_the_rules_say() {
        use test_support::seed::random;
        let mut random = random();
        let rounds = std::env::var("AIGC_AUTH_LONG").map_or(2_000, |_| 20_000);
        let (mut opened, mut closed) = (0, 0);
        for _ in 0..rounds {
            let (clock, told) = (Clock::held(), Told::default());
            let breaker = CircuitBreaker::new(clock.clone(), "endpoint", Watch::by(told.clone()));
            let mut calls: Vec<Permit<'_>> = vec![];
            // Of the rules alone.
            let (mut failures, mut failed) = (0, vec![]);
            let (mut is_open, mut no_probe_before, mut probe_by) = (false, 0, 0);
            for _ in 0..80 {
                match random.u8(..10) {
                    0..4 => {
                        let key = random.u128(..8);
                        let subject = if random.bool() { about(key) } else { None };
                        let is_probing = calls.iter().any(|call| call.is_probe);
                        let now = clock.now();
                        match breaker.permit(subject) {
                            Ok(call) => {
                                assert!(!is_open || now >= no_probe_before, "a probe too early");
                                assert!(!(is_open && is_probing), "two probes");
                                assert_eq!(call.is_probe, is_open);
                                calls.push(call);
                            }
                            Err(_) => {
                                assert!(is_open, "refused while closed");
                                assert!(is_probing || now < probe_by, "refused when a probe is due");
                            }
                        }
                    }
                    4..7 if !calls.is_empty() => {
                        let call = calls.swap_remove(random.usize(..calls.len()));
                        let (is_probe, key) = (call.is_probe, call.subject.map(|subject| subject.key));
                        let kind = random.u8(..4);
                        let now = clock.now();
                        if kind == 0 {
                            let was_open = is_open;
                            call.succeeded();
                            if is_probe || !is_open {
                                (failures, is_open) = (0, false);
                                failed.clear();
                                closed += usize::from(was_open);
                            }
                            continue;
                        }
                        let pause = if kind == 1 {
                            if key.is_none() {
                                failures = 5;
                            }
                            call.rate_limited(Duration::from_secs(random.u64(..20)))
                        } else {
                            call.failed()
                        };
                        if key.is_none_or(|key| !failed.contains(&key)) {
                            failures += 1;
                            failed.extend(key);
                        }
                        let opens = if is_open { is_probe } else { failures >= 5 };
                        assert_eq!(pause.is_some(), opens, "{failures} failures");
                        if opens {
                            (is_open, no_probe_before, probe_by) = (true, now + 1_000, now + 4_000);
                            // Later only as long as the auth center has requested.
                            probe_by = probe_by.min(now + millis(pause.unwrap_or_default()).max(1_000));
                            opened += 1;
                        }
                    }
                    7 if !calls.is_empty() => drop(calls.swap_remove(random.usize(..calls.len()))),
                    _ => advance(&clock, random.u64(..1_200)),
                }
                let state = breaker.state();
                assert_eq!(state != BreakerState::Closed, is_open, "{state:?}");
                let is_probing = calls.iter().any(|call| call.is_probe);
                assert_eq!(state == BreakerState::HalfOpen, is_open && is_probing, "{state:?}");
            }
            drop(calls);
            let (last, breaks) = *told.0.lock().unwrap();
            assert_eq!(breaks, 0, "each state is told to follow the one before");
            assert_eq!(last.unwrap_or(BreakerState::Closed), breaker.state(), "the last one is told");
        }
        assert!(opened > 1_000 && closed > 200, "{opened} {closed}");
    }

    #[test]
    fn cancelled_probe_allows_another() {
        let clock = Clock::held();
        let breaker = breaker_at(clock.clone());
        breaker.permit(None).ok().unwrap().rate_limited(Duration::from_secs(7));
        assert_eq!(breaker.permit(None).err(), Some(Duration::from_secs(7)));
        advance(&clock, 7_000);
        drop(breaker.permit(None).ok().unwrap());
        assert!(breaker.permit(None).is_ok());
    }
}
