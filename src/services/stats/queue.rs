use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

use super::lane::{ByLane, Lane};
use super::watched::tell_dropped;
use crate::ports::observer::{DropReason, Watch};
use crate::ports::usage::Served;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;
use crate::util::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// A bounded queue from requests to the reporter. Pushing never waits.
pub(super) struct Queue {
    lanes: ByLane<LaneQueue>,
    /// The length from which on the reporter is woken.
    wake_threshold: usize,
    /// Whether the reporter was woken and has not drained the queue yet; one notification is enough.
    is_woken: AtomicBool,
    wake: Notify,
    closed: AtomicBool,
    dropped: AtomicU64,
    warn_throttle: LogThrottle,
    watch: Watch,
}

struct LaneQueue {
    records: ArrayQueue<Queued>,
    /// How many bytes the queued records take.
    bytes: AtomicUsize,
    /// How many bytes those take that the reporter has.
    taken_bytes: AtomicUsize,
    max_bytes: usize,
}

/// A record, and how many bytes it took when it was queued.
struct Queued {
    record: Box<dyn Served>,
    bytes: usize,
}

impl Queue {
    /// Creates a queue of so many records of verified users, and as many bytes, those that the reporter has included.
    pub(super) fn new(capacity: usize, max_bytes: usize, wake_threshold: usize, watch: Watch) -> Self {
        Self {
            lanes: ByLane::new(|lane| LaneQueue {
                records: ArrayQueue::new(lane.share(capacity)),
                bytes: AtomicUsize::new(0),
                taken_bytes: AtomicUsize::new(0),
                max_bytes: lane.share(max_bytes),
            }),
            wake_threshold: wake_threshold.min(capacity),
            is_woken: AtomicBool::new(false),
            wake: Notify::new(),
            closed: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            warn_throttle: LogThrottle::new(Clock::default(), Duration::from_secs(60)),
            watch,
        }
    }

    /// Queues a record, or drops it and counts it if its lane is full.
    pub(super) fn push(&self, record: Box<dyn Served>) {
        let bytes = record.size_hint();
        let lane = Lane::of(record.is_verified());
        let queue = &self.lanes[lane];
        let queued_bytes = queue.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let has_room =
            queued_bytes.saturating_add(queue.taken_bytes.load(Ordering::Relaxed)) <= queue.max_bytes;
        if !has_room || self.is_closed() || queue.records.push(Queued { record, bytes }).is_err() {
            queue.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return self.count_dropped();
        }
        // The unverified lane waits for the others: woken for it, the reporter would have no room to take more.
        if lane == Lane::Verified
            && queue.records.len() >= self.wake_threshold
            && !self.is_woken.load(Ordering::Relaxed)
        {
            self.wake_reporter();
        }
    }

    pub(super) fn pop(&self, lane: Lane) -> Option<Box<dyn Served>> {
        let queue = &self.lanes[lane];
        let Queued { record, bytes } = queue.records.pop()?;
        queue.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(record)
    }

    pub(super) fn len(&self, lane: Lane) -> usize {
        self.lanes[lane].records.len()
    }

    /// Returns how many records are queued, in all lanes.
    pub(super) fn total_len(&self) -> usize {
        self.lanes.iter().map(|queue| queue.records.len()).sum()
    }

    /// Returns how many bytes the records on their way take, those that the reporter has included.
    pub(super) fn total_bytes(&self) -> usize {
        let bytes = |queue: &LaneQueue| {
            queue.bytes.load(Ordering::Relaxed) + queue.taken_bytes.load(Ordering::Relaxed)
        };
        self.lanes.iter().map(bytes).sum()
    }

    /// Sets how many bytes of a lane the reporter has.
    pub(super) fn set_taken_bytes(&self, lane: Lane, bytes: usize) {
        self.lanes[lane].taken_bytes.store(bytes, Ordering::Relaxed);
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
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    #[cold]
    fn count_dropped(&self) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        if self.warn_throttle.is_due() {
            tracing::warn!(dropped, "usage records dropped: the queue is full or closed");
        }
        let is_closed = self.closed.load(Ordering::Relaxed);
        let reason = if is_closed { DropReason::Shutdown } else { DropReason::QueueFull };
        tell_dropped(&self.watch, 1, reason);
    }

    #[cold]
    fn wake_reporter(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }
}
