use std::time::Duration;

use crate::types::labels::labels;

/// A change of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Breaker {
    /// Which calls it is for: as [`Call::endpoint`](super::Call::endpoint). Lookups of tokens and of access keys share
    /// `/user/info`.
    pub endpoint: &'static str,
    /// The state that it is in now.
    pub state: BreakerState,
    /// The one that it was in before.
    pub before: BreakerState,
    /// How long no calls are made, if it is open.
    pub pause: Option<Duration>,
    /// How long it has been open by now, since it was closed the last time.
    pub open_for: Duration,
}

impl Breaker {
    /// Whether an outage begins with it: not after a probe that failed.
    pub fn has_opened(&self) -> bool {
        self.before == BreakerState::Closed && self.state == BreakerState::Open
    }

    /// Whether an outage ends with it; [`open_for`](Self::open_for) is how long it was.
    pub fn has_closed(&self) -> bool {
        self.state == BreakerState::Closed
    }
}

labels! {
    /// The state of a circuit breaker.
    pub enum BreakerState {
        /// Calls are made.
        Closed = "closed",
        /// A probe is on its way, which decides.
        HalfOpen = "half_open",
        /// No calls are made.
        Open = "open",
    }
}
