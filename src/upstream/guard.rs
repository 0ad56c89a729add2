//! Ask what an app has put behind a port, within limits: slots, a deadline, a circuit breaker, and no panics.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::ports::observer::{BreakerState, CallOutcome, Watch};
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::api_client::CallError;
use crate::upstream::call_meter::CallMeter;
use crate::upstream::circuit_breaker::{CircuitBreaker, Permit, Subject};
use crate::upstream::gate::{Attempt, Gate, Refused};
use crate::upstream::lookups::is_rejection;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// The limits of calls to one implementation of a port.
pub(crate) struct Guard {
    /// What is asked, such as `verifier`, for errors and the log.
    who: &'static str,
    gate: Gate,
    breaker: CircuitBreaker,
    warnings: LogThrottle,
    watch: Watch,
}

impl Guard {
    pub(crate) fn new(
        who: &'static str,
        max_in_flight: usize,
        timeout: Duration,
        clock: Clock,
        watch: Watch,
    ) -> Self {
        Self {
            who,
            gate: Gate::new(max_in_flight, timeout),
            breaker: CircuitBreaker::new(clock.clone(), who, watch.clone()),
            warnings: LogThrottle::new(clock, Duration::from_secs(10)),
            watch,
        }
    }

    /// Returns how many calls are in flight, how many wait, and the state of the circuit breaker.
    pub(crate) fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        let (in_flight, waiting) = self.gate.load();
        (in_flight, waiting, vec![(self.who, self.breaker.state())])
    }

    /// Whether so many calls are in flight that those which nobody waits for had better wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.gate.is_busy()
    }

    /// Makes a call, once and for a limited time. It is dropped when its time is over.
    pub(crate) async fn ask<T>(
        &self,
        subject: Subject,
        call: impl Future<Output = Result<T, AuthError>> + Send,
    ) -> Result<T, CallError> {
        let meter = CallMeter::new(&self.watch, self.who);
        let sent = || async {
            meter.sends();
            AssertUnwindSafe(call).catch_unwind().await
        };
        let passed = self.gate.pass(&self.breaker, Some(subject), sent).await;
        let (permit, attempt) = passed.map_err(|refused| {
            meter.refused(refused, &self.gate);
            self.refused(refused)
        })?;
        meter.ended(outcome(&attempt), None, Some(&self.gate));
        let failed = match attempt {
            Attempt::Ended(Ok(Ok(answer))) => {
                self.succeeded(permit);
                return Ok(answer);
            }
            Attempt::Ended(Ok(Err(error))) => self.failed(permit, error),
            Attempt::Ended(Err(_)) => {
                // The panic itself is in the log: the panic hook's.
                AuthError::new(ErrorKind::Internal).with_detail(format!("the {} panicked", self.who)).into()
            }
            Attempt::TimedOut { had_most } => {
                if had_most {
                    self.opened(permit.failed());
                }
                let error = unavailable(format!("the {} did not answer in time (`timeout`)", self.who));
                // The circuit breaker decides on the next attempt.
                CallError { error, pause: had_most.then_some(Duration::ZERO) }
            }
        };
        if !is_rejection(&failed.error) && self.warnings.is_due() {
            let error = &failed.error;
            tracing::warn!(%error, cause = std::error::Error::source(error), "the {} gave no answer", self.who);
            self.breaker.mark_logged();
        }
        Err(failed)
    }

    /// Reports an answer to the circuit breaker, and logs the end of an outage.
    fn succeeded(&self, permit: Permit<'_>) {
        if let Some(outage) = permit.succeeded() {
            tracing::info!(?outage, "the {} answers again", self.who);
        }
    }

    /// Reports an error to the circuit breaker.
    fn failed(&self, permit: Permit<'_>, error: AuthError) -> CallError {
        if is_rejection(&error) {
            self.succeeded(permit);
            return error.into();
        }
        let pause = error.retry_after().filter(|_| error.kind() == ErrorKind::Unavailable);
        if let Some(pause) = pause.filter(|_| !error.is_of_one_credential()) {
            self.opened(permit.rate_limited(pause));
        }
        CallError { error, pause }
    }

    fn refused(&self, refused: Refused) -> CallError {
        match refused {
            Refused::Open(wait) => {
                unavailable(format!("not asked: the {}'s circuit breaker is open", self.who))
                    .with_retry_after(wait)
            }
            Refused::AtCapacity => unavailable(format!(
                "at capacity: the {} is asked too often at a time (`max_in_flight`)",
                self.who
            )),
        }
        .into()
    }

    fn opened(&self, pause: Option<Duration>) {
        if let Some(pause) = pause {
            tracing::warn!(?pause, "circuit breaker opened: the {} is not asked", self.who);
        }
    }
}

/// How a call ended, for the observer.
fn outcome<T>(attempt: &Attempt<std::thread::Result<Result<T, AuthError>>>) -> CallOutcome {
    match attempt {
        Attempt::Ended(Ok(Ok(_))) => CallOutcome::Answered,
        Attempt::Ended(Ok(Err(error))) if is_rejection(error) => CallOutcome::Rejected,
        Attempt::Ended(Ok(Err(error))) if error.kind() == ErrorKind::Unavailable => CallOutcome::Unreachable,
        Attempt::Ended(_) => CallOutcome::Failed,
        Attempt::TimedOut { had_most: true } => CallOutcome::Unreachable,
        Attempt::TimedOut { had_most: false } => CallOutcome::OutOfTime,
    }
}

fn unavailable(detail: String) -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail(detail)
}
