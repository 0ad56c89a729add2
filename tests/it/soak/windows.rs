//! When what was out of order, and so which answers were right.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::service::TIMEOUT;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Center,
    Redis,
    Database,
    /// All of what is cached may be gone while the center is away: Redis has lost what it had.
    Everything,
}

impl Part {
    /// How long it may show after it is over, as the guides have it, and what a busy machine takes in addition.
    fn recovers_within(self) -> Duration {
        let busy = Duration::from_secs(2);
        busy + match self {
            // 5 s, and the timeout of a call where calls were taken and not answered.
            Self::Center | Self::Everything => Duration::from_secs(5) + TIMEOUT,
            Self::Redis => Duration::from_secs(1),
            // Calls that wait for a connection.
            Self::Database => 2 * TIMEOUT,
        }
    }
}

/// The times at which parts were out of order.
#[derive(Default)]
pub(super) struct Windows(Mutex<Vec<(Part, Instant, Option<Instant>)>>);

impl Windows {
    pub(super) fn begin(&self, part: Part) {
        self.0.lock().unwrap().push((part, Instant::now(), None));
    }

    pub(super) fn end(&self, part: Part) {
        for window in self.0.lock().unwrap().iter_mut().filter(|window| window.0 == part) {
            window.2.get_or_insert_with(Instant::now);
        }
    }

    /// Whether this part may have shown to a request of this time.
    pub(super) fn covers(&self, part: Part, from: Instant, to: Instant) -> bool {
        self.0.lock().unwrap().iter().any(|&(which, begun, ended)| {
            which == part && begun <= to && ended.is_none_or(|ended| ended + part.recovers_within() >= from)
        })
    }
}
