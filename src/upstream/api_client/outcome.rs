//! What the outcome of a call means to others.

use super::failure::{Cause, Failure};
use crate::ports::observer::CallOutcome;
use crate::upstream::call_meter::CallMeter;
use crate::upstream::circuit_breaker::Permit;
use crate::upstream::gate::Gate;

/// Tells of a call that has failed.
pub(super) fn told_failure(meter: &CallMeter<'_>, failure: &Failure, gate: &Gate) {
    let outcome = match failure.cause {
        Cause::Away => CallOutcome::Unreachable,
        Cause::RateLimited => CallOutcome::RateLimited,
        Cause::Call | Cause::Up => CallOutcome::Failed,
        Cause::Local => CallOutcome::OutOfTime,
    };
    let status = failure.status.map(|status| status.as_u16());
    meter.ended(outcome, status, Some(gate));
}

/// How a call with an answer ended.
pub(super) const fn answered(is_ok: bool) -> CallOutcome {
    if is_ok { CallOutcome::Answered } else { CallOutcome::Rejected }
}

/// Reports an answer to the circuit breaker, and logs the end of an outage.
pub(super) fn record_success(permit: Permit<'_>, endpoint: &str) {
    if let Some(outage) = permit.succeeded() {
        tracing::info!(endpoint, ?outage, "calls to the auth center succeed again");
    }
}

/// Reports a failed call to the circuit breaker.
pub(super) fn record_failure(permit: Permit<'_>, failure: &Failure, endpoint: &str) {
    let opened = match failure.cause {
        Cause::Up => {
            record_success(permit, endpoint);
            None
        }
        Cause::Away => permit.failed(),
        Cause::RateLimited => permit.rate_limited(failure.retry_after.unwrap_or_default()),
        Cause::Call | Cause::Local => None,
    };
    if let Some(pause) = opened {
        tracing::warn!(
            reason = failure.reason,
            ?pause,
            "circuit breaker opened: no calls to this endpoint of the auth center"
        );
    }
}
