//! A service whose requests are recorded, and the reports that its center receives.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::AuthLayer;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::{AuthCenter, RecordedRequest};
use serde_json::Value;

use crate::support::{self, Answer, center, until};

/// For what is done at once, on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

const ENDPOINT: &str = "/stats/report/batch";

pub(crate) struct Rig {
    pub(crate) center: AuthCenter,
    pub(crate) stats: StatsCollector,
    /// How many reports were looked at already.
    seen: Cell<usize>,
}

/// A record, and the credential that it came with.
pub(crate) type Sent = (String, Value);

impl Rig {
    pub(crate) async fn new() -> Self {
        let center = center().await;
        let stats = StatsCollector::start(&support::client(&center));
        Self { center, stats, seen: Cell::new(0) }
    }

    /// The layer of a service that trusts the center, and is recorded.
    pub(crate) fn auth(&self) -> AuthLayer {
        support::auth(&self.center).with_stats(self.stats.clone())
    }

    /// The reports that arrived at the center so far.
    pub(crate) fn reports(&self) -> Vec<RecordedRequest> {
        self.center.requests().into_iter().filter(|request| request.endpoint == ENDPOINT).collect()
    }

    /// What was recorded since the last look, once the center has it.
    pub(crate) async fn sent(&self) -> Vec<Sent> {
        let counts = self.stats.flush(SOON).await;
        assert_eq!((counts.pending, counts.dead_lettered, counts.dropped), (0, 0, 0), "{counts:?}");
        let reports = self.reports();
        let news = reports.iter().skip(self.seen.replace(reports.len()));
        news.flat_map(|report| {
            let credential = report.headers["authorization"].to_str().unwrap();
            let credential = credential.strip_prefix("Bearer ").unwrap().to_owned();
            let records = report.body["stats"].as_array().unwrap().clone();
            records.into_iter().map(move |record| (credential.clone(), record))
        })
        .collect()
    }

    /// As [`Rig::sent`], without the credentials.
    pub(crate) async fn records(&self) -> Vec<Value> {
        self.sent().await.into_iter().map(|(_, record)| record).collect()
    }

    /// The only record since the last look.
    #[track_caller]
    pub(crate) fn one(&self) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let mut records = self.records().await;
            assert_eq!(records.len(), 1, "{caller}: {records:#?}");
            records.remove(0)
        }
    }

    /// Waits for a record that comes without the caller's doing; after it, as [`Rig::one`].
    pub(crate) async fn next(&self) -> Value {
        let before = self.records_so_far();
        until("a record", || self.stats.snapshot().recorded > before).await;
        self.one().await
    }

    /// How many were looked at.
    pub(crate) fn records_so_far(&self) -> u64 {
        let seen = self.reports().into_iter().take(self.seen.get());
        seen.map(|report| report.body["stats"].as_array().map_or(0, Vec::len) as u64).sum()
    }
}

/// What a record says of how its request ended.
pub(crate) fn ending(record: &Value) -> (u64, Option<&str>) {
    (record["status_code"].as_u64().unwrap(), record["error_message"].as_str())
}

/// A `POST` by alice of a body of this type, its length announced.
pub(crate) async fn post(address: SocketAddr, target: &str, content_type: &str, body: &[u8]) -> Answer {
    let headers = [("authorization", "Bearer alice-token"), ("content-type", content_type)];
    support::post(address, target, &headers, body).await
}
