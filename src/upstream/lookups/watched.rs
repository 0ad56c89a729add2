//! Tell an observer of lookups.

use std::time::{Duration, Instant};

use crate::ports::observer::{Event, LookedUp, Lookup, LookupAnswer, Refresh, VerifierKind, Watch};
use crate::types::error::{AuthError, ErrorKind};

/// The observer of lookups, if there is one.
pub(crate) struct LookupWatch {
    watch: Watch,
    verifier: VerifierKind,
}

/// Where an answer comes from.
#[derive(Clone, Copy)]
pub(super) enum AnswerFrom {
    Call,
    /// An earlier lookup, which ended after the cache was missed.
    Cache,
    #[cfg(feature = "redis")]
    Replica,
    /// The cache past the TTL, since the call failed like this.
    Stale(ErrorKind),
}

impl LookupWatch {
    pub(crate) const fn new(watch: Watch, verifier: VerifierKind) -> Self {
        Self { watch, verifier }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.watch.is_on()
    }

    /// Tells of an answer from the cache.
    #[cold]
    pub(super) fn cached(&self, what: LookedUp, error: Option<ErrorKind>) {
        let answer = if error.is_some() { LookupAnswer::Negative } else { LookupAnswer::Hit };
        let (verifier, took) = (self.verifier, Duration::ZERO);
        self.watch.tell(|| Event::Lookup(Lookup { verifier, what, answer, error, took }));
    }

    /// Starts to watch a caller who waits.
    pub(super) fn waiting(&self, what: LookedUp) -> Waiting<'_> {
        let watched = || Watched {
            watch: self,
            what,
            started: Instant::now(),
            answer: LookupAnswer::Abandoned,
            stale: None,
        };
        Waiting(self.is_on().then(watched))
    }

    /// Starts to watch a lookup in the background.
    pub(super) fn refreshing(&self, what: LookedUp) -> Refreshing {
        let (watch, verifier) = (self.watch.clone(), self.verifier);
        Refreshing(self.is_on().then(|| (watch, verifier, what, Instant::now())))
    }
}

/// A caller who waits. Dropped before the [end](Self::end), it is told that they did not.
pub(super) struct Waiting<'a>(Option<Watched<'a>>);

struct Watched<'a> {
    watch: &'a LookupWatch,
    what: LookedUp,
    started: Instant,
    answer: LookupAnswer,
    /// Why a stale user is served.
    stale: Option<ErrorKind>,
}

impl Waiting<'_> {
    pub(super) fn answer(&mut self, answer: LookupAnswer) {
        if let Some(watched) = &mut self.0 {
            (watched.answer, watched.stale) = (answer, None);
        }
    }

    pub(super) fn stale(&mut self, error: ErrorKind) {
        if let Some(watched) = &mut self.0 {
            (watched.answer, watched.stale) = (LookupAnswer::Stale, Some(error));
        }
    }

    /// Notes the end of a lookup, which this caller has started or another one.
    pub(super) fn joined(&mut self, is_own: bool, from: AnswerFrom) {
        match from {
            AnswerFrom::Stale(error) => self.stale(error),
            AnswerFrom::Call if is_own => self.answer(LookupAnswer::Called),
            #[cfg(feature = "redis")]
            AnswerFrom::Replica if is_own => self.answer(LookupAnswer::Shared),
            _ => self.answer(LookupAnswer::Coalesced),
        }
    }

    /// Notes that the lookup ended without an outcome.
    pub(super) fn lost(&mut self, is_own: bool) {
        self.answer(if is_own { LookupAnswer::Called } else { LookupAnswer::Coalesced });
    }

    pub(super) fn end<V>(mut self, result: Result<V, AuthError>) -> Result<V, AuthError> {
        if let Some(watched) = self.0.take() {
            watched.tell(result.as_ref().err().map(AuthError::kind));
        }
        result
    }
}

impl Watched<'_> {
    fn tell(self, error: Option<ErrorKind>) {
        let Self { watch: LookupWatch { watch, verifier }, what, started, answer, stale } = self;
        let (error, took) = (stale.or(error), started.elapsed());
        watch.tell(|| Event::Lookup(Lookup { verifier: *verifier, what, answer, error, took }));
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(watched) = self.0.take() {
            Watched { answer: LookupAnswer::Abandoned, stale: None, ..watched }.tell(None);
        }
    }
}

/// A lookup in the background.
pub(super) struct Refreshing(Option<(Watch, VerifierKind, LookedUp, Instant)>);

impl Refreshing {
    pub(super) fn end(self, error: Option<ErrorKind>) {
        if let Some((watch, verifier, what, started)) = self.0 {
            let took = started.elapsed();
            watch.tell(|| Event::Refresh(Refresh { verifier, what, error, took }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::ports::observer::Observer;

    /// Who answered, and why there was none.
    type Outcome = (&'static str, Option<ErrorKind>);

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<Outcome>>>);

    impl Observer for Told {
        fn observe(&self, event: &Event) {
            if let Event::Lookup(lookup) = event {
                self.0.lock().unwrap().push((lookup.answer.as_str(), lookup.error));
            }
        }
    }

    /// What is told of a caller who waits and meets this, and then ends like this, or leaves.
    fn told(meets: impl FnOnce(&mut Waiting<'_>), end: Option<Result<(), AuthError>>) -> Outcome {
        let told = Told::default();
        let watch = LookupWatch::new(Watch::by(told.clone()), VerifierKind::Cached);
        let mut waiting = watch.waiting(LookedUp::Token);
        meets(&mut waiting);
        match end {
            Some(result) => drop(waiting.end(result)),
            None => drop(waiting),
        }
        let told = told.0.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        told[0]
    }

    #[test]
    fn answers_are_those_of_the_caller_or_of_others() {
        let stale = ErrorKind::Unavailable;
        for (from, own, joined) in [
            (AnswerFrom::Call, ("called", None), ("coalesced", None)),
            (AnswerFrom::Cache, ("coalesced", None), ("coalesced", None)),
            #[cfg(feature = "redis")]
            (AnswerFrom::Replica, ("shared", None), ("coalesced", None)),
            (AnswerFrom::Stale(stale), ("stale", Some(stale)), ("stale", Some(stale))),
        ] {
            for (is_own, expected) in [(true, own), (false, joined)] {
                let meets = |waiting: &mut Waiting<'_>| waiting.joined(is_own, from);
                assert_eq!(told(meets, Some(Ok(()))), expected, "{expected:?}, {is_own}");
            }
        }
        // A lookup that was lost with the runtime it ran on.
        for (is_own, answer) in [(true, "called"), (false, "coalesced")] {
            let end = Some(Err(AuthError::new(ErrorKind::Internal)));
            assert_eq!(told(|waiting| waiting.lost(is_own), end), (answer, Some(ErrorKind::Internal)));
        }
    }

    /// Whatever they have met before.
    #[test]
    fn who_leaves_has_no_answer() {
        let abandoned = ("abandoned", None);
        assert_eq!(told(|_| {}, None), abandoned);
        assert_eq!(told(|waiting| waiting.answer(LookupAnswer::Called), None), abandoned);
        assert_eq!(told(|waiting| waiting.stale(ErrorKind::Unavailable), None), abandoned);
    }
}
