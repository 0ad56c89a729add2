use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use metrics::{Recorder, counter, gauge, histogram};

use super::breakers::set_breaker;
use super::catalog::{
    ACT_AS, CALL_ATTEMPTS, CALL_SECONDS, CALL_WAIT_SECONDS, CALLS, CLUSTER_CHANGES, CLUSTER_JOINED,
    CLUSTER_MESSAGES, LAST_HEARTBEAT, LOOKUP_ERRORS, LOOKUP_SECONDS, LOOKUPS, OUTAGE_SECONDS, OUTAGES,
    REFRESHES, REFUSALS, REGISTERED, REGISTRY, USAGE_DROPPED, USAGE_RECORDS, USER_SYNC, WEBHOOK_SECONDS,
    WEBHOOKS, describe,
};
use super::family::{Family, is_recorded};
use crate::ports::observer::{
    Breaker, Call, ClusterChange, ClusterTraffic, DropReason, Event, LookedUp, Lookup, LookupAnswer,
    Observer, Refused, Registry, RegistryChange, Usage, UsageOutcome, VerifierKind, Webhook,
};
use crate::types::error::ErrorKind;

/// Records every event in metrics of the crate `metrics`, which exporters read, such as `metrics-exporter-prometheus`.
///
/// Install the recorder of your exporter first: what happens before is not counted. [`recording_to`](Self::recording_to) takes a
/// recorder of its own in place of the global one.
///
/// Every label has a fixed set of values, so that no caller can make series: there are no users, paths or tokens in them. The
/// names are listed in the guide [`metrics`](crate::_guide::metrics).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use aigc_auth::AuthClient;
/// use aigc_auth::metrics::{MetricsObserver, SECONDS_BUCKETS};
/// use aigc_auth::observer::VerifierKind;
/// use axum::{Router, routing::get};
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// let prometheus = PrometheusBuilder::new().set_buckets(SECONDS_BUCKETS)?.install_recorder()?;
/// let metrics = Arc::new(MetricsObserver::new());
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth")
///     .observer(metrics.clone())
///     .build()?;
/// // Merge it below no `AuthLayer`, and not where the public reaches it.
/// let scraped: Router = Router::new().route(
///     "/metrics",
///     get(move || async move {
///         metrics.set_snapshot(VerifierKind::AuthCenter, &client.snapshot());
///         prometheus.render()
///     }),
/// );
/// # Ok(()) }
/// ```
pub struct MetricsObserver {
    recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    lookups: Family,
    /// Whether the recorder knows what every metric is.
    is_described: AtomicBool,
    /// Whether the auth center has taken a registration or a heartbeat.
    was_registered: AtomicBool,
}

impl MetricsObserver {
    /// Records to the global recorder, which an exporter has installed before.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// Records to this recorder.
    pub fn recording_to(recorder: impl Recorder + Send + Sync + 'static) -> Self {
        Self::with(Some(Arc::new(recorder)))
    }

    fn with(recorder: Option<Arc<dyn Recorder + Send + Sync>>) -> Self {
        let lookups = VerifierKind::ALL.len() * LookedUp::ALL.len() * LookupAnswer::ALL.len();
        let observer = Self {
            recorder,
            lookups: Family::of(lookups),
            is_described: AtomicBool::new(false),
            was_registered: AtomicBool::new(false),
        };
        observer.recording(introduce);
        observer
    }

    pub(super) fn recording(&self, record: impl FnOnce()) {
        let record = || {
            // Again for a recorder that has come since.
            if !self.is_described.load(Ordering::Relaxed) && is_recorded() {
                self.is_described.store(true, Ordering::Relaxed);
                introduce();
            }
            record();
        };
        match &self.recorder {
            Some(recorder) => metrics::with_local_recorder(&**recorder, record),
            None => record(),
        }
    }

