//! Authentication of apps, recorded requests, delays, and shutdown.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{connect, data, exchange, request, send, with_alice};
use crate::testing::{AuthCenter, Fault};

#[tokio::test]
async fn calls_without_app_endpoint_or_json_are_rejected() {
    let center = with_alice().await;
    let good = request(&center, "/user/info", r#"{"token": "alice-token"}"#);
    for (bad, status) in [
        (good.replace("test-secret", "wrong"), 401),
        (good.replace("X-App-Secret: test-secret\r\n", ""), 401),
        (good.replace("test-app", "other"), 401),
        (good.replace("X-App-ID: test-app\r\n", ""), 401),
        (good.replace("/user/info", "/user/other"), 404),
        (good.replace("/aigc-auth", "/elsewhere"), 404),
        (good.replace("POST", "PUT"), 405),
        (good.replace("{\"token", "[\"token"), 400),
    ] {
        let (found, envelope) = send(&center, &bad).await;
        assert_eq!(
            (found, &envelope["code"], &envelope["data"]),
            (status, &json!(status), &json!(null)),
            "{bad}"
        );
    }
    assert_eq!(send(&center, &good).await.0, 200);
}

#[tokio::test]
async fn app_id_and_secret_are_configurable() {
    let center = AuthCenter::builder().app_id("my-app").app_secret("my-secret").start().await;
    assert_eq!((center.app_id(), center.app_secret()), ("my-app", "my-secret"));
    assert_eq!(data(&center, "/token/verify", json!({"token": "x"})).await, json!({"valid": false}));
    let debug = format!("{center:?} {:?}", AuthCenter::builder().app_secret("my-secret"));
    assert!(debug.contains("my-app") && !debug.contains("my-secret"), "{debug}");
}

#[tokio::test]
async fn requests_are_recorded_until_cleared() {
    let center = with_alice().await;
    data(&center, "/user/info", json!({"token": "alice-token"})).await;
    center.inject_fault_times(1, Fault::status(500));
    let not_json = request(&center, "/user/info", "what?");
    assert_eq!(send(&center, &not_json).await.0, 500);
    assert_eq!(send(&center, &not_json).await.0, 400);

    let recorded = center.requests();
    assert_eq!((recorded.len(), center.calls("/user/info"), center.calls("/token/verify")), (3, 3, 0));
    assert_eq!(recorded[0].endpoint, "/user/info");
    assert_eq!(recorded[0].headers["x-app-id"], "test-app");
    assert_eq!((&recorded[0].body, &recorded[1].body), (&json!({"token": "alice-token"}), &json!(null)));
    center.clear_requests();
    assert!(center.requests().is_empty() && center.calls("/user/info") == 0);
}

#[tokio::test]
async fn delayed_response_is_decided_on_arrival() {
    let center = with_alice().await;
    center.delay(Duration::from_millis(30));
    let start = Instant::now();
    let change = async {
        while center.calls("/user/info") == 0 {
            tokio::task::yield_now().await;
        }
        center.disable_user("alice");
    };
    let (found, ()) = tokio::join!(data(&center, "/user/info", json!({"token": "alice-token"})), change);
    assert_eq!(found["username"], "alice");
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn connection_serves_several_calls() {
    let center = with_alice().await;
    let mut stream = connect(&center).await.unwrap();
    for calls in 1..=3 {
        stream.write_all(request(&center, "/token/verify", r#"{"token": "x"}"#).as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        assert_eq!(center.calls("/token/verify"), calls);
    }
}

#[tokio::test]
async fn dropped_center_closes_its_connections() {
    let center = with_alice().await;
    let address = center.server.address;
    center.inject_fault(Fault::Hang);
    let mut hanging = connect(&center).await.unwrap();
    hanging.write_all(request(&center, "/user/info", "{}").as_bytes()).await.unwrap();
    while center.calls("/user/info") == 0 {
        tokio::task::yield_now().await;
    }
    let server = std::sync::Arc::downgrade(&center.server);
    drop(center);
    let error = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(matches!(hanging.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    while server.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn center_is_usable_from_other_runtimes_and_threads() {
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let serving = runtime();
    let center = serving.block_on(with_alice());
    shareable(&center);
    let body = request(&center, "/user/info", r#"{"token": "alice-token"}"#);
    for _ in 0..3 {
        // Outside of any runtime.
        center.inject_fault(Fault::Refuse);
        center.clear_faults();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let response = runtime().block_on(exchange(&center, &body)).unwrap();
                    assert!(response.starts_with(b"HTTP/1.1 200"));
                });
            }
        });
    }
    assert_eq!(center.calls("/user/info"), 6);
    // The runtime first: dropping the handle afterwards must not panic.
    drop(serving);
    drop(center);
}
