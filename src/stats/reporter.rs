//! The background task: takes records from the queue, groups them, and sends them until the auth center has them.

use std::collections::{BTreeSet, HashMap, HashSet};
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
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::record::Served;
use crate::throttle::Throttle;
use crate::transport::Unreported;

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

pub(super) struct Reporter<D> {
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    deliver: Arc<D>,
    settings: Settings,
    groups: Groups,
    backlog: Backlog,
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

/// The auth center does not take records. One batch at a time is tried.
struct Outage {
    backoff: Backoff,
    next_attempt: Instant,
}

impl Outage {
    const FIRST_PAUSE: Duration = Duration::from_millis(500);
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);

    fn new() -> Self {
        Self { backoff: Backoff::new(Self::FIRST_PAUSE, Self::LONGEST_PAUSE), next_attempt: Instant::now() }
    }
}

impl<D: Deliver> Reporter<D> {
    /// What is written out and waits may take so many bytes; the rest stays in the queue.
    const MOST_BYTES: usize = 64 * 1024 * 1024;
    /// So many records are written out before others get their turn.
    const AT_A_TIME: usize = 128;
    /// More different causes than these are not logged.
    const MOST_CAUSES: usize = 32;

    pub(super) fn new(settings: Settings, queue: Arc<Queue>, counts: Arc<Counts>, deliver: Arc<D>) -> Self {
        Self {
            queue,
            counts,
            deliver,
            settings,
            groups: Groups::new(settings.batch as u64),
            backlog: Backlog::default(),
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
            if self.queue.len() >= self.settings.batch {
                self.take().await;
            }
            self.send();
            self.report_flushes();
            if ended.is_some() && self.is_done() {
                break;
            }
            let (in_flight, pause) = (!self.sending.is_empty(), self.pause());
            tokio::select! {
                () = self.queue.called(), if self.has_room() => {}
                _ = flush.tick() => self.flush().await,
                Some(sent) = self.sending.join_next_with_id(), if in_flight => self.settle(sent),
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
        self.give_up();
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
                self.send();
                tokio::task::yield_now().await;
            }
        }
    }

    fn write_out(&mut self, record: Box<dyn Served>) {
        match self.groups.add(&record.into_record()) {
            Ok(Some(full)) => self.put(full),
            Ok(None) => {}
            Err(()) => self.counts.dead_lettered(1),
        }
    }

    fn put(&mut self, batch: Batch) {
        self.unsettled.insert(batch.number);
        self.backlog.put(batch);
    }

    async fn flush(&mut self) {
        self.take().await;
        for batch in self.groups.take() {
            self.put(batch);
        }
    }

    fn has_room(&self) -> bool {
        let waiting = self.groups.records() + self.backlog.records();
        waiting < self.settings.queue as u64 && self.groups.bytes() + self.backlog.bytes() < Self::MOST_BYTES
    }

    fn send(&mut self) {
        let limit = match &self.outage {
            None => self.settings.max_in_flight,
            Some(outage) if outage.next_attempt <= Instant::now() => 1,
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
        let outage = self.outage.as_ref().filter(|_| self.sending.is_empty() && !self.backlog.is_empty())?;
        Some(outage.next_attempt)
    }

    fn settle(&mut self, sent: Result<(Id, Result<(), Unreported>), JoinError>) {
        let (id, outcome) = match sent {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => (error.id(), None),
        };
        let Some(batch) = self.on_their_way.remove(&id) else { return };
        match outcome {
            Some(Ok(())) => {
                self.outage = None;
                self.unsettled.remove(&batch.number);
                self.counts.delivered(batch.records);
            }
            Some(Err(Unreported::ForGood(error))) => {
                // It answers, so it is there.
                self.outage = None;
                self.unsettled.remove(&batch.number);
                self.counts.dead_lettered(batch.records);
                self.log_cause(error.to_string());
            }
            Some(Err(Unreported::ForNow(error, pause))) => {
                if self.warnings.is_due() {
                    tracing::warn!(%error, "usage records cannot be delivered, and wait");
                }
                self.postpone(batch, pause);
            }
            // The task broke down; what it sent may have arrived, which the key tells.
            None => self.postpone(batch, None),
        }
    }

    fn postpone(&mut self, mut batch: Batch, asked: Option<Duration>) {
        batch.attempts += 1;
        self.backlog.put(batch);
        let outage = self.outage.get_or_insert_with(Outage::new);
        // Those that were sent together fail together, and count once.
        if outage.next_attempt <= Instant::now() {
            outage.next_attempt = Instant::now() + outage.backoff.pause();
        }
        if let Some(asked) = asked {
            outage.next_attempt = outage.next_attempt.max(Instant::now() + asked);
        }
    }

    fn log_cause(&mut self, cause: String) {
        if self.causes.len() < Self::MOST_CAUSES && !self.causes.contains(&cause) {
            tracing::error!(cause, "the auth center refuses usage records for good; they are not sent again");
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
        self.unsettled.is_empty() && self.groups.records() == 0 && self.queue.len() == 0
    }

    /// Counts what is left as lost.
    fn give_up(&mut self) {
        self.sending.abort_all();
        self.queue.close();
        let mut lost = self.groups.records();
        while self.queue.pop().is_some() {
            self.counts.taken();
            lost += 1;
        }
        lost += self.on_their_way.drain().map(|(_, batch)| batch.records).sum::<u64>();
        lost += self.backlog.records();
        if lost > 0 {
            tracing::warn!(lost, "usage records could not be delivered in time");
        }
        self.counts.dropped(lost);
    }
}
