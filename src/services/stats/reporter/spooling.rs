use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::outage::Outage;
use super::reporter::Reporter;
use super::stored::StoredWindow;
use crate::services::stats::delivery::Deliver;
use crate::services::stats::store::{Store, Window};

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// How many batches are read from the store at a time.
    const WINDOW_SIZE: usize = 16;
    /// The age in seconds above which stored batches are sent at a limited rate: the auth center may just have
    /// recovered.
    const RATE_LIMIT_AGE: u64 = 15;
    /// The minimum interval between two such batches.
    const RATE_LIMIT_INTERVAL: Duration = Duration::from_millis(10);

    /// Adds full batches to the store, or keeps them in memory if that fails.
    pub(super) async fn spool_full_batches(&mut self) {
        let full = mem::take(&mut self.full_batches);
        if full.is_empty() {
            return;
        }
        let records = full.iter().map(|batch| batch.records).sum();
        match self.store.add(full).await {
            Ok(evicted) => {
                self.store_has_more = true;
                self.counters.add_spooled(records);
                self.count_evicted(evicted);
            }
            Err(full) => full.into_iter().for_each(|batch| self.enqueue(batch)),
        }
    }

    /// Counts stored records that were evicted for younger ones, or damaged.
    pub(super) fn count_evicted(&self, records: u64) {
        if records > 0 {
            self.counters.remove_spooled(records);
            self.counters.add_dropped(records);
            if self.warn_throttle.is_due() {
                tracing::warn!(records, "usage records dropped: the spool is full or damaged");
            }
        }
    }

    pub(super) fn should_read_store(&self) -> bool {
        self.store_has_more
            && self.window.is_none()
            && self.outage.as_ref().is_none_or(Outage::is_attempt_due)
    }

    /// Queues the oldest stored batches, once those that were read before are settled.
    pub(super) async fn read_store(&mut self) {
        if !self.should_read_store() || Instant::now() < self.next_store_read {
            return;
        }
        let Window { batches, age, undecryptable, lost } = self.store.read(Self::WINDOW_SIZE).await;
        if undecryptable > 0 {
            self.counters.remove_spooled(undecryptable);
            self.counters.add_dead_lettered(undecryptable);
            self.log_cause("spooled under another app secret".to_owned());
        }
        self.count_evicted(lost);
        if batches.is_empty() {
            self.store_has_more = false;
            return;
        }
        if age > Self::RATE_LIMIT_AGE {
            let pause = Self::RATE_LIMIT_INTERVAL * u32::try_from(batches.len()).unwrap_or(u32::MAX);
            self.next_store_read = Instant::now() + pause;
        }
        let mut window = StoredWindow::default();
        for mut batch in batches {
            batch.number = self.batcher.next_number();
            window.unsettled.insert(batch.number);
            self.retry_queue.push(batch);
        }
        self.window = Some(window);
    }

    /// Settles a batch that was read from the store. The last one of the window removes the window from the store.
    pub(super) async fn settle_stored(&mut self, number: u64) {
        let Some(window) = &mut self.window else { return };
        window.unsettled.remove(&number);
        if window.unsettled.is_empty() {
            let StoredWindow { rejected, requeue, .. } = self.window.take().unwrap_or_default();
            let evicted = self.store.finish(rejected, requeue).await;
            self.count_evicted(evicted);
        }
    }
}
