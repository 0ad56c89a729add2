use std::panic::{AssertUnwindSafe, catch_unwind};

use super::reporter::Reporter;
use crate::ports::usage::Served;
use crate::services::stats::batch::Batch;
use crate::services::stats::batcher::Detail;
use crate::services::stats::delivery::Deliver;
use crate::services::stats::lane::Lane;
use crate::services::stats::store::Store;

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// How many records are encoded before other tasks get a turn.
    const ENCODE_CHUNK: usize = 128;

    /// Encodes queued records while there is room, and completes all batches. Users' records first.
    pub(super) async fn flush(&mut self) {
        for lane in Lane::ALL {
            self.drain_queue(lane).await;
            self.lanes[lane].full_batches = self.batcher.drain(lane);
            self.spool_full_batches(lane).await;
        }
    }

    /// Encodes queued records of a lane while there is room.
    pub(super) async fn drain_queue(&mut self, lane: Lane) {
        self.queue.reset_wake();
        let mut encoded = 0;
        while self.has_room(lane)
            && let Some(record) = self.queue.pop(lane)
        {
            self.counters.add_taken();
            self.encode(lane, record);
            self.publish_taken_bytes(lane);
            encoded += 1;
            if encoded % Self::ENCODE_CHUNK == 0 {
                if self.lanes[lane].full_batches.len() >= S::BATCHES_AT_A_TIME {
                    self.spool_full_batches(lane).await;
                }
                self.send_batches();
                tokio::task::yield_now().await;
            }
        }
        self.spool_full_batches(lane).await;
    }

    fn encode(&mut self, lane: Lane, record: Box<dyn Served>) {
        // In an outage, what can be billed goes before what describes it.
        let is_crowded = self.taken_bytes(lane) > lane.share(self.settings.max_bytes) / 2;
        let detail = if is_crowded { Detail::Reduced } else { Detail::Full };
        // `Served` may be implemented by an app; a panic there loses this record only.
        let record = catch_unwind(AssertUnwindSafe(|| record.into_record()));
        match record.map_err(drop).and_then(|record| self.batcher.push(lane, &record, detail)) {
            Ok(Some(full)) => self.lanes[lane].full_batches.push(full),
            Ok(None) => {}
            Err(()) => {
                self.counters.add_dead_lettered(1);
                self.log_cause("a record could not be encoded".to_owned());
            }
        }
    }

    /// Returns whether the reporter may take more records of a lane; the rest stays in the queue.
    pub(super) fn has_room(&self, lane: Lane) -> bool {
        let in_flight: u64 = self.in_flight_of(lane).map(|batch| batch.records).sum();
        let records = self.batcher.records(lane) + self.lanes[lane].retry_queue.records() + in_flight;
        records < lane.share(self.settings.queue_capacity) as u64
            && self.taken_bytes(lane) < lane.share(self.settings.max_bytes)
    }

    /// Tells the queue how many bytes are in memory here, so that it takes no more than there is room for in all.
    pub(super) fn publish_taken_bytes(&self, lane: Lane) {
        self.queue.set_taken_bytes(lane, self.taken_bytes(lane));
    }

    fn taken_bytes(&self, lane: Lane) -> usize {
        let state = &self.lanes[lane];
        let full = state.full_batches.iter().chain(self.in_flight_of(lane)).map(Batch::bytes);
        self.batcher.bytes(lane) + state.retry_queue.bytes() + full.sum::<usize>()
    }

    /// Returns the batches of a lane that are being sent.
    pub(super) fn in_flight_of(&self, lane: Lane) -> impl Iterator<Item = &Batch> {
        self.in_flight.values().filter(move |batch| batch.lane == lane)
    }
}
