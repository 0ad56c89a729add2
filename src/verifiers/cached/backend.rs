//! Ask the verifier, within limits.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::ports::verify::Verify;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::{CircuitBreaker, Permit, Subject};
use crate::upstream::expiry;
use crate::upstream::gate::{Attempt, Gate, Refused};
use crate::upstream::identity_cache::{IdentityCache, Key};
use crate::upstream::lookups::{Backend, Fetch, Fetched, is_rejection, key_of};
use crate::util::log_throttle::LogThrottle;

/// The verifier, its cache and its limits.
pub(super) struct Guarded<V> {
    pub(super) verifier: V,
    pub(super) cache: IdentityCache,
    pub(super) gate: Gate,
    pub(super) breaker: CircuitBreaker,
    pub(super) warnings: LogThrottle,
}

impl<V: Send + Sync + 'static> Backend for Guarded<V> {
    fn cache(&self) -> &IdentityCache {
        &self.cache
    }

    fn is_busy(&self) -> bool {
        self.gate.is_busy()
    }
}

impl<C, V> Fetch<C> for Guarded<V>
where
    C: Clone + Into<Credential> + Send + Sync + 'static,
    V: Verify<C>,
{
    fn key(&self, credential: &C) -> Key {
        key_of(&self.cache, &credential.clone().into())
    }

    async fn fetch(&self, credential: C, subject: Subject) -> Result<Fetched, CallError> {
        // It can only shorten what the verifier says.
        let own_end = expiry::of_jwt(credential.clone().into().as_str());
        // In a block, so that a panic before the future is one within it.
        let verifying = AssertUnwindSafe(async { self.verifier.verify(credential).await }).catch_unwind();
        let passed = self.gate.pass(&self.breaker, Some(subject), verifying).await;
        let (permit, attempt) = passed.map_err(refused)?;
        let failed = match attempt {
            Attempt::Ended(Ok(Ok(user))) => {
                permit.succeeded();
                let limit = [own_end, user.valid_until()].into_iter().flatten().min();
                return Ok(self.fetched(user, limit));
            }
            Attempt::Ended(Ok(Err(error))) => Self::failed(permit, error),
            Attempt::Ended(Err(_)) => {
                // The panic itself is in the log: the panic hook's.
                AuthError::new(ErrorKind::Internal).with_detail("the verifier panicked").into()
            }
            Attempt::TimedOut { had_most } => {
                if had_most {
                    opened(permit.failed());
                }
                let error = unavailable("the verifier did not answer in time (`timeout`)");
                // The circuit breaker decides on the next attempt.
                CallError { error, pause: had_most.then_some(Duration::ZERO) }
            }
        };
        if !is_rejection(&failed.error) && self.warnings.is_due() {
            let error = &failed.error;
            tracing::warn!(%error, cause = std::error::Error::source(error), "a credential could not be verified");
        }
        Err(failed)
    }
}

impl<V> Guarded<V> {
    fn fetched(&self, mut user: UserInfo, limit: Option<std::time::SystemTime>) -> Fetched {
        self.cache.intern_lists(&mut user);
        Fetched { user, limit }
    }

    /// Reports the verifier's error to the circuit breaker.
    fn failed(permit: Permit<'_>, error: AuthError) -> CallError {
        if is_rejection(&error) {
            permit.succeeded();
            return error.into();
        }
        let pause = error.retry_after().filter(|_| error.kind() == ErrorKind::Unavailable);
        if let Some(pause) = pause.filter(|_| !error.is_of_one_credential()) {
            opened(permit.rate_limited(pause));
        }
        CallError { error, pause }
    }
}

fn refused(refused: Refused) -> CallError {
    match refused {
        Refused::Open(wait) => {
            unavailable("not asked: the verifier's circuit breaker is open").with_retry_after(wait)
        }
        Refused::AtCapacity => {
            unavailable("at capacity: the verifier is asked too often at a time (`max_in_flight`)")
        }
    }
    .into()
}

fn opened(pause: Option<Duration>) {
    if let Some(pause) = pause {
        tracing::warn!(?pause, "circuit breaker opened: the verifier is not asked");
    }
}

fn unavailable(detail: &'static str) -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail(detail)
}
