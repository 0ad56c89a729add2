use std::time::Duration;

use tokio::task::{Id, JoinError};
use tokio::time::Instant;

use super::outage::Outage;
use super::reporter::Reporter;
use crate::services::stats::batch::Batch;
use crate::services::stats::delivery::Deliver;
use crate::services::stats::store::Store;
use crate::upstream::api_client::SendError;

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// How many different causes are logged at most.
    const MAX_LOGGED_CAUSES: usize = 32;
    /// How often a batch from the store is tried before it moves to the store's end.
    const ATTEMPTS_BEFORE_REQUEUE: u32 = 5;

    /// Queues a batch that is in memory only.
    pub(super) fn enqueue(&mut self, batch: Batch) {
        self.unsettled.insert(batch.number);
        self.retry_queue.push(batch);
    }

    /// Starts to send batches, up to the limit of calls in flight.
    pub(super) fn send_batches(&mut self) {
        let limit = match &self.outage {
            None => self.settings.max_in_flight,
            Some(outage) if outage.is_attempt_due() => 1,
            Some(_) => 0,
        };
        while self.sends.len() < limit
            && let Some(batch) = self.retry_queue.pop()
        {
            let (deliver, sent) = (self.deliver.clone(), batch.clone());
            let task = self.sends.spawn(async move { deliver.deliver(&sent).await });
            self.in_flight.insert(task.id(), batch);
        }
    }

    /// Returns when the next attempt of an outage is due, if there is a batch for it.
    pub(super) fn next_attempt(&self) -> Option<Instant> {
        let has_batches = !self.retry_queue.is_empty() || self.store_has_more;
        let outage = self.outage.as_ref().filter(|_| self.sends.is_empty() && has_batches)?;
        Some(outage.next_attempt)
    }

    /// Settles or retries a batch, by the outcome of its attempt.
    pub(super) async fn on_sent(&mut self, sent: Result<(Id, Result<(), SendError>), JoinError>) {
        let (id, outcome) = match sent {
            Ok((id, outcome)) => (id, Some(outcome)),
            Err(error) => (error.id(), None),
        };
        let Some(batch) = self.in_flight.remove(&id) else { return };
        match outcome {
            Some(Ok(())) => {
                self.outage = None;
                self.counters.add_delivered(batch.records);
                self.discard(batch, false).await;
            }
            Some(Err(SendError::Permanent(error, _))) => {
                // A rejection is an answer: the auth center is available.
                self.outage = None;
                self.counters.add_dead_lettered(batch.records);
                self.log_cause(error.to_string());
                self.discard(batch, true).await;
            }
            Some(Err(SendError::Transient(error, retry_after))) => {
                if self.warn_throttle.is_due() {
                    tracing::warn!(%error, "cannot deliver usage records; will retry");
                }
                self.retry_later(batch, retry_after).await;
            }
            // The task panicked. The batch may have arrived; its idempotency key prevents a second count.
            None => self.retry_later(batch, None).await,
        }
    }

    /// Removes a batch that was delivered or rejected permanently.
    async fn discard(&mut self, batch: Batch, is_rejected: bool) {
        self.unsettled.remove(&batch.number);
        if batch.spooled {
            self.counters.remove_spooled(batch.records);
            let number = batch.number;
            if is_rejected && let Some(window) = &mut self.window {
                window.rejected.push(batch);
            }
            self.settle_stored(number).await;
        }
    }

    async fn retry_later(&mut self, mut batch: Batch, retry_after: Option<Duration>) {
        batch.attempts += 1;
        match &mut self.window {
            Some(window) if batch.spooled && batch.attempts >= Self::ATTEMPTS_BEFORE_REQUEUE => {
                let number = batch.number;
                window.requeue.push(batch);
                self.settle_stored(number).await;
            }
            _ => self.retry_queue.push(batch),
        }
        self.outage.get_or_insert_with(Outage::new).record_failure(retry_after);
    }

    /// Logs why records were dead-lettered, once per cause.
    pub(super) fn log_cause(&mut self, cause: String) {
        if self.logged_causes.len() < Self::MAX_LOGGED_CAUSES && !self.logged_causes.contains(&cause) {
            tracing::error!(cause, "usage records dead-lettered; they are not retried");
            self.logged_causes.insert(cause);
        }
    }
}
