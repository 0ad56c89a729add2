//! The way from the requests to the reporter: a fixed number of places, and nobody waits for one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::record::Served;
use crate::throttle::Throttle;

pub(super) struct Queue {
    records: ArrayQueue<Box<dyn Served>>,
    /// From so many on, the reporter is woken.
    enough: usize,
    /// Whether it has been woken and has not looked yet: one call is enough.
    called: AtomicBool,
    bell: Notify,
    closed: AtomicBool,
    dropped: AtomicU64,
    warnings: Throttle,
}

impl Queue {
    pub(super) fn new(capacity: usize, enough: usize) -> Self {
        Self {
            records: ArrayQueue::new(capacity),
            enough: enough.min(capacity),
            called: AtomicBool::new(false),
            bell: Notify::new(),
            closed: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            warnings: Throttle::new(Clock::default(), Duration::from_secs(60)),
        }
    }

    /// Queues a record; the newest are dropped when the queue is full.
    pub(super) fn push(&self, record: Box<dyn Served>) {
        let len = self.records.len();
        // Strangers may fill a tenth of it, and leave the rest to those who are billed.
        let has_room = record.is_verified() || len < self.records.capacity() / 10;
        if !has_room || self.closed.load(Ordering::Relaxed) || self.records.push(record).is_err() {
            return self.drop_one();
        }
        if len + 1 >= self.enough && !self.called.load(Ordering::Relaxed) {
            self.call();
        }
    }

    pub(super) fn pop(&self) -> Option<Box<dyn Served>> {
        self.records.pop()
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many were dropped for want of a place.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until there is enough to be worth a look.
    pub(super) async fn called(&self) {
        self.bell.notified().await;
    }

    /// To be said before looking: from here on, another call counts.
    pub(super) fn answer(&self) {
        self.called.store(false, Ordering::Release);
    }

    /// Takes no more records.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn drop_one(&self) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        if self.warnings.is_due() {
            tracing::warn!(dropped, "usage records are dropped: there are more than the queue holds");
        }
    }

    #[cold]
    fn call(&self) {
        if !self.called.swap(true, Ordering::AcqRel) {
            self.bell.notify_one();
        }
    }
}
