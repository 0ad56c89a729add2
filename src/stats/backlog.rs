//! Batches that wait to be sent, or to be sent again.

use std::collections::BTreeMap;

use super::batch::Batch;

/// The oldest first; but those that fail again and again stand back, lest one that the auth center chokes on block all.
#[derive(Default)]
pub(super) struct Backlog {
    batches: BTreeMap<(u32, u64), Batch>,
    records: u64,
    bytes: usize,
}

impl Backlog {
    /// So many attempts are made in order of age.
    const PATIENCE: u32 = 5;

    pub(super) fn put(&mut self, batch: Batch) {
        self.records += batch.records;
        self.bytes += batch.body.len();
        self.batches.insert((batch.attempts / Self::PATIENCE, batch.number), batch);
    }

    pub(super) fn next(&mut self) -> Option<Batch> {
        let (_, batch) = self.batches.pop_first()?;
        self.records -= batch.records;
        self.bytes -= batch.body.len();
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
