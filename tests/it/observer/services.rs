use std::time::Duration;

use aigc_auth::registry::RegistrationState;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::Fault;
use aigc_auth::usage::ApiRecord;
use aigc_auth::user_sync::{PushOptions, UserSync};
use aigc_auth::webhook::{HandlerError, InMemoryReplays, UserEvent};
use aigc_auth::{ActAsUser, AuthLayer};
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use super::support::Notes;
use crate::impersonation;
use crate::registry::support::{PATIENCE, heartbeats_until, is, orders};
use crate::support::{self, get_as, serve, until};
use crate::user_sync::events::handle;
use crate::user_sync::support::{Desk, Store, all_created, config};
use crate::webhook::support as webhooks;

pub(super) fn observed(center: &aigc_auth::testing::AuthCenter, notes: &Notes) -> aigc_auth::AuthClient {
    support::client_with(center, |builder| builder.observer(notes.clone()))
}

/// Adds up the records of each outcome.
pub(super) fn sums(notes: &Notes) -> std::collections::BTreeMap<String, u64> {
    let mut sums = std::collections::BTreeMap::new();
    for line in notes.lines_of("usage") {
        let mut words = line.split(' ').skip(1);
        let (outcome, records) = (words.next().unwrap(), words.next().unwrap().parse::<u64>().unwrap());
        let outcome = [Some(outcome), words.next()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        *sums.entry(outcome).or_default() += records;
    }
    sums
}

#[tokio::test]
async fn usage_records_are_told_by_what_becomes_of_them() {
    let center = support::center().await;
    let notes = Notes::default();
    let client = observed(&center, &notes);
    let stats = StatsCollector::builder().queue_capacity(40).start(&client);
    let app = serve(
        Router::new().route("/", get(|| async {})).layer(AuthLayer::new(client).with_stats(stats.clone())),
    )
    .await;
    for _ in 0..30 {
        get_as(app.address, "alice-token", "/").await;
    }
    let counts = stats.flush(PATIENCE).await;
    assert_eq!((counts.recorded, counts.delivered), (30, 30));
    assert_eq!(sums(&notes), [("delivered".to_owned(), 30), ("recorded".to_owned(), 30)].into());

    center.inject_fault_on("/stats/report/batch", Fault::status(503));
    get_as(app.address, "alice-token", "/").await;
    stats.flush(Duration::from_millis(500)).await;
    until("it was tried again", || notes.has("usage retried 1")).await;
    center.clear_faults();
    center.inject_fault_on("/stats/report/batch", Fault::status(400));
    let counts = stats.flush(PATIENCE).await;
    assert_eq!(counts.dead_lettered, 1, "{counts:?}");
    let told = sums(&notes);
    assert_eq!((told["recorded"], told["rejected"]), (1, 1), "{told:?}");

    let counts = stats.shutdown(PATIENCE).await;
    stats.record(
        ApiRecord::new("GET", "/late").credential(aigc_auth::credential::Credential::new("t").unwrap()),
    );
    assert_eq!(sums(&notes), [("dropped shutdown".to_owned(), 1)].into());
    assert_eq!(stats.snapshot().dropped, counts.dropped + 1);
}

#[tokio::test]
async fn webhooks_are_told_by_their_outcome() {
    let center = support::center().await;
    let notes = Notes::default();
    let handler = |event: UserEvent| async move {
        match event.name() {
            "user.created" => Err::<Value, HandlerError>("not today".into()),
            _ => Ok(json!({})),
        }
    };
    // The cache that it invalidates has the observer.
    let app = webhooks::serve_hook(webhooks::config().invalidate(observed(&center, &notes)), handler).await;
    let created = r#"{"event": "user.created", "data": {"id": 8, "username": "bob"}}"#;
    webhooks::report(&app, webhooks::CHANGE).await;
    webhooks::report(&app, webhooks::CHANGE).await;
    webhooks::report(&app, created).await;
    webhooks::deliver(&app, &vec![("x-webhook-signature", "00".repeat(32))], webhooks::CHANGE).await;
    webhooks::report(&app, "no event").await;
    assert_eq!(
        notes.lines(),
        [
            "webhook accepted 200 user.updated",
            "webhook replayed 200 user.updated",
            "webhook failed 500 user.created",
            "webhook refused 401",
            "webhook refused 400",
        ]
    );
    let own = Notes::default();
    let config = webhooks::config().observer(own.clone()).invalidate(observed(&center, &notes));
    let app = webhooks::serve_hook(config, handler).await;
    webhooks::report(&app, webhooks::CHANGE).await;
    assert_eq!((own.lines().len(), notes.lines().len()), (1, 0), "the one that was set goes before");
}

/// Two processes that share what they have handled.
#[tokio::test]
async fn event_that_another_process_handles_is_told_as_busy() {
    let notes = Notes::default();
    let memory = std::sync::Arc::new(InMemoryReplays::new());
    let handler = webhooks::Gated::new();
    let config = || webhooks::config().observer(notes.clone()).replay_memory(memory.clone());
    let one = webhooks::serve_hook(config(), handler.clone()).await;
    let other = webhooks::serve_hook(config(), handler.clone()).await;
    let busy = async {
        handler.started().await;
        assert_eq!(webhooks::report(&other, webhooks::CHANGE).await.status, 503);
        assert_eq!(notes.lines(), ["webhook busy 503 user.updated"]);
        handler.go();
    };
    tokio::join!(webhooks::report(&one, webhooks::CHANGE), busy);
    webhooks::report(&other, webhooks::CHANGE).await;
    assert_eq!(notes.lines(), ["webhook accepted 200 user.updated", "webhook replayed 200 user.updated"]);
}

#[tokio::test]
async fn users_are_told_by_what_is_done_for_them() {
    let center = support::center().await;
    let notes = Notes::default();
    let store = Store::new();
    let sync = UserSync::new(observed(&center, &notes), store.clone(), config()).unwrap();
    let bob = |mail: &str| json!({"id": 8, "username": "bob", "email": mail, "updatedFields": ["email"], "initialPassword": "x"});
    for (event, data, expected) in [
        ("user.created", bob("a@x"), Some("user_sync created 1")),
        ("user.updated", bob("b@x"), Some("user_sync updated 1")),
        ("user.updated", bob("b@x"), Some("user_sync unchanged 1")),
        ("user.deleted", bob("b@x"), Some("user_sync removed 1")),
        ("user.deleted", bob("b@x"), Some("user_sync unchanged 1")),
        ("user.unheard_of", bob("b@x"), None),
    ] {
        handle(&sync, event, data).await.unwrap();
        assert_eq!(notes.lines_of("user_sync"), Vec::from_iter(expected), "{event}");
    }
    store.fail("find");
    handle(&sync, "user.created", bob("a@x")).await.unwrap_err();
    assert_eq!(notes.lines_of("user_sync"), ["user_sync failed 1"]);
}

#[tokio::test]
async fn pushed_users_are_told() {
    let notes = Notes::default();
    let store = Store::of((0..5).map(|n| json!({"login": format!("user-{n}"), "mail": "a@x"})));
    let desk = Desk::start(all_created).await;
    let client =
        aigc_auth::AuthClient::builder("test-app", "test-secret", desk.url()).observer(notes.clone());
    let sync = UserSync::new(client.build().unwrap(), store, config()).unwrap();
    let summary = sync.push_all(PushOptions::new()).finish().await.unwrap();
    assert_eq!(summary.created, 5);
    assert_eq!(notes.lines_of("user_sync"), ["user_sync pushed 5"]);
}

#[tokio::test]
async fn registration_is_told_from_its_start_to_its_end() {
    let center = support::center().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let notes = Notes::default();
    let handle = orders().start(&observed(&center, &notes)).unwrap();
    is(&handle, RegistrationState::Online).await;
    until("it is told", || notes.has("registry registered orders 2")).await;
    assert_eq!(
        notes.lines_of("registry"),
        ["registry config_changed orders 2", "registry registered orders 2"]
    );
    heartbeats_until("a heartbeat is told", || notes.has("registry heartbeat orders 2")).await;
    center.inject_fault(Fault::status(503));
    heartbeats_until("a failure is told", || notes.has("registry failed orders 2 unavailable")).await;
    center.clear_faults();
    notes.take();
    heartbeats_until("it goes on", || notes.has("registry heartbeat orders 2")).await;
    handle.shutdown(PATIENCE).await.unwrap();
    assert!(notes.has("registry unregistered orders 2"));
}

#[tokio::test]
async fn attempts_to_act_as_another_user_are_told() {
    let center = impersonation::support::center().await;
    let notes = Notes::default();
    let client = observed(&center, &notes);
    let app = Router::new().route("/", get(impersonation::support::who)).layer(AuthLayer::new(client));
    let app = serve(app).await;
    for (credential, target, status, expected) in [
        ("root-token", "7", 200, Some("act_as 1 7 granted")),
        ("root-token", "999", 404, Some("act_as 1 999 unknown_user")),
        ("root-token", "2", 403, Some("act_as 1 2 denied")),
        ("alice-token", "u-8", 403, Some("act_as 7 u-8 missing_permission")),
        // Nobody else.
        ("root-token", "1", 200, None),
    ] {
        let bearer = format!("Bearer {credential}");
        let headers = [("authorization", &*bearer), (impersonation::support::HEADER, target)];
        assert_eq!(support::get(app.address, "/", &headers).await.status, status, "{credential} {target}");
        assert_eq!(notes.lines_of("act_as"), Vec::from_iter(expected), "{credential} {target}");
    }
    let _: fn(ActAsUser) -> _ = impersonation::support::who;
}
