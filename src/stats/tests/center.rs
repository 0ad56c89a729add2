//! An auth center of the tests' own making, and the way to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::credential::Credential;
use crate::error::{AuthError, ErrorKind};
use crate::record::ApiRecord;
use crate::stats::batch::Batch;
use crate::stats::collector::{StatsBuilder, StatsCollector};
use crate::stats::deliver::Deliver;
use crate::transport::Unreported;

/// What a call meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::stats) enum Fate {
    Accepted,
    /// It arrives, but its answer is lost.
    AnswerLost,
    Failing,
    /// Failing, and asking for a pause of so many seconds.
    Wait(u64),
    Refused,
    /// No answer until the caller gives up.
    Silent,
    Panics,
}

#[derive(Default)]
pub(in crate::stats) struct Center {
    /// By idempotency key: the records, as they were first accepted.
    pub(in crate::stats) accepted: Mutex<HashMap<String, Vec<Value>>>,
    calls: Mutex<Vec<Call>>,
}

#[derive(Clone)]
pub(in crate::stats) struct Call {
    pub(in crate::stats) at: Instant,
    pub(in crate::stats) authorization: String,
    pub(in crate::stats) key: String,
    pub(in crate::stats) body: String,
}

/// The center as a collector reaches it. The fate of a call depends on the time, and on the calls so far.
#[derive(Clone)]
pub(in crate::stats) struct Way {
    pub(in crate::stats) center: Arc<Center>,
    pub(in crate::stats) fate: Arc<Decide>,
    pub(in crate::stats) takes: Duration,
}

pub(in crate::stats) type Decide = dyn Fn(&Call, usize) -> Fate + Send + Sync;

impl Deliver for Way {
    async fn deliver(&self, batch: &Batch) -> Result<(), Unreported> {
        let call = Call {
            at: Instant::now(),
            authorization: batch.authorization.to_str().unwrap().to_owned(),
            key: batch.key.clone(),
            body: String::from_utf8(batch.body.to_vec()).unwrap(),
        };
        let nth = {
            let mut calls = lock(&self.center.calls);
            calls.push(call.clone());
            calls.len() - 1
        };
        let fate = (self.fate)(&call, nth);
        sleep(self.takes).await;
        let unavailable = || AuthError::new(ErrorKind::Unavailable);
        match fate {
            Fate::Accepted | Fate::AnswerLost => {
                let body: Value = serde_json::from_str(&call.body).unwrap();
                let records = body["stats"].as_array().unwrap().clone();
                assert_eq!(records.len() as u64, batch.records);
                let mut accepted = lock(&self.center.accepted);
                let first = accepted.entry(call.key).or_insert_with(|| records.clone());
                assert_eq!(*first, records, "a batch keeps its content");
                match fate {
                    Fate::Accepted => Ok(()),
                    _ => Err(Unreported::ForNow(unavailable(), None)),
                }
            }
            Fate::Failing => Err(Unreported::ForNow(unavailable(), None)),
            Fate::Wait(seconds) => Err(Unreported::ForNow(unavailable(), Some(Duration::from_secs(seconds)))),
            Fate::Refused => {
                Err(Unreported::ForGood(AuthError::new(ErrorKind::Rejected).with_code(400), 400))
            }
            Fate::Silent => {
                sleep(Duration::from_secs(5)).await;
                Err(Unreported::ForNow(unavailable(), None))
            }
            Fate::Panics => panic!("on the way to the center"),
        }
    }
}

impl Center {
    /// How often each path was accepted, batches that came twice counted once.
    pub(in crate::stats) fn paths(&self) -> HashMap<String, usize> {
        let mut paths = HashMap::new();
        for record in lock(&self.accepted).values().flatten() {
            *paths.entry(record["api_path"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        paths
    }

    pub(in crate::stats) fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }
}

pub(in crate::stats) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(in crate::stats) fn start(
    builder: StatsBuilder,
    fate: impl Fn(&Call, usize) -> Fate + Send + Sync + 'static,
) -> (StatsCollector, Arc<Center>) {
    let center = Arc::<Center>::default();
    let way = Way { center: center.clone(), fate: Arc::new(fate), takes: Duration::from_millis(20) };
    (builder.start_with(way), center)
}

pub(in crate::stats) fn record(token: &str, n: usize) -> ApiRecord {
    ApiRecord::new("GET", format!("/{n}")).credential(Credential::new(token).unwrap())
}
