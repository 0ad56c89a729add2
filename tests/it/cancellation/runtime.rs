//! A runtime that ends while everything is under way. In a process of its own, whose output shows every panic.

use std::process::Stdio;
use std::time::{Duration, Instant};

use aigc_auth::registry::Registration;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::{AuthLayer, CurrentUser};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::support::{client_with, test_process};

const ENDS: &str = "AIGC_AUTH_TEST_RUNTIME_ENDS";
const ROUNDS: usize = 12;

fn runtime(threads: usize) -> Runtime {
    let mut builder = match threads {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.max(1)).enable_all().build().unwrap()
}

/// The process: a service, on a runtime that ends, of an auth center, on one that does not.
#[test]
fn service_ends_with_its_runtime() {
    if std::env::var_os(ENDS).is_none() {
        return;
    }
    let outer = runtime(1);
    let center = outer.block_on(AuthCenter::start());
    center.add_user(testing::user("alice").id(7));
    for n in 0..200 {
        center.add_token(format!("token-{n}"), "alice");
    }
    for round in 0..ROUNDS {
        center.delay(Duration::from_millis([0, 3, 30][round % 3]));
        let inner = runtime(round % 3);
        let guard = inner.enter();
        let client = client_with(&center, |builder| builder.max_in_flight(8));
        let stats = StatsCollector::start(&client);
        let orders = Registration::builder("orders").port(8000).ips(["10.0.0.1".parse().unwrap()]);
        let registration = orders.start(&client).unwrap();
        let app = Router::new()
            .route("/", get(|user: CurrentUser| async move { user.username().to_owned() }))
            .layer(AuthLayer::new(client.clone()).with_stats(stats.clone()));
        drop(guard);
        for task in 0..40 {
            let app = app.clone();
            inner.spawn(async move {
                for n in 0.. {
                    let token = format!("Bearer token-{}", (task * 7 + n) % 200);
                    let request =
                        Request::get("/").header("authorization", token).body(Body::empty()).unwrap();
                    let _ = app.clone().oneshot(request).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        // A runtime of one thread runs only while somebody waits on it.
        inner.block_on(async { tokio::time::sleep(Duration::from_millis(10 + 7 * round as u64)).await });
        let started = Instant::now();
        inner.shutdown_timeout(Duration::from_secs(5));
        let took = started.elapsed();
        assert!(took < Duration::from_secs(4), "round {round}: {took:?}");

        // Whoever still has them, on another runtime, is served or told so, and waits for nobody.
        outer.block_on(async {
            let now = client.snapshot();
            assert_eq!((now.lookups, now.in_flight, now.waiting), (0, 0, 0), "round {round}");
            let patience = Duration::from_secs(10);
            client.clear_cache();
            let user = tokio::time::timeout(patience, client.user_info("token-1")).await.unwrap();
            assert_eq!(user.unwrap().username(), "alice", "round {round}");
            let counts =
                tokio::time::timeout(patience, stats.shutdown(Duration::from_secs(1))).await.unwrap();
            assert!(counts.recorded > 0, "round {round}: {counts:?}");
            let _ =
                tokio::time::timeout(patience, registration.shutdown(Duration::from_secs(1))).await.unwrap();
        });
    }
    println!("all rounds have ended");
}

#[tokio::test]
async fn runtime_that_ends_under_load_panics_and_hangs_nowhere() {
    let mut process =
        tokio::process::Command::from(test_process(module_path!(), "service_ends_with_its_runtime"));
    process.env(ENDS, "1").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), process.output()).await.unwrap().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("all rounds have ended"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}
