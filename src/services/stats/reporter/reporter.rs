use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::command::Command;
use super::lane_state::LaneState;
use super::settings::Settings;
use super::stored::StoredWindow;
use crate::ports::observer::DropReason;
use crate::services::stats::batch::{Batch, Position};
use crate::services::stats::batcher::Batcher;
use crate::services::stats::counters::Counters;
use crate::services::stats::delivery::Deliver;
use crate::services::stats::lane::{ByLane, Lane};
use crate::services::stats::queue::Queue;
use crate::services::stats::store::{Finished, Store};
use crate::upstream::api_client::SendError;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Delivers the records of a queue. [`Reporter::run`] is the background task; encoding is in `encoding.rs`, sending in
/// `sending.rs`, the store in `spooling.rs`.
pub(crate) struct Reporter<D, S> {
    pub(super) queue: Arc<Queue>,
    pub(super) counters: Arc<Counters>,
    pub(super) deliver: Arc<D>,
    pub(super) store: S,
    pub(super) settings: Settings,
    pub(super) batcher: Batcher,
    pub(super) lanes: ByLane<LaneState>,
    pub(super) sends: JoinSet<Result<(), SendError>>,
    /// The batches that the tasks of `sends` are sending.
    pub(super) in_flight: HashMap<Id, Batch>,
    /// The positions of all batches that are not settled.
    pub(super) unsettled: BTreeSet<Position>,
    /// The pending flushes, each with the last batch it waits for.
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    /// The causes of rejections that were logged, each once.
    pub(super) logged_causes: HashSet<String>,
    pub(super) warn_throttle: LogThrottle,
}

impl<D: Deliver, S: Store> Reporter<D, S> {
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
            lanes: ByLane::new(|_| LaneState::new(recovered > 0)),
            sends: JoinSet::new(),
            in_flight: HashMap::new(),
            unsettled: BTreeSet::new(),
            flushes: Vec::new(),
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
            } else if self.queue.len(Lane::Verified) >= self.settings.batch_size {
                self.drain_queue(Lane::Verified).await;
                self.drain_queue(Lane::Unverified).await;
            }
            for lane in Lane::ALL {
                self.read_store(lane).await;
            }
            self.send_batches();
            Lane::ALL.iter().for_each(|lane| self.publish_taken_bytes(*lane));
            self.complete_flushes();
            if shutdown_done.is_some() && self.is_done() {
                break;
            }
            let (is_sending, next_attempt) = (!self.sends.is_empty(), self.next_attempt());
            let next_store_read = self.next_store_read();
            tokio::select! {
                () = self.queue.woken(), if self.has_room(Lane::Verified) => self.queue.reset_wake(),
                _ = flush.tick() => self.flush().await,
                Some(sent) = self.sends.join_next_with_id(), if is_sending => self.on_sent(sent).await,
                () = sleep_until(next_store_read.unwrap_or_else(Instant::now)), if next_store_read.is_some() => {}
                () = sleep_until(next_attempt.unwrap_or_else(Instant::now)), if next_attempt.is_some() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
                records = self.store.returned() => self.on_returned(records),
                command = commands.recv(), if shutdown_done.is_none() => match command {
                    Some(Command::Flush(done)) => {
                        self.flush().await;
                        self.flushes.push((self.batcher.last_number(), done));
                    }
                    Some(Command::Shutdown(until, done)) => {
                        (deadline, shutdown_done) = (until, Some(done));
                        self.queue.close();
                        // An outage may be over, or room made: try once more without waiting for the backoff.
                        for lane in Lane::ALL {
                            let state = &mut self.lanes[lane];
                            if state.is_store_failing() {
                                state.next_store_read = Instant::now();
                            }
                            if let Some(outage) = &mut state.outage {
                                outage.next_attempt = Instant::now();
                            }
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

    /// Confirms the flushes whose batches are all settled.
    fn complete_flushes(&mut self) {
        let oldest = self.unsettled.first().map_or(u64::MAX, |position| position.number);
        self.flushes.retain(|(_, done)| !done.is_closed());
        for (_, done) in self.flushes.extract_if(.., |(last, _)| *last < oldest) {
            let _ = done.send(());
        }
    }

    fn is_done(&self) -> bool {
        let mut is_outage = false;
        self.unsettled.is_empty()
            && self.queue.total_len() == 0
            && Lane::ALL.into_iter().all(|lane| {
                // In an outage, a shutdown does not wait for batches that are on disk, nor for those of a lane that has no
                // turn before the outage ends; nor does it wait for a store that fails.
                let state = &self.lanes[lane];
                is_outage |= state.outage.is_some();
                let is_waiting = !state.is_store_empty() && !is_outage && !state.is_store_failing();
                self.batcher.records(lane) == 0 && !is_waiting
            })
    }

    /// Stops sending. Batches that are on disk stay there; the other records are counted as dropped.
    async fn stop(&mut self) {
        self.sends.abort_all();
        self.queue.close();
        let mut dropped = 0;
        let mut in_flight: Vec<_> = self.in_flight.drain().map(|(_, batch)| batch).collect();
        for lane in Lane::ALL {
            dropped += self.batcher.records(lane);
            while self.queue.pop(lane).is_some() {
                self.counters.add_taken();
                dropped += 1;
            }
            let state = &mut self.lanes[lane];
            let mut left: Vec<_> = in_flight.extract_if(.., |batch| batch.lane == lane).collect();
            left.extend(std::iter::from_fn(|| state.retry_queue.pop()));
            let (spooled, in_memory): (Vec<_>, Vec<_>) = left.into_iter().partition(|batch| batch.spooled);
            if let Some(StoredWindow { refused, requeue: mut left, .. }) = state.window.take() {
                left.extend(spooled);
                // In order of age.
                left.sort_by_key(|batch| batch.position);
                let Finished { unkept, rest, .. } = self.store.release(lane, refused, left).await;
                self.counters.drop_dead_lettered(unkept);
                let lost = rest.iter().map(|batch| batch.records).sum();
                self.counters.remove_spooled(lost);
                dropped += lost;
            }
            dropped += in_memory.iter().map(|batch| batch.records).sum::<u64>();
            self.queue.set_taken_bytes(lane, 0);
        }
        if dropped > 0 {
            tracing::warn!(dropped, "usage records dropped: not delivered before the shutdown");
        }
        self.counters.add_dropped(dropped, DropReason::Shutdown);
    }
}
