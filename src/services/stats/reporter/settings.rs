use std::time::Duration;

/// The settings of a [`StatsCollector`](crate::stats::StatsCollector).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) queue_capacity: usize,
    pub(crate) max_bytes: usize,
    pub(crate) batch_size: usize,
    pub(crate) flush_interval: Duration,
    pub(crate) max_in_flight: usize,
}
