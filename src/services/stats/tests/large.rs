//! Records and batches that are too large for a call.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::LONG;
use super::fake_center::{Call, FakeCenter, Outcome, lock, record, start};
use crate::ports::usage::ApiRecord;
use crate::services::stats::collector::StatsCollector;

/// How many records a call has.
fn len(call: &Call) -> usize {
    call.body.matches("api_path").count()
}

/// Refuses calls with more than so many records.
fn at_most(records: usize) -> impl Fn(&Call, usize) -> Outcome + Send + Sync {
    move |call, _| if len(call) > records { Outcome::TooLarge } else { Outcome::Accepted }
}

/// Asserts that each of so many records was accepted, once, and that calls with the same key had the same content.
fn assert_each_once(center: &FakeCenter, records: usize, what: &str) {
    let paths = center.paths();
    assert!(paths.len() == records && paths.values().all(|times| *times == 1), "{what}: {paths:?}");
    let mut bodies = HashMap::new();
    for call in center.calls() {
        let body = bodies.entry(call.idempotency_key).or_insert_with(|| call.body.clone());
        assert_eq!(*body, call.body, "{what}: one key, one content");
    }
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_too_large_is_halved_at_every_split_point() {
    for records in 1..=33 {
        for limit in 1..=records {
            let (stats, center) = start(StatsCollector::builder(), at_most(limit));
            (0..records).for_each(|n| stats.record(record("alice", n)));
            // Until its parts are settled, a batch is not.
            let counts = stats.flush(LONG).await;
            let what = format!("{records} records, {limit} a call");
            assert_eq!((counts.delivered, counts.pending), (records as u64, 0), "{what}");
            assert_each_once(&center, records, &what);
            let calls = center.calls();
            assert!(calls.len() < 2 * records, "{what}: {} calls", calls.len());
            assert!(calls.iter().all(|call| call.idempotency_key.starts_with(&calls[0].idempotency_key)));
        }
    }
}

/// A record of so many bytes that a call has no room for them.
fn large(n: usize) -> ApiRecord {
    record("alice", n)
        .request_header("X-Match-Username", "bob")
        .request_header("x-match-path", "/p")
        .request_header("user-agent", "curl")
        .query("page=1")
        .response_header("x-match-cost", "0.0035")
        .request_body(json!("x".repeat(2_000)))
}

#[tokio::test(start_paused = true)]
async fn record_that_is_too_large_alone_loses_what_billing_does_not_need() {
    let outcome =
        |call: &Call, _| if call.body.len() > 1_000 { Outcome::TooLarge } else { Outcome::Accepted };
    let (stats, center) = start(StatsCollector::builder(), outcome);
    for n in 0..10 {
        stats.record(if n == 4 { large(n) } else { record("alice", n) });
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.delivered, counts.dead_lettered), (10, 0), "{counts:?}");
    assert_each_once(&center, 10, "one of them is large");
    let accepted: Vec<Value> = lock(&center.accepted).values().flatten().cloned().collect();
    let reduced = accepted.iter().find(|record| record["api_path"] == "/4").unwrap();
    let params = json!({
        "headers": {"X-Match-Username": "bob"}, "query_params": {}, "view_params": {}, "request_body": null,
        "form_params": {},
    });
    let prices = json!({"x-match-cost": "0.0035"});
    assert_eq!((&reduced["request_params"], &reduced["response_headers"]), (&params, &prices));
}

