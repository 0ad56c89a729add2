use std::collections::BTreeMap;

use super::batch::{Batch, Position};

/// Batches to be sent or retried, the oldest first.
///
/// Batches that fail repeatedly move behind the others, so that one that always fails cannot block the queue.
#[derive(Default)]
pub(super) struct RetryQueue {
    batches: BTreeMap<(u32, Position), Batch>,
    records: u64,
    bytes: usize,
}

impl RetryQueue {
    /// After each such number of attempts, a batch moves behind those with fewer.
    const ATTEMPTS_PER_ROUND: u32 = 5;

    pub(super) fn push(&mut self, batch: Batch) {
        self.records += batch.records;
        self.bytes += batch.bytes();
        self.batches.insert((batch.attempts / Self::ATTEMPTS_PER_ROUND, batch.position), batch);
    }

    pub(super) fn pop(&mut self) -> Option<Batch> {
        let (_, batch) = self.batches.pop_first()?;
        self.records -= batch.records;
        self.bytes -= batch.bytes();
        Some(batch)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
