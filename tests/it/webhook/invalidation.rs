//! Which cache entries an event invalidates, and when.

use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter, Clock, TestKey};
use aigc_auth::webhook::{self, HandlerError, UserEvent};
use aigc_auth::{AuthLayer, CurrentUser};
use axum::Router;
use axum::routing::{self, get};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Answer, App, client, get_as, post, serve};
use crate::webhook::support::{
    Gated, InvalidationLog, Notes, config, deliver, doubly, refused, report, run, serve_hook, signed,
    standard,
};

const ALICES: [&str; 2] = ["alice-token", "ak_alice"];
const BOBS: [&str; 2] = ["bob-token", "ak_bob"];

/// A service that knows alice (id 7) and bob (id `u-8`) by a token and an access key each, and receives events from
/// their center; its handler waits for a go.
struct Service {
    center: AuthCenter,
    app: App,
    handler: Gated,
}

impl Service {
    async fn start() -> Self {
        let center = AuthCenter::start().await;
        center.add_user(testing::user("alice").id(7));
        center.add_user(testing::user("bob").id("u-8"));
        for name in ["alice", "bob"] {
            center.add_token(format!("{name}-token"), name);
            center.add_access_key(format!("ak_{name}"), TestKey::user(name));
        }
        let (client, handler) = (client(&center), Gated::new());
        let app = Router::new()
            .route("/", get(|user: CurrentUser| async move { user.username().to_string() }))
            .layer(AuthLayer::new(client.clone()))
            .merge(webhook::router(config().invalidate(client).max_in_flight(1), handler.clone()));
        let service = Self { center, app: serve(app).await, handler };
        assert_eq!(service.looked_up().await, [true; 4]);
        assert_eq!(service.looked_up().await, [false; 4], "all are cached now");
        service
    }

    /// Makes a request with each credential, alice's and then bob's, and says which of them were looked up.
    async fn looked_up(&self) -> [bool; 4] {
        let mut calls_made = [false; 4];
        for (credential, calls_made) in ALICES.iter().chain(&BOBS).zip(&mut calls_made) {
            let before = self.calls();
            assert_eq!(get_as(self.app.address, credential, "/").await.status, 200, "{credential}");
            *calls_made = self.calls() > before;
        }
        calls_made
    }

    fn calls(&self) -> usize {
        self.center.calls("/user/info") + self.center.calls("/access-key/verify")
    }

    /// Reports an event in the background.
    fn reporting(&self, body: &str) -> JoinHandle<Answer> {
        let (address, headers, body) = (self.app.address, signed(body), body.to_owned());
        tokio::spawn(async move { post(address, "/webhook/auth", &headers, body).await })
    }
}

fn event(name: &str, data: &Value) -> String {
    json!({ "event": name, "data": data }).to_string()
}

const NOBODY: [bool; 4] = [false; 4];
const ALICE: [bool; 4] = [true, true, false, false];
const BOB: [bool; 4] = [false, false, true, true];
const ALL: [bool; 4] = [true; 4];

#[tokio::test]
async fn event_invalidates_its_user_before_handler_returns() {
    let service = Service::start().await;
    let (alice, bob) = (json!({"id": 7, "username": "alice"}), json!({"id": "u-8", "username": "bob"}));
    let with_status = |status: &str| json!({"id": 7, "username": "alice", "status": status});
    for (name, data, expected) in [
        ("user.updated", &alice, ALICE),
        ("user.updated", &bob, BOB),
        ("user.updated", &json!({"id": 7, "updatedFields": ["roles"]}), ALICE),
        // The JSON of some languages writes numbers so.
        ("user.updated", &json!({"id": "7"}), ALICE),
        ("user.updated", &json!({"username": "alice"}), ALICE),
        ("user.updated", &json!({"username": "bob"}), BOB),
        // The user has another name from now on.
        ("user.updated", &json!({"id": 7, "username": "alice2"}), ALICE),
        ("user.updated", &json!({"id": 9, "username": "carol"}), NOBODY),
        ("user.updated", &json!({"id": 8}), NOBODY),
        ("user.updated", &json!({}), ALL),
        ("user.updated", &json!({"email": "alice@example.com"}), ALL),
        ("user.deleted", &alice, ALICE),
        ("user.deleted", &json!({}), ALL),
        ("user.deleted", &json!({"id": "", "username": ""}), ALL),
        ("user.login", &alice, NOBODY),
        ("user.login", &with_status("active"), NOBODY),
        ("user.login", &with_status("disabled"), ALICE),
        ("user.login", &json!({"id": 7, "updatedFields": ["email"]}), ALICE),
        ("user.login", &json!({"id": 7, "updatedFields": []}), NOBODY),
        ("user.login", &json!({}), NOBODY),
        ("user.login", &json!({"status": "disabled"}), ALL),
        ("user.created", &alice, NOBODY),
        ("user.created", &with_status("locked"), ALICE),
        ("user.disabled", &alice, ALICE),
        ("user.disabled", &json!({"username": "bob"}), BOB),
        ("user.disabled", &json!("alice"), ALL),
        ("user.init_sync_auth", &json!({}), NOBODY),
        ("team.updated", &alice, NOBODY),
    ] {
        let body = event(name, data);
        let reporting = service.reporting(&body);
        service.handler.started().await;
        assert_eq!(service.looked_up().await, expected, "{body}");
        assert_eq!(service.looked_up().await, NOBODY, "once: {body}");
        assert!(!reporting.is_finished() && service.handler.notes.runs() == 0, "{body}");
        service.handler.go();
        assert_eq!(run(&reporting.await.unwrap()), Some(1), "{body}");
        service.handler.notes.take();
        assert_eq!(service.looked_up().await, NOBODY, "and not again when it has returned: {body}");
    }
}

