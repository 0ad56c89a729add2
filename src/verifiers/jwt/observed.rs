//! Tell an observer what is verified.

use std::time::{Duration, Instant};

use super::builder::JwtVerifierBuilder;
use super::verdict::Verdict;
use super::verifier::Inner;
use crate::ports::observer::{Event, LookedUp, Lookup, LookupAnswer, Observer, VerifierKind, Watch};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

impl JwtVerifierBuilder {
    /// Sets who is told which tokens were verified, and of calls for keys; the layer above tells it, too. Defaults to nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.watch = Watch::by(observer);
        self
    }
}

impl Inner {
    /// Admits a user from a cache whose hits are watched.
    #[cold]
    pub(super) fn admit_watched(&self, user: UserInfo) -> Verdict {
        let verdict = self.admit(user);
        if let Verdict::Done(verified) = &verdict {
            self.tell(LookupAnswer::Hit, verified, Duration::ZERO);
        }
        verdict
    }

    /// Returns the present, if somebody wants to know how long a verification takes.
    pub(super) fn started(&self) -> Option<Instant> {
        self.watch.is_on().then(Instant::now)
    }

    /// Tells of a token that was verified here.
    pub(super) fn verified(&self, verified: &Result<UserInfo, AuthError>, started: Option<Instant>) {
        if let Some(started) = started {
            self.tell(LookupAnswer::Local, verified, started.elapsed());
        }
    }

    fn tell(&self, answer: LookupAnswer, verified: &Result<UserInfo, AuthError>, took: Duration) {
        let (verifier, what) = (VerifierKind::Jwt, LookedUp::Token);
        let error = verified.as_ref().err().map(AuthError::kind);
        self.watch.tell(|| Event::Lookup(Lookup { verifier, what, answer, error, took }));
    }
}
