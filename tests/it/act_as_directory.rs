//! The auth center as the directory of those whom admins act as: when it is asked, and what it makes of the answers.

use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter, Clock, Fault};
use aigc_auth::webhook;
use aigc_auth::{AuthClient, AuthLayer, ErrorKind, UserDirectory, UserId};
use axum::Router;
use futures_util::future::join_all;
use http::StatusCode;
use tower::ServiceExt;

use crate::act_as_support::{center, request, routes};
use crate::center_support::{Canned, client_of, until};
use crate::support::serve;
use crate::webhook_support::{CHANGE, Notes, config, report};

const MOMENT: Duration = Duration::from_millis(50);

/// A service at a center, whose token of root is known already.
struct Rig {
    center: AuthCenter,
    client: AuthClient,
    clock: Clock,
    app: Router,
}

impl Rig {
    async fn new() -> Self {
        let (center, clock) = (center().await, Clock::held());
        let client = client_of(&center, |builder| builder.clock(clock.clone()));
        let app = routes().layer(AuthLayer::new(client.clone()));
        let rig = Self { center, client, clock, app };
        assert_eq!(ask(&rig.app, None).await.0, 200);
        rig
    }

    /// What root is answered who acts as this one.
    async fn ask(&self, target: &str) -> (u16, String) {
        ask(&self.app, Some(target)).await
    }

    /// How often the center was asked for users.
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
async fn a_thousand_at_once_make_one_call() {
    for (target, expected) in [("7", alice()), ("9", refused(404, ""))] {
        let rig = Rig::new().await;
        rig.center.delay(MOMENT);
        let seen = join_all((0..1000).map(|_| rig.ask(target))).await;
        assert!(seen.iter().all(|seen| *seen == expected), "{target}");
        assert_eq!(rig.calls(), 1, "{target}");
    }
}

#[tokio::test]
async fn users_are_kept_for_30_s_and_unknown_ids_for_5() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask("7").await, alice());
    rig.center.update_user("alice", |user| user.is_admin = true);
    rig.advance(23_999);
    assert_eq!((rig.ask("7").await, rig.calls()), (alice(), 1));
    // Then it is asked again while the known answer serves.
    rig.advance(1);
    assert_eq!(rig.ask("7").await, alice());
    until("it is asked again", || rig.calls() == 2).await;
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
async fn what_the_client_forgets_is_asked_anew() {
    let rig = Rig::new().await;
    let notes = Notes::default();
    let hook = serve(webhook::router(config().invalidate(rig.client.clone()), notes.clone())).await;
    let root = UserId::from(1);
    for (what, asked) in [
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
        assert_eq!(rig.calls() - calls, asked, "{what}");
    }
    assert_eq!(notes.runs(), 1);
}

#[tokio::test]
async fn who_was_forgotten_while_he_was_looked_up_is_looked_up_again() {
    let rig = Rig::new().await;
    rig.center.delay(MOMENT);
    let app = rig.app.clone();
    let asking = tokio::spawn(async move { ask(&app, Some("7")).await });
    until("the look-up arrives", || rig.calls() == 1).await;
    rig.center.update_user("alice", |user| user.is_admin = true);
    rig.client.invalidate_user(7);
    assert_eq!((asking.await.unwrap(), rig.calls()), (refused(403, ""), 2));
}

#[tokio::test]
async fn an_outage_is_bridged_for_30_s_and_no_longer() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask("7").await, alice());
    rig.center.misbehave_on("/users/batch-by-ids", Fault::status(500));
    assert_eq!(rig.ask("9").await, refused(503, "1"));
    rig.advance(29_999);
    assert_eq!(rig.ask("7").await, alice());
    rig.advance(1);
    assert_eq!(rig.ask("7").await.0, 503);
    rig.center.behave();
    rig.advance(60_000);
    assert_eq!(rig.ask("7").await, alice());
}