#[tokio::test]
async fn disabled_or_deleted_user_is_rejected_after_event() {
    for (name, data, status) in [
        ("user.updated", json!({"id": 7, "status": "disabled"}), 403),
        ("user.disabled", json!({"username": "alice"}), 403),
        ("user.deleted", json!({"id": 7}), 401),
    ] {
        let service = Service::start().await;
        if name == "user.deleted" {
            service.center.remove_user("alice");
        } else {
            service.center.disable_user("alice");
        }
        assert_eq!(service.looked_up().await, NOBODY, "no event has arrived yet");
        let _reporting = service.reporting(&event(name, &data));
        service.handler.started().await;
        for credential in ALICES {
            let answer = get_as(service.app.address, credential, "/").await;
            assert_eq!(answer.status, status, "{name} {credential}: {answer:?}");
        }
        for credential in BOBS {
            assert_eq!(get_as(service.app.address, credential, "/").await.body, "bob");
        }
    }
}

#[tokio::test]
async fn rejected_delivery_invalidates_nothing() {
    let service = Service::start().await;
    let body = event("user.deleted", &json!({}));
    for (headers, body, status) in [
        (vec![], &*body, 401),
        (signed("{}"), &body, 401),
        (standard("msg_1", -310, &body), &body, 401),
        ([signed(&body), standard("msg_1", 0, "{}")].concat(), &body, 401),
        (signed("{}"), "{}", 400),
        (signed(&body[1..]), &body[1..], 400),
    ] {
        refused(&deliver(&service.app, &headers, body).await, status);
        assert_eq!(service.looked_up().await, NOBODY);
    }
}

#[tokio::test]
async fn replayed_failed_or_overflowing_event_still_invalidates() {
    let service = Service::start().await;
    let (alice, bob) =
        (event("user.updated", &json!({"username": "alice"})), event("user.updated", &json!({"id": "u-8"})));
    let first = service.reporting(&alice);
    service.handler.started().await;
    assert_eq!(service.looked_up().await, ALICE);
    refused(&report(&service.app, &bob).await, 503);
    assert_eq!(service.looked_up().await, BOB, "no room");
    service.handler.go();
    first.await.unwrap();
    // The user may have been read from a replica that had not seen the change yet.
    assert_eq!(run(&report(&service.app, &alice).await), None);
    assert_eq!(service.looked_up().await, ALICE, "again");
    // With a field amiss, a deletion is a deletion all the same.
    let amiss = event("user.deleted", &json!({"id": 7, "email": 5}));
    refused(&report(&service.app, &amiss).await, 400);
    assert_eq!(service.looked_up().await, ALICE, "amiss");
}

#[tokio::test]
async fn every_cache_is_invalidated_before_handler_runs() {
    let (first, second) = (InvalidationLog::default(), InvalidationLog::default());
    let seen = second.clone();
    let config = config().invalidate(first.clone()).invalidate(second);
    let handler = move |_: UserEvent| std::future::ready(Ok::<_, HandlerError>(seen.take().len()));
    let app = serve_hook(config, handler).await;
    let body = event("user.updated", &json!({"id": 7, "username": "爱丽丝"}));
    let alice = [(Some(7.into()), Some("爱丽丝".to_owned()))];
    for headers in [signed(&body), standard("msg_1", 0, &body), doubly("msg_2", &body)] {
        assert_eq!(deliver(&app, &headers, &body).await.body, "1");
        assert_eq!(first.take(), alice);
    }
}

/// Whoever has captured an event without an id and a username must not keep the caches empty with it.
#[tokio::test]
async fn repeated_event_of_nobody_clears_caches_once_per_second() {
    let (log, clock) = (InvalidationLog::default(), Clock::held());
    let config = config().clock(clock.clone()).invalidate(log.clone());
    let app = serve_hook(config.clone(), Notes::default()).await;
    let extractor = serve(
        Router::new()
            .route("/webhook/auth", routing::post(|event: UserEvent| async move { event.name().to_owned() }))
            .with_state(config),
    )
    .await;
    let (one, two, malformed, named) = (
        event("user.updated", &json!({})),
        event("user.updated", &json!({"email": "a@b.c"})),
        event("user.deleted", &json!({"email": 5})),
        event("user.updated", &json!({"id": 7})),
    );
    for (what, body, millis, cleared) in [
        ("new", &one, 0, 1),
        ("again", &one, 0, 0),
        ("almost a second later", &one, 999, 0),
        ("a second later", &one, 1, 1),
        ("again", &one, 500, 0),
        ("another, which is new", &two, 0, 1),
        ("and again", &two, 0, 0),
        ("both, a second later", &one, 500, 1),
        ("share it", &two, 0, 0),
        ("new, though no event", &malformed, 0, 1),
        ("and again", &malformed, 0, 0),
        ("of somebody", &named, 0, 1),
        ("and again", &named, 0, 1),
    ] {
        clock.advance(Duration::from_millis(millis));
        report(&app, body).await;
        assert_eq!(log.take().len(), cleared, "{what}");
        // The extractors share it: they notice no replays otherwise.
        report(&extractor, body).await;
        assert_eq!(log.take().len(), usize::from(*body == named), "{what}, at the extractor");
    }
}
