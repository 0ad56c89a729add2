use std::collections::BTreeSet;

use crate::services::stats::batch::Batch;

/// The batches that were read from the store last and are being sent.
#[derive(Default)]
pub(super) struct StoredWindow {
    /// The numbers of those that are not settled.
    pub(super) unsettled: BTreeSet<u64>,
    pub(super) rejected: Vec<Batch>,
    /// Those that failed repeatedly, and move to the end of the store.
    pub(super) requeue: Vec<Batch>,
}
