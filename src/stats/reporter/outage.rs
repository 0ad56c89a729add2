use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;

/// The auth center does not take records. One batch at a time is tried.
pub(super) struct Outage {
    backoff: Backoff,
    pub(super) next_attempt: Instant,
}

impl Outage {
    const FIRST_PAUSE: Duration = Duration::from_millis(500);
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);

    pub(super) fn new() -> Self {
        Self { backoff: Backoff::new(Self::FIRST_PAUSE, Self::LONGEST_PAUSE), next_attempt: Instant::now() }
    }

    /// An attempt has failed, and the center may have asked for a pause.
    pub(super) fn note(&mut self, asked: Option<Duration>) {
        // Those that were sent together fail together, and count once.
        if self.is_over() {
            self.next_attempt = Instant::now() + self.backoff.pause();
        }
        if let Some(asked) = asked {
            self.next_attempt = self.next_attempt.max(Instant::now() + asked);
        }
    }

    /// Whether it is time for an attempt.
    pub(super) fn is_over(&self) -> bool {
        self.next_attempt <= Instant::now()
    }
}
