//! Delivery of records to an auth center that fails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aigc_auth::layer::CaptureBodyLayer;
use aigc_auth::testing::{Fault, RecordedRequest};
use axum::Router;
use axum::routing::get;
use futures_util::future::join_all;

use crate::stats::support::{Rig, SOON, post as post_to};
use crate::support::{App, Log, get_as, rig, serve, until};

const REPORT: &str = "/stats/report/batch";

async fn app(rig: &Rig) -> App {
    serve(Router::new().route("/{n}", get(|| async {})).layer(rig.auth())).await
}

/// The paths that a report speaks of.
fn paths(report: &RecordedRequest) -> Vec<String> {
    let records = report.body["stats"].as_array().unwrap();
    records.iter().map(|record| record["api_path"].as_str().unwrap().to_owned()).collect()
}

/// The reports by their keys, each with how often it came; that it never changed is seen to.
fn by_key(reports: &[RecordedRequest]) -> BTreeMap<String, (usize, &RecordedRequest)> {
    let mut by_key = BTreeMap::new();
    for report in reports {
        let key = report.headers["idempotency-key"].to_str().unwrap().to_owned();
        let (times, first) = by_key.entry(key).or_insert((0, report));
        *times += 1;
        assert_eq!((&report.body, &report.headers), (&first.body, &first.headers));
    }
    by_key
}

#[tokio::test]
async fn transient_failures_are_retried_and_delivered_once() {
    async fn outage(name: &str, fault: Fault, takes_effect: bool) {
        let rig = Rig::new().await;
        let app = app(&rig).await;
        for credential in ["alice-token", "bob-token", "ak_alice"] {
            get_as(app.address, credential, "/known").await;
        }
        rig.records().await;
        let before = rig.reports().len();
        let accepted_before = rig.center.stats().len();
        let refuses = matches!(fault, Fault::Refuse);
        if refuses {
            rig.center.inject_fault(fault);
        } else {
            rig.center.inject_fault_on(REPORT, fault);
        }
        let asked: BTreeSet<String> = (0..30).map(|n| format!("/{n}")).collect();
        for (path, credential) in asked.iter().zip(["alice-token", "bob-token", "ak_alice"].iter().cycle()) {
            assert_eq!(get_as(app.address, credential, path).await.status, 200, "{name}");
        }
        let stats = rig.stats.clone();
        let flush = tokio::spawn(async move { stats.flush(SOON).await });
        // Refused connections cannot be counted, but the batches go nowhere meanwhile.
        if refuses {
            assert_eq!(rig.stats.flush(Duration::from_millis(20)).await.pending, 30, "{name}");
        } else {
            until("three reports in vain", || rig.reports().len() >= before + 3).await;
        }
        rig.center.clear_faults();
        let counts = flush.await.unwrap();
        assert_eq!(
            (counts.delivered, counts.pending, counts.dead_lettered),
            (33, 0, 0),
            "{name}: {counts:?}"
        );

        let reports = rig.reports().split_off(before);
        let by_key = by_key(&reports);
        assert_eq!(by_key.len(), 3, "{name}: one key per batch");
        let reported: Vec<String> = by_key.values().flat_map(|(_, report)| paths(report)).collect();
        assert_eq!(reported.len(), 30, "{name}");
        assert_eq!(reported.into_iter().collect::<BTreeSet<_>>(), asked, "{name}");
        if !takes_effect {
            assert_eq!(rig.center.stats().len(), accepted_before + 30, "{name}: accepted once");
        }
    }
    let status = |code| rig::status(code, None);
    join_all([
        outage("refused", Fault::Refuse, false),
        outage("reset", Fault::Reset, false),
        outage("503", status(503), false),
        outage("500", status(500), false),
        outage("408", status(408), false),
        outage("429", Fault::too_many_requests(1), false),
        outage("code 500", Fault::code(500, "later"), false),
        outage("code -1", Fault::code(-1, "later"), false),
        outage("HTML", Fault::Html, false),
        outage("half an answer", Fault::Truncated, true),
        outage("reset mid-body", Fault::ResetMidBody, true),
    ])
    .await;
}

