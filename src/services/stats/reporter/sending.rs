use std::time::Duration;

use tokio::task::{Id, JoinError};
use tokio::time::Instant;

use super::outage::Outage;
use super::reporter::Reporter;
use crate::services::stats::batch::Batch;
use crate::services::stats::delivery::Deliver;
use crate::services::stats::lane::Lane;
use crate::services::stats::reduction::reduce;
use crate::services::stats::store::{Refused, Store};
use crate::upstream::api_client::SendError;

impl<D: Deliver, S: Store> Reporter<D, S> {
    /// How many different causes are logged at most.
    const MAX_LOGGED_CAUSES: usize = 32;
    /// The HTTP status, or the code of the same meaning, of a body that is too large.
    const TOO_LARGE: u16 = 413;
    /// How often a batch from the store is tried before it moves to the store's end.
    const ATTEMPTS_BEFORE_REQUEUE: u32 = 5;

    /// Queues a batch that is in memory only.
    pub(super) fn enqueue(&mut self, batch: Batch) {
        self.unsettled.insert(batch.position);
        self.lanes[batch.lane].retry_queue.push(batch);
    }

    /// Starts to send batches, up to the limit of calls in flight.
    pub(super) fn send_batches(&mut self) {
        while let Some(batch) = self.next_batch() {
            let (deliver, sent) = (self.deliver.clone(), batch.clone());
            let task = self.sends.spawn(async move { deliver.deliver(&sent).await });
            self.in_flight.insert(task.id(), batch);
        }
    }

    /// Removes the batch that is sent next: the others' only while no batch of verified users waits.
    fn next_batch(&mut self) -> Option<Batch> {
        let lane = Lane::ALL.into_iter().find(|lane| !self.lanes[*lane].retry_queue.is_empty())?;
        let limit = match (&self.lanes[lane].outage, lane) {
            (None, Lane::Verified) => self.settings.max_in_flight,
            (None, Lane::Unverified) => 1,
            (Some(outage), _) => usize::from(outage.is_attempt_due()),
        };
        let has_turn = self.has_free_call() && self.in_flight_of(lane).count() < limit;
        if has_turn { self.lanes[lane].retry_queue.pop() } else { None }
    }

    fn has_free_call(&self) -> bool {
        self.sends.len() < self.settings.max_in_flight
    }

    /// Returns when the next attempt of an outage is due, if there is a batch that may be sent then.
    pub(super) fn next_attempt(&self) -> Option<Instant> {
        let verified = &self.lanes[Lane::Verified];
        let is_next = |lane: &Lane| {
            let has_turn = *lane == Lane::Verified || verified.retry_queue.is_empty();
            has_turn && self.has_free_call() && self.in_flight_of(*lane).next().is_none()
        };
        Lane::ALL.into_iter().filter(is_next).filter_map(|lane| self.lanes[lane].next_attempt()).min()
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
                self.end_outage(batch.lane);
                self.counters.add_delivered(batch.records);
                self.discard(batch, None).await;
            }
            Some(Err(SendError::Permanent(error, code))) => {
                // A rejection is an answer: the auth center is available.
                self.end_outage(batch.lane);
                let parts = if code == Self::TOO_LARGE { reduce(&batch) } else { Vec::new() };
                if parts.is_empty() {
                    self.counters.add_dead_lettered(batch.records);
                    let reason = error.to_string();
                    self.log_cause(reason.clone());
                    self.discard(batch, Some((code, reason))).await;
                } else {
                    self.replace(batch, parts).await;
                }
            }
            Some(Err(SendError::Transient(error, retry_after))) => {
                let (is_logged, lane) = (self.warn_throttle.is_due(), batch.lane);
                if is_logged {
                    tracing::warn!(%error, "cannot deliver usage records; will retry");
                }
                self.retry_later(batch, retry_after).await;
                if let Some(outage) = &mut self.lanes[lane].outage {
                    outage.is_logged |= is_logged;
                }
            }
            // The task panicked. The batch may have arrived; its idempotency key prevents a second count.
            None => self.retry_later(batch, None).await,
        }
    }

    /// Ends the outage of a lane after an answer. What others send says nothing of an outage for verified users, and the
    /// other way round: a failure may be due to the content.
    fn end_outage(&mut self, lane: Lane) {
        if let Some(outage) = self.lanes[lane].outage.take()
            && outage.is_logged
        {
            tracing::info!(outage = ?outage.started.elapsed(), "the auth center takes usage records again");
        }
    }

    /// Sends its parts in place of a batch that was too large.
    async fn replace(&mut self, batch: Batch, parts: Vec<Batch>) {
        if self.warn_throttle.is_due() {
            let (records, bytes) = (batch.records, batch.body.len());
            tracing::warn!(
                records,
                bytes,
                "usage records were too large for one call (413); will send less at a time"
            );
        }
        match &mut self.lanes[batch.lane].window {
            // On disk before any of them is sent: after a restart, only the parts may be sent again.
            Some(window) if batch.spooled => {
                window.requeue.extend(parts);
                self.settle_stored(batch.lane, batch.position).await;
            }
            _ => {
                parts.into_iter().for_each(|part| self.enqueue(part));
                self.unsettled.remove(&batch.position);
            }
        }
    }

    /// Removes a batch that was delivered, or rejected permanently by this code, for this reason.
    async fn discard(&mut self, batch: Batch, refusal: Option<(u16, String)>) {
        self.unsettled.remove(&batch.position);
        let (lane, position, is_spooled) = (batch.lane, batch.position, batch.spooled);
        if is_spooled {
            self.counters.remove_spooled(batch.records);
        }
        if let Some((code, reason)) = refusal {
            let refused = Refused { batch, code, reason };
            match &mut self.lanes[lane].window {
                Some(window) if is_spooled => window.refused.push(refused),
                _ => {
                    let unkept = self.store.keep(refused).await;
                    self.counters.drop_dead_lettered(unkept);
                }
            }
        }
        if is_spooled {
            self.settle_stored(lane, position).await;
        }
    }

    async fn retry_later(&mut self, mut batch: Batch, retry_after: Option<Duration>) {
        let lane = batch.lane;
        batch.attempts += 1;
        self.counters.tell_retried(batch.records);
        self.lanes[lane].outage.get_or_insert_with(Outage::new).record_failure(retry_after);
        match &mut self.lanes[lane].window {
            Some(window) if batch.spooled && batch.attempts >= Self::ATTEMPTS_BEFORE_REQUEUE => {
                let position = batch.position;
                window.requeue.push(batch);
                self.settle_stored(lane, position).await;
            }
            _ => self.lanes[lane].retry_queue.push(batch),
        }
    }

    /// Logs why records were dead-lettered, once per cause.
    pub(super) fn log_cause(&mut self, cause: String) {
        if self.logged_causes.len() < Self::MAX_LOGGED_CAUSES && !self.logged_causes.contains(&cause) {
            tracing::error!(cause, "usage records dead-lettered; they are not retried");
            self.logged_causes.insert(cause);
        }
    }
}