#[tokio::test]
async fn a_center_that_is_down_is_left_alone() {
    let rig = Rig::new().await;
    rig.center.misbehave_on("/users/batch-by-ids", Fault::Reset);
    for id in 10..20 {
        assert_eq!(rig.ask(&id.to_string()).await, refused(503, "1"), "{id}");
    }
    let calls = rig.calls();
    for id in 20..40 {
        assert_eq!(rig.ask(&id.to_string()).await, refused(503, "1"), "{id}");
    }
    assert_eq!((calls, rig.calls()), (10, 10), "five look-ups, tried twice each");
}

#[tokio::test]
async fn only_what_the_center_says_of_the_user_is_said_of_him() {
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
        rig.center.misbehave_on("/users/batch-by-ids", fault);
        assert_eq!(rig.ask("7").await, expected, "{what}");
        let error = rig.client.find_user(&7.into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}");
        rig.center.behave();
        rig.advance(60_000);
        assert_eq!(rig.ask("7").await, alice(), "and it is not kept: {what}");
    }
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_none() {
    let user =
        |id: serde_json::Value, name: &str| serde_json::json!({"users": [{"id": id, "username": name}]});
    for (what, data, found) in [
        ("alice", user(7.into(), "alice"), true),
        ("the placeholder", user(7.into(), "未知用户"), false),
        ("a text", user("7".into(), "tom"), false),
        ("another", user(8.into(), "bob"), false),
        ("nobody", serde_json::json!({"users": []}), false),
    ] {
        let center = Canned::with_data(data).await;
        let client = center.client(|builder| builder);
        let seen = client.find_user(&7.into()).await.unwrap();
        assert_eq!(seen.is_some(), found, "{what}");
        assert_eq!(client.find_user(&7.into()).await.unwrap(), seen, "{what}");
        let requests = center.requests();
        assert_eq!((requests.len(), &requests[0].1), (1, &serde_json::json!({"userIds": [7]})), "{what}");
    }
}

#[tokio::test]
async fn a_number_and_its_text_are_kept_apart() {
    let center = center().await;
    let client = client_of(&center, |builder| builder);
    for _ in 0..2 {
        for (id, name) in [(UserId::from(7), "alice"), (UserId::from("7"), "tom")] {
            assert_eq!(&*client.find_user(&id).await.unwrap().unwrap().username, name);
        }
    }
    assert_eq!(center.calls("/users/batch-by-ids"), 2);
    // An id is no credential, and lets nobody in.
    for token in ["7", "i7", "s7"] {
        assert!(client.user_info(token).await.is_err(), "{token}");
    }
}

#[tokio::test]
async fn a_look_up_outlives_whoever_asked_first() {
    let rig = Rig::new().await;
    rig.center.delay(Duration::from_millis(200));
    let app = rig.app.clone();
    let first = tokio::spawn(async move { ask(&app, Some("7")).await });
    until("the look-up arrives", || rig.calls() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!((rig.ask("7").await, rig.calls()), (alice(), 1));

    // Also when nobody waits.
    let app = rig.app.clone();
    let kept = rig.client.cached();
    let only = tokio::spawn(async move { ask(&app, Some("u-8")).await });
    until("the look-up arrives", || rig.calls() == 2).await;
    only.abort();
    until("the answer is kept", || rig.client.cached() == kept + 1).await;
    assert_eq!((rig.ask("u-8").await.0, rig.calls()), (200, 2));
}

#[tokio::test]
async fn who_could_not_log_in_himself_is_nobody_to_act_as() {
    for (status, expected) in [
        (None, alice()),
        (Some("active"), alice()),
        (Some("ACTIVE"), alice()),
        (Some("disabled"), refused(404, "")),
        (Some("locked"), refused(404, "")),
    ] {
        let rig = Rig::new().await;
        rig.center.update_user("alice", |user| user.status = status.map(Into::into));
        assert_eq!(rig.ask("7").await, expected, "{status:?}");
    }
    let rig = Rig::new().await;
    rig.center.remove_user("alice");
    assert_eq!(rig.ask("7").await, refused(404, ""));
}
