//! `Readiness`: the endpoint for load balancers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aigc_auth::AuthLayer;
use aigc_auth::readiness::{PartState, Readiness};
use aigc_auth::registry::{Registration, RegistrationState};
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::Fault;
use axum::Router;
use axum::routing::get;
use serde_json::json;

use crate::support::rig::Rig;
use crate::support::{self, serve};

#[tokio::test]
async fn endpoint_tells_the_state_of_each_part() {
    let rig = Rig::new().await;
    let stats = StatsCollector::start(&rig.client);
    let registration =
        Registration::builder("orders").ips([[10, 0, 0, 7].into()]).start(&rig.client).unwrap();
    let mut states = registration.state_changes();
    states.wait_for(|state| *state == RegistrationState::Online).await.unwrap();
    let database = Arc::new(AtomicBool::new(true));
    let is_up = database.clone();
    let readiness = Readiness::new()
        .part("auth_center", rig.client.clone())
        .part("stats", stats.clone())
        .part("registry", registration.state_changes())
        .shown("database", move || {
            if is_up.load(Ordering::Relaxed) { PartState::ready("up") } else { PartState::not_ready("down") }
        });
    let app = Router::new()
        .route("/me", get(|| async { "me" }))
        .layer(AuthLayer::new(rig.client.clone()))
        .merge(readiness.router("/readyz"));
    let app = serve(app).await;
    let ask = || support::get(app.address, "/readyz", &[]);
    let expect = |ready: bool, [center, stats, registry, database]: [(bool, &str); 4]| {
        let part = |(ready, state): (bool, &str)| json!({"ready": ready, "state": state});
        json!({"ready": ready, "parts": {
            "auth_center": part(center), "stats": part(stats), "registry": part(registry), "database": part(database),
        }})
    };
    let good = [(true, "available"), (true, "running"), (true, "online"), (true, "up")];
    let answer = ask().await;
    assert_eq!((answer.status, answer.json()), (200, expect(true, good)));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(support::request(app.address, "HEAD", "/readyz", &[]).await.status, 200);
    assert_eq!(support::get(app.address, "/me", &[]).await.status, 401, "the rest is closed");

    database.store(false, Ordering::Relaxed);
    let [center, stats_state, registry, _] = good;
    let down = (false, "down");
    let answer = ask().await;
    assert_eq!((answer.status, answer.json()), (200, expect(true, [center, stats_state, registry, down])));

    rig.center.inject_fault(Fault::status(503));
    for n in 0..5 {
        rig.ask(&format!("token-{n}")).await;
    }
    let answer = ask().await;
    let center = (false, "unavailable");
    assert_eq!((answer.status, answer.json()), (503, expect(false, [center, stats_state, registry, down])));
    assert!(!readiness.is_ready());
    rig.advance(1);
    let center = (true, "recovering");
    let answer = ask().await;
    assert_eq!((answer.status, answer.json()), (200, expect(true, [center, stats_state, registry, down])));

    rig.center.clear_faults();
    stats.shutdown(Duration::from_secs(5)).await;
    registration.shutdown(Duration::from_secs(5)).await.unwrap();
    let answer = ask().await;
    let (stopped, gone) = ((false, "stopped"), (false, "stopped"));
    assert_eq!((answer.status, answer.json()), (503, expect(false, [center, stopped, gone, down])));
    for secret in ["test-secret", "10.0.0.7", "127.0.0.1"] {
        assert!(!answer.body.contains(secret), "{answer:?}");
    }
}

#[tokio::test]
async fn service_without_parts_is_ready_and_a_later_part_replaces_an_earlier_one() {
    let none = serve(Readiness::new().router("/readyz")).await;
    let answer = support::get(none.address, "/readyz", &[]).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"ready": true, "parts": {}})));
    let readiness = Readiness::new()
        .part("database", || PartState::not_ready("down"))
        .part("database", || PartState::ready("up"));
    assert!(readiness.is_ready());
    assert_eq!(format!("{readiness:?}"), r#"Readiness { parts: ["database"] }"#);
}
