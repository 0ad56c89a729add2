use std::sync::atomic::{AtomicU64, Ordering};

use super::queue::Queue;

/// Counts what the reporter has done with the records it took from the queue.
#[derive(Default)]
pub(super) struct Counters {
    taken: AtomicU64,
    delivered: AtomicU64,
    dead_lettered: AtomicU64,
    spooled: AtomicU64,
    dropped: AtomicU64,
}

/// Counts of usage records since the start, by outcome.
///
/// Once the collector is shut down, nothing is pending, and `recorded` is the sum of `delivered`, `spooled`,
/// `dead_lettered` and `dropped`. While it runs, the counters are read one after the other and may differ by a few
/// records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsSnapshot {
    /// Records to be sent, including those found on disk at the start. Those of 3xx responses and those without a
    /// credential are not counted.
    pub recorded: u64,
    /// Records that the auth center has accepted.
    pub delivered: u64,
    /// Records on disk, to be delivered now or after the next start.
    pub spooled: u64,
    /// Records that the auth center has rejected permanently.
    pub dead_lettered: u64,
    /// Records that are lost: the queue or the disk was full, or the shutdown timed out.
    pub dropped: u64,
    /// Records that are queued or in flight.
    pub pending: u64,
    /// About how many bytes of memory the records take that are queued, in flight or waiting for a retry.
    pub pending_bytes: u64,
}

impl Counters {
    pub(super) fn add_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts records that were found on disk at the start.
    pub(super) fn add_recovered(&self, records: u64) {
        self.taken.fetch_add(records, Ordering::Relaxed);
        self.add_spooled(records);
    }

    pub(super) fn add_spooled(&self, records: u64) {
        self.spooled.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts records that are removed from the disk, or will be.
    pub(super) fn remove_spooled(&self, records: u64) {
        self.spooled.fetch_sub(records, Ordering::Relaxed);
    }

    pub(super) fn add_delivered(&self, records: u64) {
        self.delivered.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn add_dead_lettered(&self, records: u64) {
        self.dead_lettered.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn add_dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self, queue: &Queue) -> StatsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // The outcomes are read before `taken`; otherwise they could exceed it.
        let (delivered, dead_lettered) = (get(&self.delivered), get(&self.dead_lettered));
        let (undelivered, spooled) = (get(&self.dropped), get(&self.spooled));
        let (queued, taken) = (queue.total_len() as u64, get(&self.taken));
        let overflow = queue.dropped();
        StatsSnapshot {
            recorded: taken + queued + overflow,
            delivered,
            spooled,
            dead_lettered,
            dropped: overflow + undelivered,
            pending: (taken + queued).saturating_sub(delivered + dead_lettered + undelivered + spooled),
            pending_bytes: queue.total_bytes() as u64,
        }
    }
}
