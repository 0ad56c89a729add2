use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::command::Command;
use super::outage::Outage;
use super::settings::Settings;
use super::stored::StoredWindow;
use crate::ports::usage::Served;
use crate::services::stats::batch::Batch;
use crate::services::stats::batcher::Batcher;
use crate::services::stats::counters::Counters;
use crate::services::stats::delivery::Deliver;
use crate::services::stats::queue::Queue;
use crate::services::stats::retry_queue::RetryQueue;
use crate::services::stats::store::Store;
use crate::upstream::api_client::SendError;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Delivers the records of a queue. [`Reporter::run`] is the background task; sending is in `sending.rs`, the store in
/// `spooling.rs`.
pub(crate) struct Reporter<D, S> {
    pub(super) queue: Arc<Queue>,
    pub(super) counters: Arc<Counters>,
    pub(super) deliver: Arc<D>,
    pub(super) store: S,
    pub(super) settings: Settings,
    pub(super) batcher: Batcher,
    /// Batches to be added to the store.
    pub(super) full_batches: Vec<Batch>,
    pub(super) retry_queue: RetryQueue,
    /// Whether the store has more than what was read.
    pub(super) store_has_more: bool,
    pub(super) window: Option<StoredWindow>,
    /// When the store may be read again.
    pub(super) next_store_read: Instant,
    pub(super) sends: JoinSet<Result<(), SendError>>,
    /// The batches that the tasks of `sends` are sending.
    pub(super) in_flight: HashMap<Id, Batch>,
    /// The numbers of all batches that are not settled.
    pub(super) unsettled: BTreeSet<u64>,
    /// The pending flushes, each with the last batch it waits for.
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    pub(super) outage: Option<Outage>,
    /// The causes of rejections that were logged, each once.
    pub(super) logged_causes: HashSet<String>,
    pub(super) warn_throttle: LogThrottle,
}

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// The limit for encoded records in memory, in bytes; the rest stays in the queue.
    const MAX_BUFFERED_BYTES: usize = 64 * 1024 * 1024;
    /// How many records are encoded before other tasks get a turn.
    const ENCODE_CHUNK: usize = 128;

    /// Creates a reporter whose store has `recovered` records already.
    pub(crate) fn new(
        settings: Settings,
        queue: Arc<Queue>,
        counters: Arc<Counters>,
        deliver: Arc<D>,
        store: S,
        recovered: u64,
    ) -> Self {
        counters.add_recovered(recovered);
        Self {
            queue,
            counters,
            deliver,
            store,
            settings,
            batcher: Batcher::new(settings.batch_size as u64),
            full_batches: Vec::new(),
            retry_queue: RetryQueue::default(),
            store_has_more: recovered > 0,
            window: None,
            next_store_read: Instant::now(),
            sends: JoinSet::new(),
            in_flight: HashMap::new(),
            unsettled: BTreeSet::new(),
            flushes: Vec::new(),
            outage: None,
            logged_causes: HashSet::new(),
            warn_throttle: LogThrottle::new(Clock::default(), Duration::from_secs(60)),
        }
    }

    /// Delivers records until a [`Command::Shutdown`], or until the collector is dropped.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut flush = tokio::time::interval(self.settings.flush_interval);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick completes immediately, and would split the first batch.
        flush.tick().await;
        let (mut deadline, mut shutdown_done) = (None, None);
        loop {
            if shutdown_done.is_some() {
                // There may not have been room for all records at once.
                self.flush().await;
            } else if self.queue.len() >= self.settings.batch_size {
                self.drain_queue().await;
            }
            self.read_store().await;
            self.send_batches();
            self.complete_flushes();
            if shutdown_done.is_some() && self.is_done() {
                break;
            }
            let (is_sending, next_attempt) = (!self.sends.is_empty(), self.next_attempt());
            tokio::select! {
                () = self.queue.woken(), if self.has_room() => self.queue.reset_wake(),
                _ = flush.tick() => self.flush().await,
                Some(sent) = self.sends.join_next_with_id(), if is_sending => self.on_sent(sent).await,
                () = sleep_until(self.next_store_read), if self.should_read_store() => {}
                () = sleep_until(next_attempt.unwrap_or_else(Instant::now)), if next_attempt.is_some() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
                command = commands.recv(), if shutdown_done.is_none() => match command {
                    Some(Command::Flush(done)) => {
                        self.flush().await;
                        self.flushes.push((self.batcher.last_number(), done));
                    }
                    Some(Command::Shutdown(until, done)) => {
                        (deadline, shutdown_done) = (until, Some(done));
                        self.queue.close();
                        // An outage may be over: try once more without waiting for the backoff.
                        if let Some(outage) = &mut self.outage {
                            outage.next_attempt = Instant::now();
                        }
                        self.flush().await;
                    }
                    // The collector was dropped.
                    None => break,
                },
            }
        }
        self.stop().await;
        if let Some(done) = shutdown_done {
            let _ = done.send(());
        }
    }

    /// Encodes queued records while there is room.
    async fn drain_queue(&mut self) {
        self.queue.reset_wake();
        let mut encoded = 0;
        while self.has_room()
            && let Some(record) = self.queue.pop()
        {
            self.counters.add_taken();
            self.encode(record);
            encoded += 1;
            if encoded % Self::ENCODE_CHUNK == 0 {
                self.spool_full_batches().await;
                self.send_batches();
                tokio::task::yield_now().await;
            }
        }
        self.spool_full_batches().await;
    }

    fn encode(&mut self, record: Box<dyn Served>) {
        // `Served` may be implemented by an app; a panic there loses this record only.
        let record = catch_unwind(AssertUnwindSafe(|| record.into_record()));
        match record.map_err(drop).and_then(|record| self.batcher.push(&record)) {
            Ok(Some(full)) => self.full_batches.push(full),
            Ok(None) => {}
            Err(()) => {
                self.counters.add_dead_lettered(1);
                self.log_cause("a record could not be encoded".to_owned());
            }
        }
    }

    /// Encodes queued records, and completes all batches.
    async fn flush(&mut self) {
        self.drain_queue().await;
        self.full_batches = self.batcher.drain();
        self.spool_full_batches().await;
    }

    fn has_room(&self) -> bool {
        let in_flight: u64 = self.in_flight.values().map(|batch| batch.records).sum();
        let records = self.batcher.records() + self.retry_queue.records() + in_flight;
        let bytes = self.batcher.bytes() + self.retry_queue.bytes();
        records < self.settings.queue_capacity as u64 && bytes < Self::MAX_BUFFERED_BYTES
    }

    /// Confirms the flushes whose batches are all settled.
    fn complete_flushes(&mut self) {
        let oldest = self.unsettled.first().copied().unwrap_or(u64::MAX);
        self.flushes.retain(|(_, done)| !done.is_closed());
        for (_, done) in self.flushes.extract_if(.., |(last, _)| *last < oldest) {
            let _ = done.send(());
        }
    }

    fn is_done(&self) -> bool {
        let is_memory_empty =
            self.unsettled.is_empty() && self.batcher.records() == 0 && self.queue.len() == 0;
        // In an outage, a shutdown does not wait for batches that are on disk.
        let is_store_empty = self.window.is_none() && !self.store_has_more;
        is_memory_empty && (is_store_empty || self.outage.is_some())
    }

    /// Stops sending. Batches that are on disk stay there; the other records are counted as dropped.
    async fn stop(&mut self) {
        self.sends.abort_all();
        self.queue.close();
        let mut dropped = self.batcher.records();
        while self.queue.pop().is_some() {
            self.counters.add_taken();
            dropped += 1;
        }
        let mut left: Vec<_> = self.in_flight.drain().map(|(_, batch)| batch).collect();
        left.extend(std::iter::from_fn(|| self.retry_queue.pop()));
        let (spooled, in_memory): (Vec<_>, Vec<_>) = left.into_iter().partition(|batch| batch.spooled);
        if let Some(StoredWindow { rejected, mut requeue, .. }) = self.window.take() {
            requeue.extend(spooled);
            // In order of age.
            requeue.sort_by_key(|batch| batch.number);
            let evicted = self.store.finish(rejected, requeue).await;
            self.count_evicted(evicted);
        }
        dropped += in_memory.iter().map(|batch| batch.records).sum::<u64>();
        if dropped > 0 {
            tracing::warn!(dropped, "usage records dropped: not delivered before the shutdown");
        }
        self.counters.add_dropped(dropped);
    }
}
