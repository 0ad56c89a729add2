use std::time::Duration;

use super::collector::StatsCollector;
use super::delivery::Deliver;
use super::reporter::Settings;
#[cfg(feature = "spool")]
use super::spool::Spool;
use super::store::NoStore;
use crate::ports::observer::Watch;
use crate::verifiers::client::AuthClient;

/// Builds a [`StatsCollector`]; made by [`StatsCollector::builder`].
#[derive(Debug)]
#[must_use]
pub struct StatsCollectorBuilder {
    settings: Settings,
    #[cfg(feature = "spool")]
    spool: Option<Spool>,
}

impl StatsCollector {
    /// Starts a collector with the defaults: a queue of 10,000 records, batches of 100, all sent after 5 s at the
    /// latest.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(client: &AuthClient) -> Self {
        Self::builder().start(client)
    }

    /// Returns a builder with the defaults.
    pub fn builder() -> StatsCollectorBuilder {
        StatsCollectorBuilder {
            settings: Settings {
                queue_capacity: 10_000,
                max_bytes: 64 * 1024 * 1024,
                batch_size: 100,
                flush_interval: Duration::from_secs(5),
                max_in_flight: 4,
            },
            #[cfg(feature = "spool")]
            spool: None,
        }
    }
}

impl StatsCollectorBuilder {
    /// Sets how many records of verified users the queue holds, at least 1; as many again may wait to be sent. Defaults to
    /// 10,000. When the queue is full, new records are dropped. Records of credentials that were denied or could not be
    /// verified have a tenth of that for themselves.
    pub fn queue_capacity(mut self, records: usize) -> Self {
        self.settings.queue_capacity = records.max(1);
        self
    }

    /// Sets how many bytes of memory the records of verified users may take until they are sent or on disk. Defaults to
    /// 64 MiB. Once half of it waits to be sent, records get no request parameters any more; when all of it is taken, new
    /// records are dropped. Records of credentials that were denied or could not be verified have a tenth of that for
    /// themselves.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// Sets how many records of one credential are sent in one call, at least 1. Defaults to 100. A body stays below
    /// 256 KiB, unless it has a single record.
    pub fn batch_size(mut self, records: usize) -> Self {
        self.settings.batch_size = records.max(1);
        self
    }

    /// Sets after how long an incomplete batch is sent, at least 10 ms. Defaults to 5 s.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.settings.flush_interval = interval.max(Duration::from_millis(10));
        self
    }

    /// Sets how many calls may be in flight at a time, at least 1. Defaults to 4.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = calls.max(1);
        self
    }

    /// Stores records on disk until they are delivered. Without a spool they are in memory only.
    #[cfg(feature = "spool")]
    pub fn spool(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Starts the collector and its background task.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self, client: &AuthClient) -> StatsCollector {
        self.start_with(client.clone(), client.watch().clone())
    }

    pub(super) fn start_with(self, deliver: impl Deliver, watch: Watch) -> StatsCollector {
        #[cfg(feature = "spool")]
        if let Some(spool) = self.spool {
            let recovered = spool.recovered();
            return StatsCollector::spawn(self.settings, deliver, spool, recovered, watch);
        }
        StatsCollector::spawn(self.settings, deliver, NoStore, 0, watch)
    }
}
