use std::time::Duration;

use crate::types::labels::labels;

/// A call to the auth center, or to another place that answers lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The endpoint of the auth center, such as `/user/info`, or else `verifier`, `source of memberships`, `introspection` or
    /// `key set`.
    pub endpoint: &'static str,
    /// How it ended.
    pub outcome: CallOutcome,
    /// The HTTP status, if that was an error.
    pub status: Option<u16>,
    /// How often it was sent: 0 if it was not, 2 after a retry.
    pub attempts: u32,
    /// How long it waited before it was sent, for one of `max_in_flight` slots.
    pub waited: Duration,
    /// How long it took from then on, retry included.
    pub took: Duration,
    /// How many other calls of the same client are in flight.
    pub in_flight: usize,
    /// How many others wait to be sent.
    pub waiting: usize,
}

labels! {
    /// How a call ended.
    pub enum CallOutcome {
        /// With an answer.
        Answered = "answered",
        /// With a rejection, such as of the credential.
        Rejected = "rejected",
        /// Without an answer: no connection, none in time, or a gateway said so.
        Unreachable = "unreachable",
        /// With a request for a pause.
        RateLimited = "rate_limited",
        /// With an answer that cannot be used.
        Failed = "failed",
        /// With too little time left for an answer, after the wait for a slot.
        OutOfTime = "out_of_time",
        /// Not sent: the circuit breaker is open.
        BreakerOpen = "breaker_open",
        /// Not sent: no slot was free in time.
        AtCapacity = "at_capacity",
    }
}
