use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::ports::usage::{Record, Served};
use crate::types::credential::Credential;
use crate::types::user::UserInfo;

/// Bounds the memory of long load tests.
const CAPACITY: usize = 10_000;

/// Keeps usage records in memory, in place of a `StatsCollector`: for
/// [`AuthLayer::with_stats`](crate::AuthLayer::with_stats). Clones share the records.
///
/// ```
/// use aigc_auth::{AuthLayer, testing};
/// use axum::{Router, routing::get};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let usage = testing::UsageLog::new();
/// let users = testing::users([("t", testing::user("alice"))]);
/// let app: Router = Router::new()
///     .route("/me", get(|| async { "me" }))
///     .layer(AuthLayer::new(users).with_stats(usage.clone()));
/// let request = http::Request::get("/me?page=2").header("authorization", "Bearer t");
/// app.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
///
/// let [record] = &usage.records()[..] else { panic!("one record") };
/// assert_eq!((&*record.method, &*record.path, record.status), ("GET", "/me", 200));
/// assert_eq!(record.user.as_ref().unwrap().username(), "alice");
/// assert_eq!(record.fields["request_params"]["query_params"]["page"], "2");
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct UsageLog(Arc<Mutex<VecDeque<RecordedUsage>>>);

/// A usage record of a [`UsageLog`].
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedUsage {
    /// The method of the call.
    pub method: String,
    /// Its path; `scheme://host/path` of a call to another service.
    pub path: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Whose credential it is; `None` if it was not verified.
    pub user: Option<UserInfo>,
    /// What the call was made with. Without one, the auth center can bill nobody.
    pub credential: Option<Credential>,
    /// Whether a `StatsCollector` would report it: it has a credential, which is no service's, and is no redirect (3xx).
    pub is_billable: bool,
    /// The seven fields that the auth center receives.
    pub fields: Value,
}

impl UsageLog {
    /// Creates an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the latest 10,000 records, oldest first. A request is recorded before its answer is returned.
    pub fn records(&self) -> Vec<RecordedUsage> {
        self.lock().iter().cloned().collect()
    }

    /// Removes all records.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<RecordedUsage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record for UsageLog {
    fn record(&self, served: Box<dyn Served>) {
        let (status, credential) = (served.status(), served.credential().cloned());
        let is_billable = credential.is_some() && !served.is_of_service() && !matches!(status, 300..400);
        let record = served.into_record();
        let user = record.user().cloned();
        let fields = serde_json::to_value(&record).unwrap_or_default();
        let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        let (method, path) = (text("api_method"), text("api_path"));
        let recorded = RecordedUsage { method, path, status, user, credential, is_billable, fields };
        let mut records = self.lock();
        if records.len() == CAPACITY {
            records.pop_front();
        }
        records.push_back(recorded);
    }
}

impl fmt::Debug for RecordedUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As `ApiRecord`: the content of a request is not for logs.
        f.debug_struct("RecordedUsage")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("status", &self.status)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::usage::ApiRecord;

    #[test]
    fn over_capacity_the_oldest_is_dropped() {
        let log = UsageLog::new();
        log.record(Box::new(ApiRecord::new("GET", "/first")));
        for _ in 0..CAPACITY {
            log.record(Box::new(ApiRecord::new("POST", "/more").status(500)));
        }
        let records = log.records();
        assert_eq!((records.len(), &*records[0].path, records[0].status), (CAPACITY, "/more", 500));
        log.clear();
        assert!(log.records().is_empty());
    }

    #[test]
    fn what_a_collector_leaves_out_is_marked() {
        let credential = || Credential::new("hunter2").unwrap();
        let log = UsageLog::new();
        log.record(Box::new(ApiRecord::new("GET", "/a").credential(credential())));
        log.record(Box::new(ApiRecord::new("GET", "/b").credential(credential()).status(304)));
        log.record(Box::new(ApiRecord::new("GET", "/c")));
        let billable: Vec<bool> = log.records().iter().map(|record| record.is_billable).collect();
        assert_eq!(billable, [true, false, false]);
        assert!(!format!("{log:?}").contains("hunter2"));
    }
}
