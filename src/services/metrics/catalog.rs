use metrics::{KeyName, Unit, describe_counter, describe_gauge, describe_histogram};

/// Upper bounds for the histograms, in seconds: from a call within one machine to the timeouts of calls.
///
/// `metrics-exporter-prometheus` makes summaries of histograms that no bounds are set for, and those of several instances cannot
/// be added up.
pub const SECONDS_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What a metric is, as Prometheus names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Counter,
    Gauge,
    Histogram,
}

/// A metric. Each of its labels has a fixed set of values, so that nobody from outside makes series.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) form: Form,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the table in the guide, which a test compares"))]
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

macro_rules! catalog {
    ($($id:ident = $form:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        // Those of usage records are set with the feature `stats`.
        $(#[cfg_attr(not(feature = "stats"), allow(dead_code))] pub(super) const $id: &str = $name;)+
        pub(super) const ALL: &[Metric] = &[
            $(Metric { name: $name, form: Form::$form, labels: &[$($label),*], help: $help },)+
        ];
    };
}

catalog! {
    LOOKUPS = Counter "aigc_auth_lookups_total" ["verifier", "about", "answer"]
        "Answers to callers, by where they came from";
    LOOKUP_ERRORS = Counter "aigc_auth_lookup_errors_total" ["verifier", "about", "error"]
        "Lookups that ended with an error, or with a stale user for lack of an answer";
    LOOKUP_SECONDS = Histogram "aigc_auth_lookup_duration_seconds" ["verifier", "answer"]
        "How long callers waited for answers that were not in the cache";
    REFRESHES = Counter "aigc_auth_refreshes_total" ["verifier", "about", "error"]
        "Lookups in the background";
    CALLS = Counter "aigc_auth_calls_total" ["endpoint", "outcome"]
        "Calls to the auth center, or to another place that answers lookups";
    CALL_ATTEMPTS = Counter "aigc_auth_call_attempts_total" ["endpoint"]
        "How often calls were sent, retries included";
    CALL_SECONDS = Histogram "aigc_auth_call_duration_seconds" ["endpoint"]
        "How long calls took that were sent, retries included";
    CALL_WAIT_SECONDS = Histogram "aigc_auth_call_wait_seconds" ["endpoint"]
        "How long calls waited for a slot before they were sent";
    BREAKER_STATE = Gauge "aigc_auth_breaker_state" ["endpoint"]
        "The circuit breaker: 0 closed, 1 half open, 2 open";
    OUTAGES = Counter "aigc_auth_outages_total" ["endpoint"]
        "How often a circuit breaker opened";
    OUTAGE_SECONDS = Counter "aigc_auth_outage_seconds_total" ["endpoint"]
        "How long circuit breakers were open, once they closed";
    REFUSALS = Counter "aigc_auth_refusals_total" ["error", "by", "seen"]
        "Requests that were refused";
    ACT_AS = Counter "aigc_auth_act_as_total" ["error"]
        "Attempts to act as another user";
    USAGE_RECORDS = Counter "aigc_auth_usage_records_total" ["outcome"]
        "What became of usage records";
    USAGE_DROPPED = Counter "aigc_auth_usage_dropped_total" ["reason"]
        "Usage records that are lost";
    WEBHOOKS = Counter "aigc_auth_webhooks_total" ["outcome", "status"]
        "Webhook requests that were answered";
    WEBHOOK_SECONDS = Histogram "aigc_auth_webhook_duration_seconds" ["outcome"]
        "How long webhook requests took, their handlers included";
    USER_SYNC = Counter "aigc_auth_user_sync_total" ["outcome"]
        "What became of users in the legacy system, or of pushed ones";
    REGISTRY = Counter "aigc_auth_registry_total" ["change"]
        "Changes of the registration, and heartbeats";
    REGISTERED = Gauge "aigc_auth_registered" []
        "Whether the auth center has this service in its register, as far as is known: 1 or 0";
    LAST_HEARTBEAT = Gauge "aigc_auth_last_heartbeat_timestamp_seconds" []
        "When the auth center took the registration or a heartbeat the last time";
    CLUSTER_MESSAGES = Counter "aigc_auth_cluster_messages_total" ["change"]
        "Invalidations between replicas";
    CLUSTER_JOINED = Gauge "aigc_auth_cluster_joined" []
        "Whether this replica is in touch with the others: 1 or 0";
    CLUSTER_CHANGES = Counter "aigc_auth_cluster_changes_total" ["change"]
        "How often the contact to the other replicas was found or lost, or may have missed something";
    CACHED = Gauge "aigc_auth_cached" ["verifier"]
        "How many users, or memberships, are cached";
    EVICTED = Counter "aigc_auth_evicted_total" ["verifier"]
        "How many were evicted for lack of room";
    LOOKUPS_IN_FLIGHT = Gauge "aigc_auth_lookups_in_flight" ["verifier"]
        "How many lookups are in flight";
    CALLS_IN_FLIGHT = Gauge "aigc_auth_calls_in_flight" ["verifier"]
        "How many calls are in flight";
    CALLS_WAITING = Gauge "aigc_auth_calls_waiting" ["verifier"]
        "How many calls wait to be sent";
    USAGE_PENDING = Gauge "aigc_auth_usage_pending" []
        "Usage records that are queued or in flight";
    USAGE_PENDING_BYTES = Gauge "aigc_auth_usage_pending_bytes" []
        "About how much memory they take";
    USAGE_SPOOLED = Gauge "aigc_auth_usage_spooled" []
        "Usage records on disk";
}

/// Tells the recorder what each metric is about.
pub(super) fn describe() {
    for Metric { name, form, help, .. } in ALL {
        let key = KeyName::from_const_str(name);
        let unit = match name {
            name if name.ends_with("_bytes") => Unit::Bytes,
            name if name.contains("_seconds") => Unit::Seconds,
            _ => Unit::Count,
        };
        match form {
            Form::Counter => describe_counter!(key, unit, *help),
            Form::Gauge => describe_gauge!(key, unit, *help),
            Form::Histogram => describe_histogram!(key, unit, *help),
        }
    }
}
