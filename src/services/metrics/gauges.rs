//! What is read, and not told: set before each scrape.

use metrics::{counter, gauge};

use super::breakers::set_breaker;
use super::catalog::{CACHED, CALLS_IN_FLIGHT, CALLS_WAITING, EVICTED, LOOKUPS_IN_FLIGHT};
#[cfg(feature = "stats")]
use super::catalog::{USAGE_PENDING, USAGE_PENDING_BYTES, USAGE_SPOOLED};
use super::metrics_observer::MetricsObserver;
use crate::ports::observer::{Snapshot, VerifierKind};
#[cfg(feature = "stats")]
use crate::ports::usage::StatsSnapshot;

impl MetricsObserver {
    /// Sets the gauges of a client or a cache: what it holds, calls in flight and waiting, circuit breakers. Call it before each
    /// scrape, with `AuthClient::snapshot` and the like.
    pub fn set_snapshot(&self, of: VerifierKind, snapshot: &Snapshot) {
        let verifier = of.as_str();
        self.recording(|| {
            gauge!(CACHED, "verifier" => verifier).set(count(snapshot.cached));
            counter!(EVICTED, "verifier" => verifier).absolute(snapshot.evicted);
            gauge!(LOOKUPS_IN_FLIGHT, "verifier" => verifier).set(count(snapshot.lookups));
            gauge!(CALLS_IN_FLIGHT, "verifier" => verifier).set(count(snapshot.in_flight));
            gauge!(CALLS_WAITING, "verifier" => verifier).set(count(snapshot.waiting));
            for (endpoint, state) in &snapshot.breakers {
                set_breaker(endpoint, *state);
            }
        });
    }

    /// Sets the gauges of usage records: queued, in flight, on disk. Call it before each scrape, with `StatsCollector::snapshot`.
    #[cfg(feature = "stats")]
    pub fn set_stats_snapshot(&self, snapshot: &StatsSnapshot) {
        self.recording(|| {
            gauge!(USAGE_PENDING).set(snapshot.pending as f64);
            gauge!(USAGE_PENDING_BYTES).set(snapshot.pending_bytes as f64);
            gauge!(USAGE_SPOOLED).set(snapshot.spooled as f64);
        });
    }
}

fn count(number: usize) -> f64 {
    number as f64
}
