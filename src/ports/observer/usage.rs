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
}

labels! {
    /// What became of usage records.
    ///
    /// By their sums, a collector without others has delivered `delivered`, has `spooled - unspooled` on disk, and has lost
    /// `dropped`, as `StatsCollector::snapshot` counts them.
    pub enum UsageOutcome {
        /// Taken from the queue, to be sent, or found on disk at the start. Not those that were dropped before.
        Recorded = "recorded",
        /// Accepted by the auth center.
        Delivered = "delivered",
        /// Sent in vain; they are sent again.
        Retried = "retried",
        /// Put on disk, or found there at the start.
        Spooled = "spooled",
        /// Removed from the disk, whatever the reason.
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
        /// The disk was full, or what was on it is damaged.
        SpoolFull = "spool_full",
        /// They had been rejected, and could not be kept on disk.
        Unkept = "unkept",
        /// The collector was shut down before they were sent.
        Shutdown = "shutdown",
    }
}
