use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::catalog::{ALL, Form};
use super::metrics_observer::MetricsObserver;
use crate::ports::observer::{
    Breaker, BreakerState, Event, LookedUp, Lookup, LookupAnswer, Observer, Registry, RegistryChange,
    VerifierKind,
};

const GUIDE: &str = include_str!("../../../docs/metrics.md");
const DASHBOARD: &str = include_str!("../../../docs/grafana.json");
const ALERTS: &str = include_str!("../../../docs/alerts.yml");

#[test]
fn guide_lists_every_metric_with_its_labels() {
    for metric in ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let form = format!("{:?}", metric.form).to_lowercase();
        let row = format!("| `{}` | {form} | {} | {} |", metric.name, labels.join(", "), metric.help);
        let row = row.replace("|  |", "| |");
        assert!(GUIDE.lines().any(|line| line == row), "not in docs/metrics.md:\n{row}");
    }
}

#[test]
fn names_and_labels_are_as_prometheus_wants_them() {
    for metric in ALL {
        let of = |letters: &str| letters.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(of(metric.name) && metric.labels.iter().all(|label| of(label)), "{metric:?}");
        assert_eq!(metric.form == Form::Counter, metric.name.ends_with("_total"), "{metric:?}");
        assert!(metric.form != Form::Histogram || metric.name.ends_with("_seconds"), "{metric:?}");
    }
    let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), ALL.len());
}

/// A panel or a rule for a metric that does not exist shows nothing, and says nothing.
#[test]
fn dashboard_and_alerts_name_metrics_that_exist() {
    serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
    for (file, text) in [("docs/grafana.json", DASHBOARD), ("docs/alerts.yml", ALERTS)] {
        let named = named(text);
        assert!(named.len() > 5, "{file} names {named:?}");
        for name in named {
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            let exists = |name: &str, is_histogram| {
                ALL.iter()
                    .any(|metric| metric.name == name && (metric.form == Form::Histogram) == is_histogram)
            };
            let exists = of_histogram.map_or_else(|| exists(name, false), |name| exists(name, true));
            assert!(exists, "{file} names {name}, which is no metric");
        }
    }
}

/// Returns the names of our metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let starts = text.match_indices("aigc_auth_").map(|(at, _)| &text[at..]);
    starts
        .map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len())])
        .collect()
}

/// An operator who looks for a panel, an alert or a line of the log that does not exist believes that all is well.
#[test]
fn guide_names_panels_alerts_and_lines_of_the_log_that_exist() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels: BTreeSet<_> =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["title"].as_str()).collect();
    let (_, table) = GUIDE.split_once("## Questions and answers").unwrap();
    let answers: Vec<_> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(answers.len() >= 10, "{answers:?}");
    let (mut named, mut logged) = (0, 0);
    for answer in answers {
        for quoted in answer.split('"').skip(1).step_by(2) {
            assert!(panels.contains(quoted), "the dashboard has no panel {quoted:?}");
            named += 1;
        }
        for code in answer.split('`').skip(1).step_by(2) {
            if code.starts_with("Auth") {
                assert!(ALERTS.contains(&format!("alert: {code}\n")), "{code} is no alert");
            } else if code.contains(' ') {
                assert!(is_in_source(Path::new("src"), code), "the log has no line {code:?}");
                logged += 1;
            }
        }
        // Any other mention of the log says which line it is.
        let mentions = answer.matches("log: ").count();
        assert_eq!(answer.matches("log: `").count(), mentions, "{answer}");
    }
    assert!(named > 9 && logged > 3, "{named} panels, {logged} lines");
}

fn is_in_source(directory: &Path, text: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => is_in_source(&path, text),
            false => {
                !path.ends_with("metrics/tests.rs") && std::fs::read_to_string(path).unwrap().contains(text)
            }
        }
    })
}

fn lookup() -> Event {
    Event::Lookup(Lookup {
        verifier: VerifierKind::AuthCenter,
        what: LookedUp::Token,
        answer: LookupAnswer::Hit,
        error: None,
        took: Duration::ZERO,
    })
}

/// What was recorded before is lost, and nothing after it.
#[test]
fn recorder_that_is_installed_after_the_observer_gets_what_comes_then() {
    let observer = MetricsObserver::new();
    observer.observe(&lookup());
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || (0..3).for_each(|_| observer.observe(&lookup())));
    let text = recorder.handle().render();
    for line in [
        "aigc_auth_lookups_total{verifier=\"auth_center\",about=\"token\",answer=\"hit\"} 3",
        "# HELP aigc_auth_lookups_total Answers to callers, by where they came from",
        "aigc_auth_usage_dropped_total{reason=\"queue_full\"} 0",
    ] {
        assert!(text.lines().any(|seen| seen == line), "no {line}:\n{text}");
    }
}

fn observed() -> (MetricsObserver, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    (MetricsObserver::recording_to(recorder), handle)
}

#[track_caller]
fn shows(handle: &PrometheusHandle, line: &str) {
    let text = handle.render();
    assert!(text.lines().any(|seen| seen == line), "no {line}:\n{text}");
}

/// Of a series that is not there, no alert can fire.
#[test]
fn service_that_never_came_into_the_register_is_not_registered() {
    let (observer, handle) = observed();
    let change = |change| {
        let (service, config_version, error) = ("orders".to_owned(), None, None);
        observer.observe(&Event::Registry(Registry { change, service, config_version, error }));
    };
    change(RegistryChange::Failed);
    shows(&handle, "aigc_auth_registered 0");
    change(RegistryChange::Registered);
    shows(&handle, "aigc_auth_registered 1");
    // A heartbeat that fails takes nobody out of the register.
    change(RegistryChange::Failed);
    shows(&handle, "aigc_auth_registered 1");
    change(RegistryChange::Unregistered);
    shows(&handle, "aigc_auth_registered 0");
}

#[test]
fn short_outages_add_up() {
    let (observer, handle) = observed();
    for _ in 0..10 {
        let (endpoint, state, before) = ("/user/info", BreakerState::Closed, BreakerState::HalfOpen);
        let open_for = Duration::from_millis(1_900);
        observer.observe(&Event::Breaker(Breaker { endpoint, state, before, pause: None, open_for }));
    }
    shows(&handle, "aigc_auth_outage_seconds_total{endpoint=\"/user/info\"} 20");
}
