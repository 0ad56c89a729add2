//! The two tasks of a cluster: one publishes, the other listens.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{self, join_all};

use super::shared::Shared;
use crate::ports::invalidation_bus::{BusError, DynBus};
use crate::ports::observer::ClusterChange;
use crate::util::backoff::Backoff;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A bus that lasted less counts as a failed try.
const LASTING: Duration = Duration::from_secs(1);
/// So many are published at a time.
const BATCH: usize = 64;
/// How long one may take.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the trust of caches is looked at that no request looks at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a replica may take to be in touch for the first time, before that is told.
const START: Duration = Duration::from_secs(5);
const WARN_EVERY: Duration = Duration::from_secs(30);

/// Publishes what is queued, and keeps it until it is sent.
pub(super) async fn publish(shared: Arc<Shared>, bus: Arc<dyn DynBus>) {
    let warnings = LogThrottle::new(Clock::default(), WARN_EVERY);
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let batch = shared.next(BATCH).await;
        let sending = batch.iter().map(|(_, invalidation)| async {
            let publishing = AssertUnwindSafe(async { bus.publish(invalidation).await }).catch_unwind();
            match tokio::time::timeout(PUBLISH_TIMEOUT, publishing).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(BusError::from("the bus panicked")),
                Err(_) => Err(BusError::from("the bus did not answer in time")),
            }
        });
        let results = join_all(sending).await;
        let failure = results.iter().find_map(|result| result.as_ref().err()).map(|error| error.to_string());
        let is_unsent = results.iter().map(Result::is_err);
        let unsent = batch
            .into_iter()
            .zip(is_unsent)
            .filter_map(|(numbered, is_unsent)| is_unsent.then_some(numbered));
        let unsent: Vec<_> = unsent.collect();
        let (lost, sent) = (unsent.len(), results.len() - unsent.len());
        shared.sent(unsent, failure.as_deref().map(Into::into));
        shared.tell(ClusterChange::Sent, sent);
        shared.tell(ClusterChange::SendFailed, lost);
        match failure {
            None => backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            Some(error) => {
                if warnings.is_due() {
                    let waiting = shared.waiting();
                    tracing::warn!(
                        error,
                        waiting,
                        "invalidations are not told to other replicas; they are sent again"
                    );
                }
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}

/// Listens, again and again, and looks after the trust of the caches meanwhile.
pub(super) async fn listen(shared: Arc<Shared>, bus: Arc<dyn DynBus>) {
    let (listening, looking) = (std::pin::pin!(listen_again(&shared, &*bus)), std::pin::pin!(look(&shared)));
    future::select(listening, looking).await;
}

async fn listen_again(shared: &Shared, bus: &dyn DynBus) {
    let warnings = LogThrottle::new(Clock::default(), WARN_EVERY);
    let fresh = || Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut backoff = fresh();
    loop {
        let started = Instant::now();
        let listening = AssertUnwindSafe(async { bus.listen(shared).await }).catch_unwind();
        let error = listening.await.unwrap_or_else(|_| BusError::from("the bus panicked"));
        shared.lost();
        if warnings.is_due() {
            tracing::warn!(%error, "not listening to other replicas; the bus is tried again");
        }
        if started.elapsed() >= LASTING {
            backoff = fresh();
        }
        tokio::time::sleep(backoff.pause()).await;
    }
}

async fn look(shared: &Shared) {
    let (mut was_in_touch, mut told, started) = (None, None, Instant::now());
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        shared.check_trust();
        let is_in_touch = shared.is_in_touch();
        // Out of touch at the start is no separation, unless it stays so.
        let is_starting = told.is_none() && !is_in_touch && started.elapsed() < START;
        if shared.is_observed() && told != Some(is_in_touch) && !is_starting {
            let change = if is_in_touch { ClusterChange::Joined } else { ClusterChange::Separated };
            shared.tell(change, 0);
            told = Some(is_in_touch);
        }
        match was_in_touch.replace(is_in_touch) {
            Some(true) if !is_in_touch => {
                tracing::warn!(
                    "out of touch with other replicas: what they invalidate may not be known here"
                );
            }
            Some(false) if is_in_touch => tracing::info!("in touch with other replicas again"),
            _ => {}
        }
    }
}
