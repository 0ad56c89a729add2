use std::time::Duration;

use tokio::time::Instant;

use super::outage::Outage;
use super::stored::StoredWindow;
use crate::services::stats::batch::Batch;
use crate::services::stats::retry_queue::RetryQueue;
use crate::util::backoff::Backoff;

/// What the reporter keeps of a lane.
pub(super) struct LaneState {
    /// Batches to be added to the store.
    pub(super) full_batches: Vec<Batch>,
    pub(super) retry_queue: RetryQueue,
    /// While it lasts, one batch of the lane at a time is tried.
    pub(super) outage: Option<Outage>,
    /// Whether the store has more than what was read.
    pub(super) store_has_more: bool,
    pub(super) window: Option<StoredWindow>,
    /// When the store may be read again.
    pub(super) next_store_read: Instant,
    /// While the store fails, the pauses before it is read again.
    store_backoff: Option<Backoff>,
}

impl LaneState {
    pub(super) fn new(store_has_more: bool) -> Self {
        Self {
            full_batches: Vec::new(),
            retry_queue: RetryQueue::default(),
            outage: None,
            store_has_more,
            window: None,
            next_store_read: Instant::now(),
            store_backoff: None,
        }
    }

    /// Postpones the next read of a store that fails, so that what it could not remove or keep is not sent again and again,
    /// and people have the time to make room.
    pub(super) fn set_store_failing(&mut self, is_failing: bool) {
        const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
        const MAX_BACKOFF: Duration = Duration::from_secs(30);

        if !is_failing {
            self.store_backoff = None;
            return;
        }
        let backoff = self.store_backoff.get_or_insert_with(|| Backoff::new(INITIAL_BACKOFF, MAX_BACKOFF));
        self.next_store_read = self.next_store_read.max(Instant::now() + backoff.pause());
    }

    /// Returns whether the lane waits for a store that fails, and so not for its records.
    pub(super) fn is_store_failing(&self) -> bool {
        self.store_backoff.is_some() && self.window.is_none()
    }

    /// Returns whether the lane's outage permits an attempt now.
    pub(super) fn is_attempt_due(&self) -> bool {
        self.outage.as_ref().is_none_or(Outage::is_attempt_due)
    }

    /// Returns whether the store is to be read, once [`LaneState::next_store_read`] has come.
    pub(super) fn should_read_store(&self) -> bool {
        self.store_has_more && self.window.is_none() && self.is_attempt_due()
    }

    /// Returns when the next attempt of an outage is due, if there is a batch for it.
    pub(super) fn next_attempt(&self) -> Option<Instant> {
        let next_attempt = self.outage.as_ref()?.next_attempt;
        match (self.retry_queue.is_empty(), self.store_has_more && self.window.is_none()) {
            (false, _) => Some(next_attempt),
            (true, true) => Some(next_attempt.max(self.next_store_read)),
            (true, false) => None,
        }
    }

    /// Returns whether all that was in the store is settled.
    pub(super) fn is_store_empty(&self) -> bool {
        self.window.is_none() && !self.store_has_more
    }
}
