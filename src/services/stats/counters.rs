use std::sync::atomic::{AtomicU64, Ordering};

use super::queue::Queue;
use super::watched::tell_dropped;
use crate::ports::observer::{DropReason, Event, Usage, UsageOutcome, Watch};
use crate::ports::usage::StatsSnapshot;

/// Counts what the reporter has done with the records it took from the queue.
#[derive(Default)]
pub(super) struct Counters {
    taken: AtomicU64,
    delivered: AtomicU64,
    dead_lettered: AtomicU64,
    spooled: AtomicU64,
    dropped: AtomicU64,
    watch: Watch,
}

impl Counters {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, ..Self::default() }
    }

    pub(super) fn add_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.tell(UsageOutcome::Recorded, 1);
    }

    /// Counts records that were found on disk at the start, or are there once more.
    pub(super) fn add_recovered(&self, records: u64) {
        self.taken.fetch_add(records, Ordering::Relaxed);
        self.tell(UsageOutcome::Recorded, records);
        self.add_spooled(records);
    }

    pub(super) fn add_spooled(&self, records: u64) {
        self.spooled.fetch_add(records, Ordering::Relaxed);
        self.tell(UsageOutcome::Spooled, records);
    }

    /// Counts records that are removed from the disk, or will be.
    pub(super) fn remove_spooled(&self, records: u64) {
        subtract(&self.spooled, records);
        self.tell(UsageOutcome::Unspooled, records);
    }

    pub(super) fn add_delivered(&self, records: u64) {
        self.delivered.fetch_add(records, Ordering::Relaxed);
        self.tell(UsageOutcome::Delivered, records);
    }

    pub(super) fn add_dead_lettered(&self, records: u64) {
        self.dead_lettered.fetch_add(records, Ordering::Relaxed);
        self.tell(UsageOutcome::Rejected, records);
    }

    /// Counts refused records as dropped that could not be kept for people.
    pub(super) fn drop_dead_lettered(&self, records: u64) {
        subtract(&self.dead_lettered, records);
        self.add_dropped(records, DropReason::Unkept);
    }

    pub(super) fn add_dropped(&self, records: u64, reason: DropReason) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
        tell_dropped(&self.watch, records, reason);
    }

    /// Tells of records that will be sent again, which are counted already.
    pub(super) fn tell_retried(&self, records: u64) {
        self.tell(UsageOutcome::Retried, records);
    }

    fn tell(&self, outcome: UsageOutcome, records: u64) {
        if records > 0 {
            self.watch.tell(|| Event::Usage(Usage { outcome, records, reason: None }));
        }
    }

    pub(super) fn snapshot(&self, queue: &Queue) -> StatsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // The outcomes are read before `taken`; otherwise they could exceed it.
        let (delivered, dead_lettered) = (get(&self.delivered), get(&self.dead_lettered));
        let (undelivered, spooled) = (get(&self.dropped), get(&self.spooled));
        let (queued, taken) = (queue.total_len() as u64, get(&self.taken));
        let overflow = queue.dropped();
        StatsSnapshot {
            recorded: sum(&[taken, queued, overflow]),
            delivered,
            spooled,
            dead_lettered,
            dropped: overflow.saturating_add(undelivered),
            pending: sum(&[taken, queued]).saturating_sub(sum(&[
                delivered,
                dead_lettered,
                undelivered,
                spooled,
            ])),
            pending_bytes: queue.total_bytes() as u64,
        }
    }
}

/// Subtracts as much as there is: a count that is wrong must not end the service.
fn subtract(counter: &AtomicU64, records: u64) {
    let subtracted = |count: u64| Some(count.saturating_sub(records));
    let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtracted);
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch that is settled twice would be removed twice.
    #[test]
    fn counts_saturate() {
        let (counters, queue) = (Counters::default(), Queue::new(10, 1_000, 10, Watch::default()));
        counters.add_recovered(3);
        counters.remove_spooled(5);
        counters.add_dead_lettered(5);
        let counts = counters.snapshot(&queue);
        assert_eq!((counts.recorded, counts.spooled, counts.dead_lettered), (3, 0, 5));
        counters.drop_dead_lettered(2);
        let counts = counters.snapshot(&queue);
        assert_eq!((counts.dead_lettered, counts.dropped), (3, 2));
        counters.add_dropped(u64::MAX - 2, DropReason::QueueFull);
        counters.add_delivered(u64::MAX);
        assert_eq!(counters.snapshot(&queue).pending, 0);
    }
}
