use std::collections::BTreeSet;

use crate::services::stats::batch::{Batch, Position};
use crate::services::stats::store::Refused;

/// The batches that were read from the store last and are being sent.
#[derive(Default)]
pub(super) struct StoredWindow {
    /// The positions of those that are not settled.
    pub(super) unsettled: BTreeSet<Position>,
    pub(super) refused: Vec<Refused>,
    /// Those that failed repeatedly, and the parts of those that were too large. They move to the end of the store.
    pub(super) requeue: Vec<Batch>,
}
