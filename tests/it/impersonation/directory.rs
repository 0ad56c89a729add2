//! The auth center as the directory of target users: when it is called, and how its answers are read.

use std::time::Duration;

use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::UserDirectory;
use aigc_auth::testing::{self, AuthCenter, Clock, Fault};
use aigc_auth::webhook;
use aigc_auth::{AuthClient, AuthLayer, UserId};
use axum::Router;
use futures_util::future::join_all;
use http::StatusCode;
use tower::ServiceExt;

use crate::impersonation::support::{center, request, routes};
use crate::support::{self, Canned, client_with, serve, until, until_async};
use crate::webhook::support::{CHANGE, Notes, config, report};

const MOMENT: Duration = Duration::from_millis(50);

/// A service and its center, with the token of root in the cache.
struct Rig {
    center: AuthCenter,
    client: AuthClient,
    clock: Clock,
    app: Router,
}

impl Rig {
    async fn new() -> Self {
        let (center, clock) = (center().await, Clock::held());
        let client = client_with(&center, |builder| builder.clock(clock.clone()));
        let app = routes().layer(AuthLayer::new(client.clone()));
        let rig = Self { center, client, clock, app };
        assert_eq!(ask(&rig.app, None).await.0, 200);
        rig
    }

    /// The answer to root acting as this user.
    async fn ask(&self, target: &str) -> (u16, String) {
        ask(&self.app, Some(target)).await
    }

    /// How many directory lookups arrived at the center.
    fn calls(&self) -> usize {
        self.center.calls("/users/batch-by-ids")
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

/// The status, and the body of a 200 or the `Retry-After` of anything else.
async fn ask(app: &Router, target: Option<&str>) -> (u16, String) {
    let answer = app.clone().oneshot(request("root-token", target)).await.unwrap();
    let status = answer.status();
    if status != StatusCode::OK {
        let retry_after = answer.headers().get("retry-after").map(|after| after.to_str().unwrap());
        return (status.as_u16(), retry_after.unwrap_or_default().to_owned());
    }
    let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
    (200, String::from_utf8(body.into()).unwrap())
}

fn alice() -> (u16, String) {
    (200, "7 alice by root".to_owned())
}

fn refused(status: u16, retry_after: &str) -> (u16, String) {
    (status, retry_after.to_owned())
}

#[tokio::test]
async fn concurrent_lookups_share_one_call() {
    for (target, expected) in [("7", alice()), ("9", refused(404, ""))] {
        let rig = Rig::new().await;
        rig.center.delay(MOMENT);
        let seen = join_all((0..1000).map(|_| rig.ask(target))).await;
        assert!(seen.iter().all(|seen| *seen == expected), "{target}");
        assert_eq!(rig.calls(), 1, "{target}");
    }
}

#[tokio::test]
async fn users_are_cached_30_s_and_unknown_ids_5_s() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask("7").await, alice());
    rig.center.update_user("alice", |user| user.admin(true));
    // 70 % of the 30 s are not over yet.
    rig.advance(20_999);
    assert_eq!((rig.ask("7").await, rig.calls()), (alice(), 1));
    // After 90 % at the latest it is refreshed, while the cached answer is served.
    rig.advance(6_001);
    assert_eq!(rig.ask("7").await, alice());
    // The call may still be in flight when the center has counted it: the refreshed answer is the one to wait for.
    until_async("it is refreshed", async || rig.ask("7").await != alice()).await;
    assert_eq!((rig.ask("7").await, rig.calls()), (refused(403, ""), 2));
    rig.advance(30_000);
    assert_eq!((rig.ask("7").await, rig.calls()), (refused(403, ""), 3));

    let calls = rig.calls();
    assert_eq!(rig.ask("9").await, refused(404, ""));
    rig.center.add_user(testing::user("carol").id(9));
    rig.advance(4_999);
    assert_eq!((rig.ask("9").await, rig.calls()), (refused(404, ""), calls + 1));
    rig.advance(1);
    assert_eq!((rig.ask("9").await.1.as_str(), rig.calls()), ("9 carol by root", calls + 2));
}

#[tokio::test]
async fn invalidation_triggers_new_lookup() {
    let rig = Rig::new().await;
    let notes = Notes::default();
    let hook = serve(webhook::router(config().invalidate(rig.client.clone()), notes.clone())).await;
    let root = UserId::from(1);
    for (what, lookups) in [
        ("nothing", 0),
        ("alice", 1),
        ("alice by text", 1),
        ("by name", 1),
        ("root", 0),
        ("all", 1),
        ("event", 1),
    ] {
        assert_eq!(rig.ask("7").await, alice());
        match what {
            "alice" => rig.client.invalidate_user(7),
            "alice by text" => rig.client.invalidate_user("7"),
            "by name" => rig.client.invalidate_username("alice"),
            "root" => rig.client.invalidate_user(root.clone()),
            "all" => rig.client.clear_cache(),
            "event" => assert_eq!(report(&hook, CHANGE).await.status, 200),
            _ => {}
        }
        let calls = rig.calls();
        assert_eq!(rig.ask("7").await, alice());
        assert_eq!(rig.calls() - calls, lookups, "{what}");
    }
    assert_eq!(notes.runs(), 1);
}

#[tokio::test]
async fn invalidation_during_lookup_repeats_it() {
    let rig = Rig::new().await;
    rig.center.delay(MOMENT);
    let app = rig.app.clone();
    let asking = tokio::spawn(async move { ask(&app, Some("7")).await });
    until("the lookup arrives", || rig.calls() == 1).await;
    rig.center.update_user("alice", |user| user.admin(true));
    rig.client.invalidate_user(7);
    assert_eq!((asking.await.unwrap(), rig.calls()), (refused(403, ""), 2));
}

