use std::sync::Arc;
use std::time::Duration;

use super::identity::Identity;
use super::in_memory::InMemoryReplays;
use super::lease::Lease;
use super::memory::Memory;
use crate::ports::replay_memory::DynReplayMemory;
use crate::util::clock::Clock;

/// Asks a memory whether events were handled. A memory that fails or hangs holds no event up: it is handled, perhaps twice.
pub(crate) struct Replays {
    memory: Arc<Memory>,
    /// Whether other endpoints use the memory, too. In one endpoint, single flight keeps the runs of an event apart.
    is_shared: bool,
    window: Duration,
}

/// What is known of an event when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was not handled within the window, as far as is known.
    New,
    /// It was handled.
    Handled,
    /// It has no id, and another event of its user came last: it is no copy of an event with the same bytes whose handler
    /// still runs.
    Overtaking,
}

/// Whether the handler may run.
pub(crate) enum Claim {
    /// With the lease, which is to be held while it runs, if other processes use the memory.
    Granted(Option<Lease>),
    /// The event was handled.
    Replay,
    /// Another process is handling the event.
    Busy,
}

impl Replays {
    pub(crate) fn new(shared: Option<Arc<dyn DynReplayMemory>>, window: Duration, clock: &Clock) -> Self {
        let is_shared = shared.is_some();
        let port = shared.unwrap_or_else(|| Arc::new(InMemoryReplays::with_clock(clock.clone())));
        Self { memory: Arc::new(Memory::new(port, clock)), is_shared, window }
    }

    /// Asks what is known of the event.
    pub(crate) async fn look_up(&self, event: &Identity) -> Seen {
        if self.window.is_zero() {
            return Seen::New;
        }
        let keys = event.id.as_ref().map_or(&*event.latest, std::slice::from_ref);
        let Some(values) = self.memory.get(keys).await else { return Seen::New };
        let is_known = |value: &Option<_>| match event.id {
            Some(_) => value.is_some(),
            None => *value == Some(event.handled),
        };
        let is_others = |value: &_| *value != event.handled && *value != event.started;
        if !values.is_empty() && values.len() == keys.len() && values.iter().all(is_known) {
            Seen::Handled
        } else if event.id.is_none() && values.iter().flatten().any(is_others) {
            Seen::Overtaking
        } else {
            Seen::New
        }
    }

    async fn contains(&self, event: &Identity) -> bool {
        self.look_up(event).await == Seen::Handled
    }

    /// Notes that the handler is to run. From here on, no earlier event of the same user counts as handled: whether this run
    /// succeeds or not, it may change the user.
    pub(crate) async fn begin(&self, event: &Identity) -> Claim {
        let lease = if self.is_shared {
            let Some(lease) = Lease::claim(&self.memory, event.run).await else {
                return if self.contains(event).await { Claim::Replay } else { Claim::Busy };
            };
            Some(lease)
        } else {
            None
        };
        // Asked again: another run may have ended since the event came.
        if self.contains(event).await {
            release(lease).await;
            return Claim::Replay;
        }
        let started: Vec<_> = event.latest.iter().map(|key| (*key, event.started)).collect();
        if !self.window.is_zero() && !started.is_empty() {
            self.memory.set(&started, self.window).await;
        }
        Claim::Granted(lease)
    }

    /// Notes that the handler has ended. If it `may_repeat`, only an event of the same `webhook-id` counts as a repetition.
    pub(crate) async fn end(
        &self,
        event: &Identity,
        lease: Option<Lease>,
        was_handled: bool,
        may_repeat: bool,
    ) {
        if was_handled && !self.window.is_zero() {
            let values = self.memory.get(&event.latest).await.unwrap_or_default();
            let mut handled: Vec<_> = event.id.iter().map(|id| (*id, event.handled)).collect();
            // Where another event of the user has started meanwhile, it is not known which of them was last.
            let is_own = |value| value == Some(event.started) && !may_repeat;
            let own = event.latest.iter().zip(values).filter(|(_, value)| is_own(*value));
            handled.extend(own.map(|(key, _)| (*key, event.handled)));
            if !handled.is_empty() {
                self.memory.set(&handled, self.window).await;
            }
        }
        release(lease).await;
    }
}

async fn release(lease: Option<Lease>) {
    if let Some(lease) = lease {
        lease.release().await;
    }
}
