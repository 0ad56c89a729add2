//! What the example tells Prometheus, beside what its callers and the auth center have counted.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use aigc_auth::testing::Fault;
use test_support::http::{self, center};
use test_support::process::{PATIENCE, Program, settings};
use tokio::time::timeout;

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));

/// Who calls, what for, and what they get.
const CALLERS: [(&str, Option<&str>, u16); 9] = [
    ("/me", Some("Bearer alice-token"), 200),
    ("/me", Some("Bearer ak_alice"), 200),
    ("/me", Some("Bearer root-token"), 200),
    ("/admin", Some("Bearer alice-token"), 403),
    ("/reports", Some("Bearer bob-token"), 403),
    ("/me", Some("Bearer unknown"), 401),
    ("/me", Some("Token alice-token"), 401),
    ("/me", None, 401),
    ("/health", None, 200),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_under_load_are_those_of_the_callers_and_of_the_auth_center() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let app = FULL_SERVICE.start("metrics", &variables).await;
    let at = app.address;

    const ROUNDS: usize = 25;
    let rounds = (0..ROUNDS).map(|_| {
        tokio::spawn(async move {
            for (path, authorization, status) in CALLERS {
                let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
                assert_eq!(http::get(at, path, &headers).await.status, status, "{path} {authorization:?}");
            }
        })
    });
    for round in rounds {
        round.await.unwrap();
    }
    // Those who are cached do not notice; who is not gets 503.
    center.inject_fault(Fault::status(500));
    assert_eq!(http::get(at, "/me", &[("authorization", "Bearer alice-token")]).await.status, 200);
    assert_eq!(http::get(at, "/me", &[("authorization", "Bearer another")]).await.status, 503);
    let calls = center.calls("/user/info");
    center.clear_faults();

    // What callers got, what the center was asked, and what arrived there, each with the figure that has to be the same.
    let credentials = 6 * ROUNDS + 2;
    let recorded = 5 * ROUNDS + 1;
    let figures = [
        ("aigc_auth_refusals_total", "error=\"missing_credential\"", 2 * ROUNDS),
        ("aigc_auth_refusals_total", "seen=\"token\"", ROUNDS),
        ("aigc_auth_refusals_total", "seen=\"none\"", ROUNDS),
        ("aigc_auth_refusals_total", "error=\"invalid_credential\"", ROUNDS),
        ("aigc_auth_refusals_total", "error=\"missing_permission\"", 2 * ROUNDS),
        ("aigc_auth_refusals_total", "error=\"unavailable\"", 1),
        ("aigc_auth_refusals_total", "", 5 * ROUNDS + 1),
        ("aigc_auth_lookups_total", "", credentials),
        ("aigc_auth_call_attempts_total", "endpoint=\"/user/info\"", calls),
        ("aigc_auth_cached", "verifier=\"auth_center\"", 4),
    ];
    let scraped = scrape(at).await;
    for (name, label, expected) in figures {
        assert_eq!(sum(&scraped, name, label), expected as f64, "{name} {label}\n{scraped:#?}");
    }
    let delivered = async {
        while center.stats().len() < recorded {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, delivered).await.expect("records arrive");
    let told = async {
        while sum(&scrape(at).await, "aigc_auth_usage_records_total", "outcome=\"delivered\"")
            < center.stats().len() as f64
        {}
    };
    timeout(PATIENCE, told).await.expect("deliveries are counted");
    let scraped = scrape(at).await;
    let arrived = center.stats().len() as f64;
    assert_eq!(sum(&scraped, "aigc_auth_usage_records_total", "outcome=\"delivered\""), arrived);
    assert_eq!(sum(&scraped, "aigc_auth_usage_records_total", "outcome=\"recorded\""), arrived);
    assert_eq!(sum(&scraped, "aigc_auth_usage_dropped_total", ""), 0.0);
    assert_eq!(sum(&scraped, "aigc_auth_usage_pending", ""), 0.0);
    for secret in ["alice-token", "root-token", "ak_alice", "another", center.app_secret()] {
        assert!(!scraped.keys().any(|series| series.contains(secret)), "{secret}");
    }
}

/// Returns the series and their values, as Prometheus reads them.
async fn scrape(at: SocketAddr) -> BTreeMap<String, f64> {
    let answer = http::get(at, "/metrics", &[]).await;
    assert_eq!(answer.status, 200);
    let series = answer.body.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    series
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The sum over all series of a metric that have this label.
fn sum(scraped: &BTreeMap<String, f64>, name: &str, label: &str) -> f64 {
    let of_metric = |series: &&String| series.split('{').next() == Some(name) && series.contains(label);
    scraped.keys().filter(of_metric).map(|series| scraped[series]).sum()
}