#[tokio::test]
async fn cached_user_is_served_30_s_during_outage() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask("7").await, alice());
    rig.center.inject_fault_on("/users/batch-by-ids", Fault::status(500));
    assert_eq!(rig.ask("9").await, refused(503, "1"));
    rig.advance(29_999);
    assert_eq!(rig.ask("7").await, alice());
    rig.advance(1);
    assert_eq!(rig.ask("7").await.0, 503);
    rig.center.clear_faults();
    rig.advance(60_000);
    assert_eq!(rig.ask("7").await, alice());
}

#[tokio::test]
async fn circuit_opens_after_five_failed_lookups() {
    let rig = Rig::new().await;
    rig.center.inject_fault_on("/users/batch-by-ids", Fault::status(503));
    for id in 10..20 {
        assert_eq!(rig.ask(&id.to_string()).await, refused(503, "1"), "{id}");
    }
    let calls = rig.calls();
    for id in 20..40 {
        assert_eq!(rig.ask(&id.to_string()).await, refused(503, "1"), "{id}");
    }
    assert_eq!((calls, rig.calls()), (10, 10), "five lookups, tried twice each");
}

#[tokio::test]
async fn center_errors_are_503_and_not_cached() {
    let not_now = Fault::too_many_requests(7);
    for (what, fault, expected) in [
        ("401", Fault::code(401, "no"), refused(503, "1")),
        ("403", Fault::code(403, "no"), refused(503, "1")),
        ("404", Fault::code(404, "no"), refused(503, "1")),
        ("409", Fault::code(409, "no"), refused(503, "1")),
        ("too many", not_now, refused(503, "7")),
        ("not found", Fault::status(404), refused(503, "1")),
        ("a page", Fault::Html, refused(503, "1")),
        ("no ids", Fault::MissingId, refused(503, "1")),
    ] {
        let rig = Rig::new().await;
        rig.center.inject_fault_on("/users/batch-by-ids", fault);
        assert_eq!(rig.ask("7").await, expected, "{what}");
        let error = rig.client.find_user(&7.into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}");
        rig.center.clear_faults();
        rig.advance(60_000);
        assert_eq!(rig.ask("7").await, alice(), "and it is not cached: {what}");
    }
}

#[tokio::test]
async fn answer_with_other_id_is_unknown_user() {
    let user =
        |id: serde_json::Value, name: &str| serde_json::json!({"users": [{"id": id, "username": name}]});
    for (what, data, found) in [
        ("alice", user(7.into(), "alice"), true),
        ("the placeholder", user(7.into(), "未知用户"), false),
        ("a text", user("7".into(), "tom"), false),
        ("another", user(8.into(), "bob"), false),
        ("no user", serde_json::json!({"users": []}), false),
    ] {
        let center = Canned::with_data(data).await;
        let client = center.client(|builder| builder);
        let seen = client.find_user(&7.into()).await.unwrap();
        assert_eq!(seen.is_some(), found, "{what}");
        assert_eq!(client.find_user(&7.into()).await.unwrap(), seen, "{what}");
        let requests = center.requests();
        assert_eq!(
            (requests.len(), &requests[0].1),
            (1, &serde_json::json!({"userIds": [7], "user_ids": [7]})),
            "{what}"
        );
    }
}

#[tokio::test]
async fn numeric_and_text_ids_are_cached_separately() {
    let center = center().await;
    let client = support::client(&center);
    for _ in 0..2 {
        for (id, name) in [(UserId::from(7), "alice"), (UserId::from("7"), "tom")] {
            assert_eq!(client.find_user(&id).await.unwrap().unwrap().username(), name);
        }
    }
    assert_eq!(center.calls("/users/batch-by-ids"), 2);
    // An id is no credential.
    for token in ["7", "i7", "s7"] {
        assert!(client.user_info(token).await.is_err(), "{token}");
    }
}

#[tokio::test]
async fn lookup_survives_cancelled_caller() {
    let rig = Rig::new().await;
    rig.center.delay(Duration::from_millis(200));
    let app = rig.app.clone();
    let first = tokio::spawn(async move { ask(&app, Some("7")).await });
    until("the lookup arrives", || rig.calls() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!((rig.ask("7").await, rig.calls()), (alice(), 1));

    // Also when no other caller waits.
    let app = rig.app.clone();
    let cached = rig.client.cache_len();
    let only = tokio::spawn(async move { ask(&app, Some("u-8")).await });
    until("the lookup arrives", || rig.calls() == 2).await;
    only.abort();
    until("the answer is cached", || rig.client.cache_len() == cached + 1).await;
    assert_eq!((rig.ask("u-8").await.0, rig.calls()), (200, 2));
}

#[tokio::test]
async fn inactive_or_deleted_user_is_unknown() {
    for (status, expected) in [
        (None, alice()),
        (Some("active"), alice()),
        (Some("ACTIVE"), alice()),
        (Some("disabled"), refused(404, "")),
        (Some("locked"), refused(404, "")),
    ] {
        let rig = Rig::new().await;
        rig.center.update_user("alice", |user| match status {
            Some(status) => user.status(status),
            None => testing::user("alice").id(7),
        });
        assert_eq!(rig.ask("7").await, expected, "{status:?}");
    }
    let rig = Rig::new().await;
    rig.center.remove_user("alice");
    assert_eq!(rig.ask("7").await, refused(404, ""));
}
