//! Large records, and gateways that refuse large bodies: every call is billed all the same.

use std::collections::HashSet;

use aigc_auth::layer::CaptureBodyLayer;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, AuthLayer};
use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::gateway::gateway;
use crate::stats::support::SOON;
use crate::support::center;

const MIB: usize = 1024 * 1024;

/// What 300 requests of alice leave at a center behind a gateway with this limit, and how many calls the center took.
async fn billed(limit: usize, request: impl Fn(usize) -> Request<Body>) -> (Vec<Value>, usize) {
    let center: AuthCenter = center().await;
    let gateway = gateway(&center, limit).await;
    let url = format!("http://{}/aigc-auth", gateway.address);
    let client = AuthClient::builder(center.app_id(), center.app_secret(), url).build().unwrap();
    let stats = StatsCollector::start(&client);
    let handler = axum::routing::any(|_: String| async { ([("x-match-cost", "0.0035")], "") });
    let auth = AuthLayer::new(client).with_stats(stats.clone());
    let app = Router::new().route("/{n}", handler).layer(auth).layer(CaptureBodyLayer::new());
    for n in 0..300 {
        assert_eq!(app.clone().oneshot(request(n)).await.unwrap().status(), 200);
    }
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dead_lettered), (300, 300, 0), "{counts:?}");
    (center.stats(), center.calls("/stats/report/batch"))
}

fn get(n: usize) -> http::request::Builder {
    Request::get(format!("/{n}?page=1")).header("authorization", "Bearer alice-token")
}

fn post_json(n: usize) -> Request<Body> {
    // JSON of 10 KiB, the longest that is captured.
    let body = json!({"text": "x".repeat(10 * 1024 - 11)}).to_string();
    let request = get(n).method("POST").header("content-type", "application/json");
    request.body(Body::from(body)).unwrap()
}

fn assert_each_once(stats: &[Value], what: &str) {
    let paths: HashSet<_> = stats.iter().map(|record| record["api_path"].as_str().unwrap()).collect();
    assert_eq!((stats.len(), paths.len()), (300, 300), "{what}");
    assert!(
        stats.iter().all(|record| record["response_headers"] == json!({"x-match-cost": "0.0035"})),
        "{what}"
    );
}

#[tokio::test]
async fn long_header_values_are_cut_and_billed() {
    let user_agent = "Mozilla/5.0 ".repeat(1024);
    for (limit, what) in [(MIB, "nginx's default"), (16 * 1024, "a small limit")] {
        let request = |n| get(n).header("user-agent", &user_agent).body(Body::empty()).unwrap();
        let (stats, calls) = billed(limit, request).await;
        assert_each_once(&stats, what);
        let recorded = stats[0]["request_params"]["headers"]["user-agent"].as_str().unwrap();
        assert!(recorded.len() <= 1024 && recorded.ends_with("…[cut]"), "{recorded}");
        println!("{what}: {} of 300 billed in {calls} calls", stats.len());
    }
}

#[tokio::test]
async fn captured_bodies_are_sent_in_calls_that_the_gateway_takes() {
    for (limit, what, has_body) in [
        (MIB, "nginx's default", true),
        (64 * 1024, "less than a batch", true),
        (12 * 1024, "a record at a time", true),
        (4 * 1024, "less than a record", false),
    ] {
        let (stats, calls) = billed(limit, post_json).await;
        assert_each_once(&stats, what);
        let bodies =
            stats.iter().filter(|record| record["request_params"]["request_body"].is_object()).count();
        assert_eq!(bodies, if has_body { 300 } else { 0 }, "{what}");
        println!("{what}: {} of 300 billed in {calls} calls", stats.len());
    }
}