#[tokio::test]
async fn permanent_refusal_is_dead_lettered_and_logged_once() {
    let log = Log::start();
    let rig = Rig::new().await;
    let app = app(&rig).await;
    let status = |code| rig::status(code, None);
    let mut lost = 0;
    for (fault, cause) in [
        (status(400), "(400 Bad Request)"),
        (status(422), "(422 Unprocessable Entity)"),
        (status(404), "(404 Not Found)"),
        (Fault::code(401, "the token has expired"), "the token has expired"),
        (Fault::code(400, "no such app"), "no such app"),
    ] {
        rig.center.inject_fault_on(REPORT, fault);
        log.take();
        for round in 1..=3 {
            let before = rig.reports().len();
            for _ in 0..5 {
                get_as(app.address, "alice-token", "/7").await;
            }
            lost += 5;
            let counts = rig.stats.flush(SOON).await;
            assert_eq!(
                (counts.recorded, counts.dead_lettered, counts.delivered, counts.pending),
                (lost, lost, 0, 0)
            );
            assert_eq!(rig.reports().len(), before + 1, "{cause}, round {round}");
        }
        let lines = log.take();
        let errors: Vec<_> = lines.lines().filter(|line| line.contains(" ERROR ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(cause), "{cause}: {errors:#?}");
        assert!(!lines.contains("The credential cannot be verified"), "no request is meant: {lines}");
    }
    rig.center.clear_faults();
    get_as(app.address, "alice-token", "/8").await;
    let counts = rig.stats.flush(SOON).await;
    assert_eq!((counts.delivered, counts.dead_lettered), (1, lost));
}

#[tokio::test]
async fn silent_center_delays_no_request() {
    let rig = Rig::new().await;
    let app = app(&rig).await;
    get_as(app.address, "alice-token", "/known").await;
    rig.center.inject_fault_on(REPORT, Fault::Hang);
    for n in 0..250 {
        assert_eq!(get_as(app.address, "alice-token", &format!("/{n}")).await.status, 200);
    }
    until("reports without an answer", || rig.center.calls(REPORT) >= 2).await;
    let counts = rig.stats.snapshot();
    assert_eq!((counts.recorded, counts.pending, counts.delivered), (251, 251, 0));
}

/// Everything that may go wrong, with secrets wherever there can be one, and not one of them is logged.
#[tokio::test]
async fn logs_contain_no_secret() {
    const SECRETS: [&str; 4] = ["alice-token", "test-secret", "hunter2", "of-the-body"];
    let log = Log::start();
    let rig = Rig::new().await;
    let routes = Router::new().route("/{token}", get(|| async {}).post(|body: String| async { body }));
    let app = serve(routes.layer(rig.auth()).layer(CaptureBodyLayer::new())).await;
    let body = br#"{"password": "hunter2", "note": "of-the-body"}"#;
    let target = "/hunter2?token=hunter2&other=hunter2";
    for fault in [
        Fault::status(503),
        Fault::Html,
        Fault::Reset,
        Fault::status(400),
        Fault::code(400, "not with alice-token"),
        Fault::code(500, "not with alice-token"),
        Fault::code(400, "not with test-secret"),
    ] {
        rig.center.inject_fault_on(REPORT, fault);
        post_to(app.address, target, "application/json", body).await;
        let before = rig.center.calls(REPORT);
        let stats = rig.stats.clone();
        let flush = tokio::spawn(async move { stats.flush(SOON).await });
        until("a report", || rig.center.calls(REPORT) > before).await;
        rig.center.clear_faults();
        flush.await.unwrap();
    }
    tracing::info!(stats = ?rig.stats, layer = ?rig.auth(), "as they show themselves");
    let lines = log.take();
    assert!(lines.contains("cannot deliver usage records") && lines.contains("usage records dead-lettered"));
    let failed = "The call to the auth center failed: POST /stats/report/batch";
    assert!(lines.contains(failed) && !lines.contains("The credential cannot be verified"), "{lines}");
    for secret in SECRETS {
        let line = lines.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
