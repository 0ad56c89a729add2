use std::collections::BTreeSet;

use super::catalog::{ALL, Form};

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
