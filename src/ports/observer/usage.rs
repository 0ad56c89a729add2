use crate::types::labels::labels;

/// What became of usage records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// What became of them.
    pub outcome: UsageOutcome,
    /// How many records.
    pub records: u64,
    /// Why they were dropped, if they were.
    pub reason: Option<DropReason>,
    /// How many records are queued or in flight by now.
    pub pending: u64,
    /// How many records are on disk by now.
    pub spooled: u64,
}

labels! {
    /// What became of usage records. Their sums are the counts of `StatsCollector::snapshot`.
    pub enum UsageOutcome {
        /// Queued, to be sent.
        Queued = "queued",
        /// Accepted by the auth center.
        Delivered = "delivered",
        /// Sent in vain, to be sent again.
        Retried = "retried",
        /// Put on disk, or found there at the start.
        Spooled = "spooled",
        /// Taken from the disk, to be sent.
        Unspooled = "unspooled",
        /// Rejected by the auth center for good.
        Rejected = "rejected",
        /// Lost.
        Dropped = "dropped",
    }
}

labels! {
    /// Why usage records are lost.
    pub enum DropReason {
        /// The queue was full.
        QueueFull = "queue_full",
        /// The auth center was away for too long, or the disk was full.
        Undelivered = "undelivered",
        /// The collector was shut down before they were sent.
        Shutdown = "shutdown",
    }
}