    fn registry(&self, registry: &Registry) {
        counter!(REGISTRY, "change" => registry.change.as_str()).increment(1);
        match registry.change {
            RegistryChange::Registered | RegistryChange::Heartbeat => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                self.was_registered.store(true, Ordering::Relaxed);
                gauge!(LAST_HEARTBEAT).set(now.as_secs_f64());
                gauge!(REGISTERED).set(1.0);
            }
            RegistryChange::Unregistered => gauge!(REGISTERED).set(0.0),
            // Said, for no alert fires of a series that is not there.
            RegistryChange::Failed if !self.was_registered.load(Ordering::Relaxed) => {
                gauge!(REGISTERED).set(0.0);
            }
            RegistryChange::Failed | RegistryChange::ConfigChanged => {}
        }
    }

    fn lookup(&self, lookup: &Lookup) {
        let Lookup { verifier, what, answer, error, took, .. } = *lookup;
        // In the order of their declaration, as `ALL` has them.
        let kind = verifier as usize * LookedUp::ALL.len() + what as usize;
        self.lookups.count(kind * LookupAnswer::ALL.len() + answer as usize, || {
            counter!(LOOKUPS, "verifier" => verifier.as_str(), "about" => what.as_str(), "answer" => answer.as_str())
        });
        if let Some(error) = error {
            let (verifier, about) = (verifier.as_str(), what.as_str());
            counter!(LOOKUP_ERRORS, "verifier" => verifier, "about" => about, "error" => error.as_str())
                .increment(1);
        }
        if !matches!(answer, LookupAnswer::Hit | LookupAnswer::Negative | LookupAnswer::Paused) {
            histogram!(LOOKUP_SECONDS, "verifier" => verifier.as_str(), "answer" => answer.as_str())
                .record(took.as_secs_f64());
        }
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").field("is_global", &self.recorder.is_none()).finish_non_exhaustive()
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &Event) {
        self.recording(|| match event {
            Event::Lookup(lookup) => self.lookup(lookup),
            Event::Refresh(refresh) => {
                let (verifier, about) = (refresh.verifier.as_str(), refresh.what.as_str());
                let error = name_of(refresh.error);
                counter!(REFRESHES, "verifier" => verifier, "about" => about, "error" => error).increment(1);
            }
            Event::Call(call) => record_call(call),
            Event::Breaker(breaker) => record_breaker(breaker),
            Event::Refused(Refused { kind, by, seen, .. }) => {
                counter!(REFUSALS, "error" => kind.as_str(), "by" => by.as_str(), "seen" => seen.as_str())
                    .increment(1);
            }
            Event::ActAs(act_as) => counter!(ACT_AS, "error" => name_of(act_as.error)).increment(1),
            Event::Usage(usage) => record_usage(usage),
            Event::Webhook(webhook) => record_webhook(webhook),
            Event::UserSync(sync) => {
                counter!(USER_SYNC, "outcome" => sync.outcome.as_str()).increment(sync.users);
            }
            Event::Registry(registry) => self.registry(registry),
            Event::Cluster(cluster) => record_cluster(cluster),
        });
    }
}

/// Describes all metrics, and starts those that alerts ask for: a counter that appears with its first event has not risen, as
/// Prometheus sees it, and no alert would be told of that one.
fn introduce() {
    describe();
    for outcome in UsageOutcome::ALL {
        counter!(USAGE_RECORDS, "outcome" => outcome.as_str()).increment(0);
    }
    for reason in DropReason::ALL {
        counter!(USAGE_DROPPED, "reason" => reason.as_str()).increment(0);
    }
}

fn name_of(error: Option<ErrorKind>) -> &'static str {
    error.map_or("none", ErrorKind::as_str)
}

fn record_call(call: &Call) {
    let endpoint = call.endpoint;
    counter!(CALLS, "endpoint" => endpoint, "outcome" => call.outcome.as_str()).increment(1);
    if call.attempts > 0 {
        counter!(CALL_ATTEMPTS, "endpoint" => endpoint).increment(call.attempts.into());
        histogram!(CALL_SECONDS, "endpoint" => endpoint).record(call.took.as_secs_f64());
        histogram!(CALL_WAIT_SECONDS, "endpoint" => endpoint).record(call.waited.as_secs_f64());
    }
}

fn record_breaker(breaker: &Breaker) {
    let endpoint = breaker.endpoint;
    set_breaker(endpoint, breaker.state);
    if breaker.has_opened() {
        counter!(OUTAGES, "endpoint" => endpoint).increment(1);
    }
    if breaker.has_closed() {
        counter!(OUTAGE_SECONDS, "endpoint" => endpoint).increment(rounded(breaker.open_for));
    }
}

/// In whole seconds, as counters are. Cut off, short outages would add up to less than they were.
fn rounded(duration: Duration) -> u64 {
    duration.saturating_add(Duration::from_millis(500)).as_secs()
}

fn record_usage(usage: &Usage) {
    counter!(USAGE_RECORDS, "outcome" => usage.outcome.as_str()).increment(usage.records);
    if let Some(reason) = usage.reason {
        counter!(USAGE_DROPPED, "reason" => reason.as_str()).increment(usage.records);
    }
}

/// Without the event's name, which the sender chooses.
fn record_webhook(webhook: &Webhook) {
    let outcome = webhook.outcome.as_str();
    counter!(WEBHOOKS, "outcome" => outcome, "status" => webhook.status.to_string()).increment(1);
    histogram!(WEBHOOK_SECONDS, "outcome" => outcome).record(webhook.took.as_secs_f64());
}

fn record_cluster(cluster: &ClusterTraffic) {
    let change = cluster.change.as_str();
    match cluster.change {
        ClusterChange::Joined | ClusterChange::Separated | ClusterChange::Missed => {
            counter!(CLUSTER_CHANGES, "change" => change).increment(1);
            if cluster.change != ClusterChange::Missed {
                let is_joined = cluster.change == ClusterChange::Joined;
                gauge!(CLUSTER_JOINED).set(f64::from(u8::from(is_joined)));
            }
        }
        ClusterChange::Sent | ClusterChange::SendFailed | ClusterChange::Received => {
            counter!(CLUSTER_MESSAGES, "change" => change).increment(cluster.messages);
        }
    }
}
