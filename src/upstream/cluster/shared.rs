use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::{Notify, watch};

use super::member::Member;
use super::queue::{Numbered, Queue};
#[cfg(feature = "redis")]
use super::redis_bus::ledger::Ledger;
use super::times::IN_TOUCH;
use crate::ports::invalidation::Invalidation;
use crate::ports::invalidation_bus::BusListener;
use crate::ports::observer::{ClusterChange, ClusterTraffic, Event, Watch};

/// What the handles of a cluster and its tasks share.
pub(super) struct Shared {
    members: Mutex<Vec<Weak<dyn Member>>>,
    queue: Mutex<Queue>,
    /// Wakes the task that publishes.
    queued: Notify,
    /// The number up to which everything has been published.
    settled: watch::Sender<u64>,
    /// When the last proof was asked for.
    proved: watch::Sender<Option<Instant>>,
    /// Why the last message could not be sent.
    failure: Mutex<Option<Box<str>>>,
    /// Known once a member is built that has one.
    watch: OnceLock<Watch>,
    #[cfg(feature = "redis")]
    ledger: Option<Arc<Ledger>>,
}

impl Shared {
    pub(super) fn new(#[cfg(feature = "redis")] ledger: Option<Arc<Ledger>>) -> Arc<Self> {
        Arc::new(Self {
            members: Mutex::default(),
            queue: Mutex::default(),
            queued: Notify::new(),
            settled: watch::Sender::new(0),
            proved: watch::Sender::new(None),
            failure: Mutex::default(),
            watch: OnceLock::new(),
            #[cfg(feature = "redis")]
            ledger,
        })
    }

    pub(super) fn attach(&self, member: Weak<dyn Member>) {
        let mut members = lock(&self.members);
        members.retain(|member| member.strong_count() > 0);
        members.push(member);
    }

    /// The caches that are still there. Not locked while they are used.
    pub(super) fn members(&self) -> Vec<Arc<dyn Member>> {
        lock(&self.members).iter().filter_map(Weak::upgrade).collect()
    }

    /// Applies an invalidation to all caches of this process.
    pub(super) fn apply_here(&self, invalidation: &Invalidation) {
        self.members().iter().for_each(|member| member.apply_here(invalidation));
    }

    /// Doubts what is cached, if there was no proof for too long.
    pub(super) fn check_trust(&self) {
        self.members().iter().for_each(|member| member.trusting().check_trust());
    }

    pub(super) fn is_in_touch(&self) -> bool {
        is_recent(*self.proved.borrow())
    }

    /// Waits until there was a proof a short time ago.
    pub(super) async fn in_touch(&self) {
        let mut proved = self.proved.subscribe();
        // The sender is here.
        let _ = proved.wait_for(|proved| is_recent(*proved)).await;
    }

    /// Queues an invalidation to be published.
    pub(super) fn publish(&self, invalidation: &Invalidation) {
        let overflows = {
            let mut queue = lock(&self.queue);
            let overflows = queue.push(invalidation);
            self.note_sending(&queue);
            overflows
        };
        if overflows {
            tracing::warn!(
                "over {} invalidations wait to be told to other replicas: these will forget all users",
                Queue::CAPACITY
            );
        }
        self.queued.notify_one();
    }

    /// Waits for invalidations to publish.
    pub(super) async fn next(&self, max: usize) -> Vec<Numbered> {
        loop {
            let batch = lock(&self.queue).take(max);
            if !batch.is_empty() {
                return batch;
            }
            self.queued.notified().await;
        }
    }

    /// Ends the sending of a batch, but for these.
    pub(super) fn sent(&self, unsent: Vec<Numbered>, failure: Option<Box<str>>) {
        let settled = {
            let mut queue = lock(&self.queue);
            queue.sent(unsent);
            self.note_sending(&queue);
            queue.settled()
        };
        *lock(&self.failure) = failure;
        self.settled.send_replace(settled);
    }

    /// Values of others may be older than what they have not been told of. In the lock of the queue, for the order to be the same.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables, clippy::unused_self))]
    fn note_sending(&self, queue: &Queue) {
        #[cfg(feature = "redis")]
        if let Some(ledger) = &self.ledger {
            ledger.set_sending(queue.settled() != queue.last());
        }
    }

    /// The bus was lost.
    pub(super) fn lost(&self) {
        #[cfg(feature = "redis")]
        if let Some(ledger) = &self.ledger {
            ledger.pause();
        }
    }

    /// Waits until everything that was queued before is published.
    pub(super) async fn settled(&self) {
        let last = lock(&self.queue).last();
        let mut settled = self.settled.subscribe();
        let _ = settled.wait_for(|settled| *settled >= last).await;
    }

    pub(super) fn failure(&self) -> Option<Box<str>> {
        lock(&self.failure).clone()
    }

    pub(super) fn observed_by(&self, watch: &Watch) {
        if watch.is_on() {
            let _ = self.watch.set(watch.clone());
        }
    }

    pub(super) fn is_observed(&self) -> bool {
        self.watch.get().is_some()
    }

    pub(super) fn tell(&self, change: ClusterChange, messages: usize) {
        if let Some(watch) = self.watch.get().filter(|_| messages > 0 || change.is_of_contact()) {
            let (messages, waiting) = (messages as u64, self.waiting());
            watch.tell(|| Event::Cluster(ClusterTraffic { change, messages, waiting }));
        }
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).len()
    }
}

impl BusListener for Shared {
    fn apply(&self, invalidation: &Invalidation) {
        self.apply_here(invalidation);
        self.tell(ClusterChange::Received, 1);
    }

    fn missed(&self) {
        self.tell(ClusterChange::Missed, 0);
        self.members().iter().for_each(|member| member.trusting().forget());
    }

    fn in_touch(&self, since: Instant) {
        self.members().iter().for_each(|member| member.trusting().renew_trust(since));
        #[cfg(feature = "redis")]
        if let Some(ledger) = &self.ledger {
            ledger.proved(since);
        }
        self.proved.send_replace(Some(since));
    }
}

fn is_recent(proved: Option<Instant>) -> bool {
    proved.is_some_and(|proved| proved.elapsed() < IN_TOUCH)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
