//! The background task: takes records from the queue, groups them, and sends them until the auth center has them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::backlog::Backlog;
use super::batch::{Batch, Groups};
use super::counts::Counts;
use super::deliver::Deliver;
use super::queue::Queue;
use super::store::Store;
use crate::clock::Clock;
use crate::record::Served;
use crate::throttle::Throttle;
use crate::transport::Unreported;

mod outage;
mod stored;

use outage::Outage;
use stored::Reading;

/// How records are reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) queue: usize,
    pub(super) batch: usize,
    pub(super) flush_every: Duration,
    pub(super) max_in_flight: usize,
}

/// What the collector wants of its reporter.
pub(super) enum Order {
    /// Send all that was recorded before this, and say when it is settled.
    Flush(oneshot::Sender<()>),
    /// Send all there is until then, if that is a time at all, and end.
    End(Option<Instant>, oneshot::Sender<()>),
}

pub(super) struct Reporter<D, S> {
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    deliver: Arc<D>,
    store: S,
    settings: Settings,
    groups: Groups,
    /// Batches that go to the store next.
    full: Vec<Batch>,
    backlog: Backlog,
    /// Whether the store has more than what was read.
    is_stored: bool,
    reading: Option<Reading>,
    /// The store is not read before then.
    next_read: Instant,
    sending: JoinSet<Result<(), Unreported>>,
    /// What the tasks of `sending` send.
    on_their_way: HashMap<Id, Batch>,
    /// The numbers of all batches that are not settled.
    unsettled: BTreeSet<u64>,
    /// Who waits for which batches.
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    outage: Option<Outage>,
    /// Why batches were refused, each logged once.
    causes: HashSet<String>,
    warnings: Throttle,
}

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// What is written out and waits may take so many bytes; the rest stays in the queue.
    const MOST_BYTES: usize = 64 * 1024 * 1024;
    /// So many records are written out before others get their turn.
    const AT_A_TIME: usize = 128;
    /// More different causes than these are not logged.
    const MOST_CAUSES: usize = 32;
    /// After so many attempts in vain, a batch from the store lets the others go first.
    const PATIENCE: u32 = 5;

    /// `recovered` records are in the store already.
    pub(super) fn new(
        settings: Settings,
        queue: Arc<Queue>,
        counts: Arc<Counts>,
        deliver: Arc<D>,
        store: S,
        recovered: u64,
    ) -> Self {
        counts.recovered(recovered);
        Self {
            queue,
            counts,
            deliver,
            store,
            settings,
            groups: Groups::new(settings.batch as u64),
            full: Vec::new(),
            backlog: Backlog::default(),
            is_stored: recovered > 0,
            reading: None,
            next_read: Instant::now(),
            sending: JoinSet::new(),
            on_their_way: HashMap::new(),
            unsettled: BTreeSet::new(),
            flushes: Vec::new(),
            outage: None,
            causes: HashSet::new(),
            warnings: Throttle::new(Clock::default(), Duration::from_secs(60)),
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut flush = tokio::time::interval(self.settings.flush_every);
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first comes at once, and would part the first batch.
        flush.tick().await;
        let (mut deadline, mut ended) = (None, None);
        loop {
            if ended.is_some() {
                // There may not have been room for all at once.
                self.flush().await;
            } else if self.queue.len() >= self.settings.batch {
                self.take().await;
            }
            self.read().await;
            self.send();
            self.report_flushes();
            if ended.is_some() && self.is_done() {
                break;
            }
            let (in_flight, pause) = (!self.sending.is_empty(), self.pause());
            tokio::select! {
                () = self.queue.called(), if self.has_room() => self.queue.answer(),
                _ = flush.tick() => self.flush().await,
                Some(sent) = self.sending.join_next_with_id(), if in_flight => self.settle(sent).await,
                () = sleep_until(self.next_read), if self.wants_more() => {}
                () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
                order = orders.recv(), if ended.is_none() => match order {
                    Some(Order::Flush(done)) => {
                        self.flush().await;
                        self.flushes.push((self.groups.made(), done));
                    }
                    Some(Order::End(until, done)) => {
                        (deadline, ended) = (until, Some(done));
                        self.queue.close();
                        // Perhaps it is back.
                        if let Some(outage) = &mut self.outage {
                            outage.next_attempt = Instant::now();
                        }
                        self.flush().await;
                    }
                    // The collector is gone, and its records with it.
                    None => break,
                },
            }
        }
        self.give_up().await;
        if let Some(ended) = ended {
            let _ = ended.send(());
        }
    }

    /// Takes from the queue what there is room for, and writes it out.
    async fn take(&mut self) {
        self.queue.answer();
        let mut turn = 0;
        while self.has_room()
            && let Some(record) = self.queue.pop()
        {
            self.counts.taken();
            self.write_out(record);
            turn += 1;
            if turn % Self::AT_A_TIME == 0 {
                self.hand_over().await;
                self.send();
                tokio::task::yield_now().await;
            }
        }
        self.hand_over().await;
    }

    fn write_out(&mut self, record: Box<dyn Served>) {
        // A record may be of anybody's making; what breaks in it is its own.
        let written = catch_unwind(AssertUnwindSafe(|| record.into_record()));
        match written.map_err(drop).and_then(|record| self.groups.add(&record)) {
            Ok(Some(full)) => self.full.push(full),
            Ok(None) => {}
            Err(()) => {
                self.counts.dead_lettered(1);
                self.log_cause("they could not be written out".to_owned());
            }
        }
    }

    fn put(&mut self, batch: Batch) {
        self.unsettled.insert(batch.number);
        self.backlog.put(batch);
    }

    async fn flush(&mut self) {
        self.take().await;
        self.full = self.groups.take();
        self.hand_over().await;
    }

    fn has_room(&self) -> bool {
        let on_their_way: u64 = self.on_their_way.values().map(|batch| batch.records).sum();
        let waiting = self.groups.records() + self.backlog.records() + on_their_way;
        waiting < self.settings.queue as u64 && self.groups.bytes() + self.backlog.bytes() < Self::MOST_BYTES
    }

    fn send(&mut self) {
        let limit = match &self.outage {
            None => self.settings.max_in_flight,
            Some(outage) if outage.is_over() => 1,
            Some(_) => 0,
        };
        while self.sending.len() < limit
            && let Some(batch) = self.backlog.next()
        {
            let (deliver, sent) = (self.deliver.clone(), batch.clone());
            let task = self.sending.spawn(async move { deliver.deliver(&sent).await });
            self.on_their_way.insert(task.id(), batch);
        }
    }

    /// Until when nothing is sent, if something waits.
    fn pause(&self) -> Option<Instant> {
        let waits = !self.backlog.is_empty() || self.is_stored;
        let outage = self.outage.as_ref().filter(|_| self.sending.is_empty() && waits)?;
        Some(outage.next_attempt)
    }

    async fn settle(&mut self, sent: Result<(Id, Result<(), Unreported>), JoinError>) {
        let (id, outcome) = match sent {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => (error.id(), None),
        };
        let Some(batch) = self.on_their_way.remove(&id) else { return };
        match outcome {
            Some(Ok(())) => {
                self.outage = None;
                self.counts.delivered(batch.records);
                self.forget(batch, false).await;
            }
            Some(Err(Unreported::ForGood(error, _))) => {
                // It answers, so it is there.
                self.outage = None;
                self.counts.dead_lettered(batch.records);
                self.log_cause(error.to_string());
                self.forget(batch, true).await;
            }
            Some(Err(Unreported::ForNow(error, pause))) => {
                if self.warnings.is_due() {
                    tracing::warn!(%error, "usage records cannot be delivered, and wait");
                }
                self.postpone(batch, pause).await;
            }
            // The task broke down; what it sent may have arrived, which the key tells.
            None => self.postpone(batch, None).await,
        }
    }

    /// The auth center has had its last word on a batch.
    async fn forget(&mut self, batch: Batch, is_refused: bool) {
        self.unsettled.remove(&batch.number);
        if batch.spooled {
            self.counts.unspooled(batch.records);
            let number = batch.number;
            if is_refused && let Some(reading) = &mut self.reading {
                reading.refused.push(batch);
            }
            self.settle_read(number).await;
        }
    }

    async fn postpone(&mut self, mut batch: Batch, asked: Option<Duration>) {
        batch.attempts += 1;
        match &mut self.reading {
            Some(reading) if batch.spooled && batch.attempts >= Self::PATIENCE => {
                let number = batch.number;
                reading.back.push(batch);
                self.settle_read(number).await;
            }
            _ => self.backlog.put(batch),
        }
        self.outage.get_or_insert_with(Outage::new).note(asked);
    }

    fn log_cause(&mut self, cause: String) {
        if self.causes.len() < Self::MOST_CAUSES && !self.causes.contains(&cause) {
            tracing::error!(cause, "usage records are given up; they are not sent again");
            self.causes.insert(cause);
        }
    }

    fn report_flushes(&mut self) {
        let oldest = self.unsettled.first().copied().unwrap_or(u64::MAX);
        self.flushes.retain(|(_, done)| !done.is_closed());
        for (_, done) in self.flushes.extract_if(.., |(last, _)| *last < oldest) {
            let _ = done.send(());
        }
    }

    fn is_done(&self) -> bool {
        let is_safe = self.unsettled.is_empty() && self.groups.records() == 0 && self.queue.len() == 0;
        // What is on disk need not be waited for in an outage.
        let is_read = self.reading.is_none() && !self.is_stored;
        is_safe && (is_read || self.outage.is_some())
    }

    /// Leaves on disk what is there, and counts the rest as lost.
    async fn give_up(&mut self) {
        self.sending.abort_all();
        self.queue.close();
        let mut lost = self.groups.records();
        while self.queue.pop().is_some() {
            self.counts.taken();
            lost += 1;
        }
        let mut left: Vec<_> = self.on_their_way.drain().map(|(_, batch)| batch).collect();
        left.extend(std::iter::from_fn(|| self.backlog.next()));
        let (spooled, in_memory): (Vec<_>, Vec<_>) = left.into_iter().partition(|batch| batch.spooled);
        if let Some(Reading { refused, mut back, .. }) = self.reading.take() {
            // In the order of their age.
            back.extend(spooled);
            back.sort_by_key(|batch| batch.number);
            let lost = self.store.finish(refused, back).await;
            self.lose(lost);
        }
        lost += in_memory.iter().map(|batch| batch.records).sum::<u64>();
        if lost > 0 {
            tracing::warn!(lost, "usage records could not be delivered in time");
        }
        self.counts.dropped(lost);
    }
}
