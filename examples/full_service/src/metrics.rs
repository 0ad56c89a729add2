//! What a Prometheus server scrapes.

use std::error::Error;
use std::sync::Arc;

use aigc_auth::AuthClient;
use aigc_auth::metrics::{MetricsObserver, SECONDS_BUCKETS};
use aigc_auth::observer::VerifierKind;
use aigc_auth::stats::StatsCollector;
use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Counts from the start, before anything that it observes.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) observer: Arc<MetricsObserver>,
    prometheus: PrometheusHandle,
}

impl Metrics {
    pub(crate) fn install() -> Result<Self, Box<dyn Error>> {
        let prometheus = PrometheusBuilder::new().set_buckets(SECONDS_BUCKETS)?.install_recorder()?;
        Ok(Self { observer: Arc::new(MetricsObserver::new()), prometheus })
    }

    /// `/metrics`, without a credential: a service that the public reaches serves it on another port.
    pub(crate) fn router(self, client: AuthClient, stats: Option<StatsCollector>) -> Router {
        Router::new().route("/metrics", get(move || async move { self.scraped(&client, stats.as_ref()) }))
    }

    fn scraped(&self, client: &AuthClient, stats: Option<&StatsCollector>) -> String {
        self.observer.set_snapshot(VerifierKind::AuthCenter, &client.snapshot());
        if let Some(stats) = stats {
            self.observer.set_stats_snapshot(&stats.snapshot());
        }
        self.prometheus.run_upkeep();
        self.prometheus.render()
    }
}
