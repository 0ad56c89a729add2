use std::sync::atomic::{AtomicU64, Ordering};

use super::queue::Queue;

/// What the reporter has done with the records it took from the queue.
#[derive(Default)]
pub(super) struct Counts {
    taken: AtomicU64,
    delivered: AtomicU64,
    dead_lettered: AtomicU64,
    spooled: AtomicU64,
    dropped: AtomicU64,
}

/// What became of the records so far.
///
/// Once the collector is shut down, nothing is pending, and `recorded` is the sum of `delivered`, `spooled`,
/// `dead_lettered` and `dropped`. While it runs, the numbers are read one after the other and may be a few records apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatsSnapshot {
    /// All that were to be sent, those that were found on disk at the start included; those of 3xx answers and without a credential are not among them.
    pub recorded: u64,
    /// The auth center has them.
    pub delivered: u64,
    /// They are on disk, to be delivered now or after the next start.
    pub spooled: u64,
    /// The auth center refused them for good.
    pub dead_lettered: u64,
    /// They are lost: there were more than the queue or the disk holds, or no time was left at the shutdown.
    pub dropped: u64,
    /// They wait to be sent, or are on their way.
    pub pending: u64,
}

impl Counts {
    pub(super) fn taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Found on disk at the start.
    pub(super) fn recovered(&self, records: u64) {
        self.taken.fetch_add(records, Ordering::Relaxed);
        self.spooled(records);
    }

    pub(super) fn spooled(&self, records: u64) {
        self.spooled.fetch_add(records, Ordering::Relaxed);
    }

    /// Gone from the disk, or as good as.
    pub(super) fn unspooled(&self, records: u64) {
        self.spooled.fetch_sub(records, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, records: u64) {
        self.delivered.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn dead_lettered(&self, records: u64) {
        self.dead_lettered.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self, queue: &Queue) -> StatsSnapshot {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // What is settled is read before what was taken, lest more seem settled than there was.
        let (delivered, dead_lettered) = (get(&self.delivered), get(&self.dead_lettered));
        let (undelivered, spooled) = (get(&self.dropped), get(&self.spooled));
        let (queued, taken) = (queue.len() as u64, get(&self.taken));
        let overflow = queue.dropped();
        StatsSnapshot {
            recorded: taken + queued + overflow,
            delivered,
            spooled,
            dead_lettered,
            dropped: overflow + undelivered,
            pending: (taken + queued).saturating_sub(delivered + dead_lettered + undelivered + spooled),
        }
    }
}