#[tokio::test(start_paused = true)]
async fn record_that_is_too_large_without_parameters_is_dead_lettered_alone() {
    let outcome = |call: &Call, _| {
        if call.body.contains(r#""/4""#) { Outcome::TooLarge } else { Outcome::Accepted }
    };
    for (alone, calls) in [(large(4), 2), (record("alice", 4), 1)] {
        let (stats, center) = start(StatsCollector::builder(), outcome);
        for n in 0..10 {
            stats.record(if n == 4 { alone.clone() } else { record("alice", n) });
        }
        let counts = stats.shutdown(LONG).await;
        assert_eq!((counts.delivered, counts.dead_lettered, counts.pending), (9, 1, 0), "{counts:?}");
        assert_each_once(&center, 9, "all but one");
        let alone =
            center.calls().iter().filter(|call| len(call) == 1 && call.body.contains(r#""/4""#)).count();
        assert_eq!(alone, calls, "as it was, and without its parameters if there are any");
    }
}

#[tokio::test(start_paused = true)]
async fn parts_keep_their_keys_in_an_outage() {
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let limit = rng.usize(1..20);
        let outcomes: Vec<_> = (0..40)
            .map(|_| match rng.u8(0..5) {
                0..2 => Outcome::Accepted,
                2 => Outcome::ResponseLost,
                3 => Outcome::TimesOut,
                _ => Outcome::Unavailable,
            })
            .collect();
        let outcome =
            move |call: &Call, nth| if len(call) > limit { Outcome::TooLarge } else { outcomes[nth % 40] };
        let (stats, center) = start(StatsCollector::builder(), outcome);
        (0..100).for_each(|n| stats.record(record("alice", n)));
        let counts = stats.shutdown(10 * LONG).await;
        assert_eq!((counts.delivered, counts.dropped), (100, 0), "seed {seed}: {counts:?}");
        assert_each_once(&center, 100, &format!("seed {seed}"));
    }
}

#[tokio::test(start_paused = true)]
async fn batches_are_bounded_by_bytes() {
    let mut rng = test_support::seed::random();
    let (stats, center) = start(StatsCollector::builder().batch_size(1_000), |_, _| Outcome::Accepted);
    for n in 0..2_000 {
        // Some are too long for any batch of several.
        let len = if n % 100 == 99 { 300_000 } else { rng.usize(0..10_000) };
        stats.record(record(["alice", "bob"][n % 2], n).request_body(json!("x".repeat(len))));
        if n % 50 == 0 {
            sleep(Duration::from_millis(100)).await;
        }
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.delivered, counts.pending_bytes), (2_000, 0), "{counts:?}");
    assert_each_once(&center, 2_000, "all");
    let calls = center.calls();
    assert!(calls.iter().all(|call| call.body.len() <= 256 * 1024 || len(call) == 1));
    assert_eq!(calls.iter().filter(|call| call.body.len() > 256 * 1024).count(), 20);
    assert!(calls.len() < 100, "{} calls", calls.len());
}

#[tokio::test(start_paused = true)]
async fn bytes_in_memory_are_bounded_and_bills_go_before_parameters() {
    const MAX_BYTES: usize = 1_000_000;
    let is_down = Arc::new(AtomicBool::new(true));
    let outcome = {
        let is_down = is_down.clone();
        move |_: &Call, _| {
            if is_down.load(Ordering::Relaxed) { Outcome::Unavailable } else { Outcome::Accepted }
        }
    };
    let (stats, center) = start(StatsCollector::builder().max_bytes(MAX_BYTES), outcome);
    let fill = async |numbers: std::ops::Range<usize>| {
        for n in numbers {
            stats.record(large(n));
            if n % 50 == 0 {
                sleep(Duration::from_secs(1)).await;
                let counts = stats.snapshot();
                assert!(counts.pending_bytes <= MAX_BYTES as u64, "{counts:?}");
            }
        }
    };
    // 2 MB by themselves.
    fill(0..1_000).await;
    let counts = stats.snapshot();
    assert_eq!((counts.pending, counts.dropped), (1_000, 0), "{counts:?}");
    // As many again do not fit, however small they are in the end.
    fill(1_000..10_000).await;
    let counts = stats.snapshot();
    assert!(counts.dropped > 0 && counts.pending > 1_500, "{counts:?}");
    is_down.store(false, Ordering::Relaxed);
    let after = stats.shutdown(LONG).await;
    assert_eq!((after.delivered, after.dropped, after.pending_bytes), (counts.pending, counts.dropped, 0));
    assert_eq!(center.paths().len() as u64, counts.pending);
    let params = |record: &Value| record["request_params"]["request_body"].is_string();
    let full = lock(&center.accepted).values().flatten().filter(|record| params(record)).count();
    assert!((100..400).contains(&full), "{full} records have all of their parameters");
}
