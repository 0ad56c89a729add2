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
    /// Records that are lost: the queue or the disk was full, or the shutdown timed out. With a spool, also those that the
    /// auth center has rejected and that could not be kept on disk.
    pub dropped: u64,
    /// Records that are queued or in flight.
    pub pending: u64,
    /// About how many bytes of memory the records take that are queued, in flight or waiting for a retry.
    pub pending_bytes: u64,
}
