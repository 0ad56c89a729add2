use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

use crate::ports::usage::Served;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// A bounded queue from requests to the reporter. Pushing never waits.
pub(super) struct Queue {
    records: ArrayQueue<Box<dyn Served>>,
    /// The length from which on the reporter is woken.
    wake_threshold: usize,
    /// Whether the reporter was woken and has not drained the queue yet; one notification is enough.
    is_woken: AtomicBool,
    wake: Notify,
    closed: AtomicBool,
    dropped: AtomicU64,
    warn_throttle: LogThrottle,
}

impl Queue {
    pub(super) fn new(capacity: usize, wake_threshold: usize) -> Self {
        Self {
            records: ArrayQueue::new(capacity),
            wake_threshold: wake_threshold.min(capacity),
            is_woken: AtomicBool::new(false),
            wake: Notify::new(),
            closed: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            warn_throttle: LogThrottle::new(Clock::default(), Duration::from_secs(60)),
        }
    }

    /// Queues a record, or drops it and counts it if the queue is full.
    pub(super) fn push(&self, record: Box<dyn Served>) {
        let len = self.records.len();
        // Unverified callers can fill a tenth of the queue; the rest is reserved for users who are billed.
        let has_room = record.is_verified() || len < self.records.capacity() / 10;
        if !has_room || self.closed.load(Ordering::Relaxed) || self.records.push(record).is_err() {
            return self.count_dropped();
        }
        if len + 1 >= self.wake_threshold && !self.is_woken.load(Ordering::Relaxed) {
            self.wake_reporter();
        }
    }

    pub(super) fn pop(&self) -> Option<Box<dyn Served>> {
        self.records.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns how many records were dropped because the queue was full or closed.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until the queue has reached its wake threshold.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Allows the next notification. To be called before the queue is drained, so that none is lost.
    pub(super) fn reset_wake(&self) {
        self.is_woken.store(false, Ordering::Release);
    }

    /// Rejects further records; they are counted as dropped.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn count_dropped(&self) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        if self.warn_throttle.is_due() {
            tracing::warn!(dropped, "usage records dropped: the queue is full or closed");
        }
    }

    #[cold]
    fn wake_reporter(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }
}
