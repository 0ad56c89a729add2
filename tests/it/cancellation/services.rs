//! What runs beside requests: dropped, it goes on or ends, and is there for the next.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aigc_auth::credential::Credential;
use aigc_auth::registry::{Registration, RegistrationState};
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::AuthCenter;
use aigc_auth::usage::ApiRecord;
use aigc_auth::webhook::{self, HandlerError, Subscription, UserEvent};
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;
use tower::ServiceExt;

use super::harness::drop_at_each_await;
use crate::support::{center, client, until};
use crate::webhook::receiver::{Receiver, hasty};
use crate::webhook::support::{CHANGE, config, doubly};

const SOON: Duration = Duration::from_secs(20);

fn record(n: usize) -> ApiRecord {
    ApiRecord::new("GET", format!("/{n}")).credential(Credential::new("alice-token").unwrap())
}

/// How many of these records arrived; each of them once.
fn delivered(center: &AuthCenter) -> usize {
    let mut paths: Vec<_> =
        center.stats().iter().map(|record| record["api_path"].as_str().unwrap().to_owned()).collect();
    let all = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all, "a record arrived twice");
    all
}

#[tokio::test]
async fn flush_that_is_dropped_loses_and_doubles_no_record() {
    let center = center().await;
    let stats = StatsCollector::start(&client(&center));
    let mut made = 0;
    drop_at_each_await(
        "flush",
        async || {
            for _ in 0..3 {
                stats.record(record(made));
                made += 1;
            }
            stats.flush(SOON).await
        },
        async |_, _| {
            let counts = stats.flush(SOON).await;
            assert_eq!((counts.delivered, counts.pending), (counts.recorded, 0), "{counts:?}");
        },
    )
    .await;
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.recorded, counts.delivered), (made as u64, made as u64));
    assert_eq!(delivered(&center), made);
}

#[tokio::test]
async fn shutdown_that_is_dropped_is_ended_by_the_next() {
    let mut total = 0;
    let center = center().await;
    let stats = RefCell::new(None);
    drop_at_each_await(
        "shutdown",
        async || {
            let collector = StatsCollector::start(&client(&center));
            for _ in 0..5 {
                collector.record(record(total));
                total += 1;
            }
            *stats.borrow_mut() = Some(collector.clone());
            collector.shutdown(SOON).await
        },
        async |drop, _| {
            // Not begun, there is none.
            let Some(stats) = stats.take() else { return };
            let counts = stats.shutdown(SOON).await;
            let sum = counts.delivered + counts.dead_lettered + counts.dropped + counts.spooled;
            assert_eq!((counts.recorded, sum, counts.pending), (5, 5, 0), "{drop:?}: {counts:?}");
            assert_eq!(counts.delivered, 5, "{drop:?}: {counts:?}");
        },
    )
    .await;
    assert_eq!(delivered(&center), total);
}

#[tokio::test]
async fn sender_that_is_dropped_leaves_its_turn() {
    // Every second attempt fails, so that it is dropped in pauses as well.
    let receiver =
        Receiver::start(|n| if n % 2 == 0 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }).await;
    for in_order in [false, true] {
        let sender = hasty(receiver.url());
        let sender = if in_order { sender.in_order() } else { sender }.build().unwrap();
        let dropped = drop_at_each_await(
            "send",
            async || sender.send("user.updated", &json!({ "id": 7 })).await,
            async |drop, result| {
                assert!(result.is_none_or(|result| result.is_ok()));
                let next = tokio::time::timeout(SOON, sender.send("user.updated", &json!({ "id": 7 }))).await;
                next.unwrap().unwrap_or_else(|error| panic!("{drop:?}: {error}"));
            },
        )
        .await;
        assert!(dropped >= 4, "{dropped}");
    }
}

#[tokio::test]
async fn endpoint_that_is_dropped_handles_an_event_once() {
    let handled = Arc::<AtomicUsize>::default();
    let counter = handled.clone();
    let app: Router = webhook::router(config(), move |_: UserEvent| {
        let counter = counter.clone();
        async move {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            counter.fetch_add(1, Ordering::SeqCst);
            Ok::<_, HandlerError>(json!(null))
        }
    });
    let events = Cell::new(0);
    let deliver = |event: usize| {
        let mut request = Request::post("/webhook/auth");
        for (name, value) in doubly(&format!("msg_{event}"), CHANGE) {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(CHANGE)).unwrap();
        let app = app.clone();
        async move { app.oneshot(request).await.unwrap().status().as_u16() }
    };
    let dropped = drop_at_each_await(
        "an event",
        async || deliver(events.get()).await,
        async |drop, status| {
            assert!(status.is_none_or(|status| status == 200));
            assert_eq!(deliver(events.get()).await, 200, "{drop:?}: sent again");
            events.set(events.get() + 1);
            assert_eq!(handled.load(Ordering::SeqCst), events.get(), "{drop:?}");
        },
    )
    .await;
    assert!(dropped >= 2, "{dropped}");
}

#[tokio::test]
async fn registration_whose_shutdown_is_dropped_makes_room_for_the_next() {
    let center = center().await;
    let client = client(&center);
    let orders = || Registration::builder("orders").port(8000).ips(["10.0.0.1".parse().unwrap()]);
    let is_online = async |registration: &Registration| {
        let mut states = registration.state_changes();
        let online = states.wait_for(|state| *state == RegistrationState::Online);
        tokio::time::timeout(SOON, online).await.unwrap().unwrap();
    };
    drop_at_each_await(
        "shutdown",
        async || {
            let registration = orders().start(&client).unwrap();
            is_online(&registration).await;
            registration.shutdown(SOON).await
        },
        async |drop, result| {
            assert!(result.is_none_or(|result| result.is_ok()), "{drop:?}");
            let next = orders().start(&client).unwrap();
            is_online(&next).await;
            next.shutdown(SOON).await.unwrap();
            let now = client.snapshot();
            assert_eq!((now.in_flight, now.waiting), (0, 0), "{drop:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn subscription_that_is_dropped_makes_room_for_the_next() {
    let center = center().await;
    let client = client(&center);
    let subscribe = || {
        let url = "https://orders.example/webhook/auth";
        Subscription::start(&client, url, ["user.updated"], "s".repeat(40)).unwrap()
    };
    drop_at_each_await(
        "subscription",
        async || {
            let subscription = subscribe();
            subscription.settled().await.unwrap();
            subscription.shutdown(SOON).await
        },
        async |drop, result| {
            assert!(result.is_none_or(|result| result.is_ok()), "{drop:?}");
            let next = subscribe();
            next.settled().await.unwrap();
            next.shutdown(SOON).await.unwrap();
            until("nothing is in flight", || client.snapshot().in_flight == 0).await;
        },
    )
    .await;
}
