use std::time::Duration;

use tokio::time::Instant;

use crate::util::backoff::Backoff;

/// The state of an outage of the auth center. While it lasts, one batch at a time is tried.
pub(super) struct Outage {
    backoff: Backoff,
    pub(super) next_attempt: Instant,
    pub(super) started: Instant,
    /// Whether the log says so, and has to say when it is over.
    pub(super) is_logged: bool,
}

impl Outage {
    const INITIAL_BACKOFF: Duration = Duration::from_millis(500);
    const MAX_BACKOFF: Duration = Duration::from_secs(30);

    pub(super) fn new() -> Self {
        let (backoff, now) = (Backoff::new(Self::INITIAL_BACKOFF, Self::MAX_BACKOFF), Instant::now());
        Self { backoff, next_attempt: now, started: now, is_logged: false }
    }

    /// Postpones the next attempt after a failed one, at least by the `Retry-After` of the response.
    pub(super) fn record_failure(&mut self, retry_after: Option<Duration>) {
        // Batches that were sent together fail together; they count as one failure.
        if self.is_attempt_due() {
            self.next_attempt = Instant::now() + self.backoff.pause();
        }
        if let Some(retry_after) = retry_after {
            self.next_attempt = self.next_attempt.max(Instant::now() + retry_after);
        }
    }

    pub(super) fn is_attempt_due(&self) -> bool {
        self.next_attempt <= Instant::now()
    }
}
