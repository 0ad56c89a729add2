use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts refused records that wait again, for the collector that is to deliver them.
#[derive(Debug, Default)]
pub(super) struct Returned {
    records: AtomicU64,
    added: Notify,
}

impl Returned {
    pub(super) fn add(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.added.notify_one();
    }

    /// Waits for records, and takes their number.
    pub(super) async fn take(&self) -> u64 {
        loop {
            match self.records.swap(0, Ordering::Relaxed) {
                0 => self.added.notified().await,
                records => return records,
            }
        }
    }
}
