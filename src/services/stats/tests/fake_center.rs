//! A fake auth center for the unit tests, and its delivery port.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::ports::observer::Watch;
use crate::ports::usage::ApiRecord;
use crate::services::stats::batch::Batch;
use crate::services::stats::builder::StatsCollectorBuilder;
use crate::services::stats::collector::StatsCollector;
use crate::services::stats::delivery::Deliver;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::api_client::SendError;

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Accepted,
    /// The batch is accepted, but the response is lost.
    ResponseLost,
    Unavailable,
    /// Unavailable, with a `Retry-After` of so many seconds.
    RetryAfter(u64),
    Rejected,
    /// The body is too large.
    TooLarge,
    /// No response until the caller times out.
    TimesOut,
    Panics,
}

#[derive(Default)]
pub(crate) struct FakeCenter {
    /// The records as first accepted, by idempotency key.
    pub(crate) accepted: Mutex<HashMap<String, Vec<Value>>>,
    calls: Mutex<Vec<Call>>,
}

#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) at: Instant,
    pub(crate) authorization: String,
    pub(crate) idempotency_key: String,
    pub(crate) body: String,
}

/// Delivers to the fake center. The outcome of a call depends on the call and on the number of calls before it.
#[derive(Clone)]
pub(crate) struct FakeDelivery {
    pub(crate) center: Arc<FakeCenter>,
    pub(crate) outcome: Arc<Decide>,
    pub(crate) latency: Duration,
}

pub(crate) type Decide = dyn Fn(&Call, usize) -> Outcome + Send + Sync;

impl Deliver for FakeDelivery {
    async fn deliver(&self, batch: &Batch) -> Result<(), SendError> {
        let call = Call {
            at: Instant::now(),
            authorization: batch.authorization.to_str().unwrap().to_owned(),
            idempotency_key: batch.idempotency_key.clone(),
            body: String::from_utf8(batch.body.to_vec()).unwrap(),
        };
        let nth = {
            let mut calls = lock(&self.center.calls);
            calls.push(call.clone());
            calls.len() - 1
        };
        let outcome = (self.outcome)(&call, nth);
        sleep(self.latency).await;
        let unavailable = || AuthError::new(ErrorKind::Unavailable);
        match outcome {
            Outcome::Accepted | Outcome::ResponseLost => {
                let body: Value = serde_json::from_str(&call.body).unwrap();
                let records = body["stats"].as_array().unwrap().clone();
                assert_eq!(records.len() as u64, batch.records);
                let mut accepted = lock(&self.center.accepted);
                let first = accepted.entry(call.idempotency_key).or_insert_with(|| records.clone());
                assert_eq!(*first, records, "content changed between attempts");
                match outcome {
                    Outcome::Accepted => Ok(()),
                    _ => Err(SendError::Transient(unavailable(), None)),
                }
            }
            Outcome::Unavailable => Err(SendError::Transient(unavailable(), None)),
            Outcome::RetryAfter(seconds) => {
                Err(SendError::Transient(unavailable(), Some(Duration::from_secs(seconds))))
            }
            Outcome::Rejected => {
                Err(SendError::Permanent(AuthError::new(ErrorKind::Rejected).with_code(400), 400))
            }
            Outcome::TooLarge => Err(SendError::Permanent(unavailable(), 413)),
            Outcome::TimesOut => {
                sleep(Duration::from_secs(5)).await;
                Err(SendError::Transient(unavailable(), None))
            }
            Outcome::Panics => panic!("delivery panics"),
        }
    }
}

impl FakeCenter {
    /// Returns how often each path was accepted. A repeated batch counts once.
    pub(crate) fn paths(&self) -> HashMap<String, usize> {
        let mut paths = HashMap::new();
        for record in lock(&self.accepted).values().flatten() {
            *paths.entry(record["api_path"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        paths
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn start(
    builder: StatsCollectorBuilder,
    outcome: impl Fn(&Call, usize) -> Outcome + Send + Sync + 'static,
) -> (StatsCollector, Arc<FakeCenter>) {
    let center = Arc::<FakeCenter>::default();
    let deliver = FakeDelivery {
        center: center.clone(),
        outcome: Arc::new(outcome),
        latency: Duration::from_millis(20),
    };
    (builder.start_with(deliver, Watch::default()), center)
}

pub(crate) fn record(token: &str, n: usize) -> ApiRecord {
    ApiRecord::new("GET", format!("/{n}")).credential(Credential::new(token).unwrap())
}
