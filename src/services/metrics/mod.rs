//! Metrics of everything that an observer is told, for the crate `metrics`.
//!
//! [`MetricsObserver`] is an [`Observer`](crate::observer::Observer). The names, labels and units are in the guide
//! [`metrics`](crate::_guide::metrics), with a dashboard for Grafana and rules for alerts.

mod breakers;
mod catalog;
mod family;
mod gauges;
mod metrics_observer;
#[cfg(test)]
mod tests;

pub use catalog::SECONDS_BUCKETS;
pub use metrics_observer::MetricsObserver;
