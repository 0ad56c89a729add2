use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use super::lane_state::LaneState;
use super::reporter::Reporter;
use super::stored::StoredWindow;
use crate::ports::observer::DropReason;
use crate::services::stats::batch::{Batch, Position};
use crate::services::stats::delivery::Deliver;
use crate::services::stats::lane::Lane;
use crate::services::stats::store::{Added, Finished, Store, Window};

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// How many batches are read from the store at a time.
    const WINDOW_SIZE: usize = 16;
    /// The age in seconds above which stored batches are sent at a limited rate: the auth center may just have
    /// recovered.
    const RATE_LIMIT_AGE: u64 = 15;
    /// The minimum interval between two such batches.
    const RATE_LIMIT_INTERVAL: Duration = Duration::from_millis(10);

    /// Adds a lane's full batches to the store, and keeps those in memory that could not be added.
    pub(super) async fn spool_full_batches(&mut self, lane: Lane) {
        let full = mem::take(&mut self.lanes[lane].full_batches);
        if full.is_empty() {
            return;
        }
        let records = |batches: &[Batch]| batches.iter().map(|batch| batch.records).sum::<u64>();
        let all = records(&full);
        let Added { evicted, rest } = self.store.add(lane, full).await;
        let added = all - records(&rest);
        if added > 0 {
            self.lanes[lane].store_has_more = true;
            self.counters.add_spooled(added);
        }
        self.count_evicted(evicted);
        rest.into_iter().for_each(|batch| self.enqueue(batch));
    }

    /// Counts refused records that are in the store again.
    pub(super) fn on_returned(&mut self, records: u64) {
        self.counters.add_recovered(records);
        self.lanes[Lane::Verified].store_has_more = true;
    }

    /// Counts stored records that were evicted for younger ones, or damaged.
    fn count_evicted(&self, records: u64) {
        if records > 0 {
            self.counters.remove_spooled(records);
            self.counters.add_dropped(records, DropReason::SpoolFull);
            if self.warn_throttle.is_due() {
                tracing::warn!(records, "usage records dropped: the spool is full or damaged");
            }
        }
    }

    /// Returns when the store is to be read next.
    pub(super) fn next_store_read(&self) -> Option<Instant> {
        let should_read = self.lanes.iter().filter(|state| state.should_read_store());
        should_read.map(|state| state.next_store_read).min()
    }

    /// Queues the oldest stored batches of a lane, once those that were read before are settled.
    pub(super) async fn read_store(&mut self, lane: Lane) {
        let state = &self.lanes[lane];
        if !state.should_read_store() || Instant::now() < state.next_store_read {
            return;
        }
        let window = self.store.read(lane, Self::WINDOW_SIZE).await;
        let Window { batches, age, undecryptable, unkept, lost, failed } = window;
        if undecryptable > 0 {
            self.counters.remove_spooled(undecryptable);
            self.counters.add_dead_lettered(undecryptable);
            self.log_cause("spooled under another app secret".to_owned());
        }
        self.counters.drop_dead_lettered(unkept);
        self.count_evicted(lost);
        if failed {
            self.lanes[lane].set_store_failing(true);
        }
        let LaneState { store_has_more, next_store_read, window, retry_queue, .. } = &mut self.lanes[lane];
        if batches.is_empty() {
            *store_has_more = failed;
            return;
        }
        if age > Self::RATE_LIMIT_AGE {
            let pause = Self::RATE_LIMIT_INTERVAL * u32::try_from(batches.len()).unwrap_or(u32::MAX);
            *next_store_read = Instant::now() + pause;
        }
        let window = window.insert(StoredWindow::default());
        for mut batch in batches {
            batch.position = Position::whole(self.batcher.next_number());
            window.unsettled.insert(batch.position);
            retry_queue.push(batch);
        }
    }

    /// Settles a batch that was read from the store. The last one of the window removes the window from the store.
    pub(super) async fn settle_stored(&mut self, lane: Lane, position: Position) {
        let Some(window) = &mut self.lanes[lane].window else { return };
        window.unsettled.remove(&position);
        if !window.unsettled.is_empty() {
            return;
        }
        let StoredWindow { refused, requeue, .. } = self.lanes[lane].window.take().unwrap_or_default();
        let Finished { unkept, rest, failed } = self.store.finish(lane, refused, requeue).await;
        self.counters.drop_dead_lettered(unkept);
        self.lanes[lane].set_store_failing(failed);
        if !rest.is_empty() {
            self.reopen_window(lane, rest);
        }
    }

    /// Goes on with the window whose last batches could not move to the end of the store. The store keeps all of it, and so
    /// nothing is lost if the process ends.
    fn reopen_window(&mut self, lane: Lane, rest: Vec<Batch>) {
        let LaneState { window, retry_queue, .. } = &mut self.lanes[lane];
        let window = window.insert(StoredWindow::default());
        for batch in rest {
            window.unsettled.insert(batch.position);
            retry_queue.push(Batch { attempts: 0, ..batch });
        }
    }
}
