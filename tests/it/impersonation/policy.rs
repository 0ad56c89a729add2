//! What the policy of a service grants, and which directory it uses.

use std::sync::Arc;

use aigc_auth::cached::Cached;
use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::testing::{self, Clock};
use aigc_auth::user::AccessKeyKind;
use aigc_auth::{AuthError, AuthLayer, UserId, UserInfo};
use axum::Router;
use axum::routing::any;
use tower::ServiceExt;

use crate::impersonation::support::{
    FakeDirectory, HEADER, TokenVerifier, act_as, center, request, routes, who,
};
use crate::support::{self, Log, client_with, serve, verdict};

/// An id is of the same kind as the caller's own.
#[tokio::test]
async fn target_id_has_type_of_actor_id() {
    let directory = FakeDirectory::new();
    let layer =
        AuthLayer::tokens_only(TokenVerifier::new()).act_as(ActAsPolicy::new().directory(directory.clone()));
    let app = serve(routes().layer(layer)).await;
    for (credential, target, id, expected) in [
        ("root-token", "7", UserId::from(7), Ok("7 alice by root")),
        ("sue-token", "7", UserId::from("7"), Ok("7 tom by sue")),
        ("root-token", "u-8", UserId::from("u-8"), Ok("u-8 bob by root")),
        ("sue-token", "u-8", UserId::from("u-8"), Ok("u-8 bob by sue")),
        ("root-token", "-7", UserId::from(-7), Err(404)),
        ("root-token", "07", UserId::from("07"), Err(404)),
        ("root-token", "+7", UserId::from("+7"), Err(404)),
        ("root-token", "-0", UserId::from("-0"), Err(404)),
        ("root-token", "7.0", UserId::from("7.0"), Err(404)),
        ("root-token", "9223372036854775807", UserId::from(i64::MAX), Err(404)),
        ("root-token", "9223372036854775808", UserId::from("9223372036854775808"), Err(404)),
        ("root-token", "7, 8", UserId::from("7, 8"), Err(404)),
        ("root-token", "用户", UserId::from("用户"), Err(404)),
    ] {
        let answer = act_as(app.address, credential, target).await;
        assert_eq!(
            (verdict(&answer), directory.looked_up()),
            (expected, vec![id]),
            "{credential} as {target}"
        );
    }
}

#[tokio::test]
async fn unauthorized_actor_triggers_no_lookup() {
    let (directory, center) = (FakeDirectory::new(), center().await);
    let policy = ActAsPolicy::new().directory(directory.clone());
    let app = serve(routes().layer(support::auth(&center).act_as(policy.clone().read_only()))).await;
    for target in ["7", "2", "9"] {
        for (method, credential) in [("GET", "alice-token"), ("GET", "ak_app"), ("POST", "root-token")] {
            let credential = format!("Bearer {credential}");
            let headers = [("authorization", &*credential), (HEADER, target)];
            let answer = support::request(app.address, method, "/", &headers).await;
            assert_eq!(answer.status, 403, "{credential} as {target}");
        }
    }
    assert!(directory.looked_up().is_empty());
}

#[tokio::test]
async fn policy_options_grant_or_reject() {
    let policy = || ActAsPolicy::new().directory(FakeDirectory::new());
    let only = |policy: ActAsPolicy| {
        policy.only_if(|attempt| {
            let name = attempt.target.as_ref().map(|target| target.username());
            attempt.actor.username() == "root"
                && (attempt.target_id == Some(7.into()) && name == Some("alice")
                    || attempt.target_id == Some(2.into()))
                && attempt.path == "/"
                && attempt.method != http::Method::DELETE
                && attempt.refusal.is_none()
        })
    };
    let by_root = |name: &str, id: &str| Ok(format!("{id} {name} by root"));
    let (alice, eve, refused) = (by_root("alice", "7"), by_root("eve", "2"), Err(403));
    let unknown = |id: &str| Ok(format!("{id} ? by root"));
    for (what, policy, rows) in [
        ("default", policy(), vec![("GET", "7", &alice), ("DELETE", "7", &alice), ("GET", "2", &refused)]),
        (
            "admins too",
            policy().allow_admin_targets(),
            vec![("GET", "7", &alice), ("POST", "2", &eve), ("GET", "9", &Err(404))],
        ),
        (
            "read-only",
            policy().read_only(),
            vec![
                ("GET", "7", &alice),
                ("OPTIONS", "7", &alice),
                ("TRACE", "7", &alice),
                ("POST", "7", &refused),
                ("PUT", "7", &refused),
                ("PATCH", "7", &refused),
                ("DELETE", "7", &refused),
                ("get", "7", &refused),
                ("MKCOL", "7", &refused),
                ("POST", "", &Ok("1 root".to_owned())),
                ("POST", "1", &Ok("1 root".to_owned())),
            ],
        ),
        (
            "only if",
            only(policy()),
            vec![
                ("GET", "7", &alice),
                ("DELETE", "7", &refused),
                ("GET", "u-8", &refused),
                // The other rules hold all the same.
                ("GET", "2", &refused),
                ("GET", "9", &Err(404)),
            ],
        ),
        (
            "any target",
            policy().insecure_any_target(),
            vec![("GET", "9", &unknown("9")), ("GET", "2", &unknown("2")), ("GET", "x", &unknown("x"))],
        ),
        (
            "any target, but",
            only(policy().insecure_any_target()),
            vec![("GET", "9", &refused), ("GET", "2", &unknown("2"))],
        ),
        // Such as of a verifier that wraps another, and has forgotten to pass its directory on.
        ("no directory", ActAsPolicy::new(), vec![("GET", "9", &Err(500)), ("GET", "2", &Err(500))]),
    ] {
        let layer = AuthLayer::tokens_only(TokenVerifier::new()).act_as(policy);
        let app = serve(Router::new().route("/", any(who)).layer(layer)).await;
        for (method, target, expected) in rows {
            let headers = [("authorization", "Bearer root-token"), (HEADER, target)];
            let answer = support::request(app.address, method, "/", &headers).await;
            assert_eq!(verdict(&answer).map(str::to_owned), *expected, "{what}: {method} as {target:?}");
        }
    }
}

#[tokio::test]
async fn access_keys_impersonate_as_far_as_the_policy_lets_them() {
    let by_machine = Ok("7 alice by machine");
    for (kind, by_default, tokens_only) in [
        (None, by_machine, by_machine),
        (Some(AccessKeyKind::User), by_machine, Err(403)),
        (Some(AccessKeyKind::Global), by_machine, Err(403)),
        // Even as an admin.
        (Some(AccessKeyKind::App), Err(403), Err(403)),
    ] {
        let policy = || ActAsPolicy::new().directory(FakeDirectory::new());
        for (policy, expected) in [(policy(), by_default), (policy().tokens_only(), tokens_only)] {
            let actor = UserInfo::builder(0, "machine").admin(true);
            let actor = kind.into_iter().fold(actor, |actor, kind| actor.access_key(kind)).build();
            let layer = AuthLayer::tokens_only(TokenVerifier::new().and(actor)).act_as(policy);
            let app = serve(routes().layer(layer)).await;
            assert_eq!(verdict(&act_as(app.address, "machine-token", "7").await), expected, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn verifier_is_directory_unless_policy_sets_one() {
    let center = center().await;
    let client = || client_with(&center, |builder| builder.clock(Clock::held()));
    let directory = FakeDirectory::with(|_| Some(Ok(Some(testing::user("carol").id(7).build()))));
    let own = ActAsPolicy::new().directory(directory.clone());
    for (what, layer, expected, calls, lookups) in [
        ("a client", AuthLayer::new(client()), Ok("7 alice by root"), 1, 0),
        ("a shared client", AuthLayer::new(Arc::new(client())), Ok("7 alice by root"), 1, 0),
        ("a boxed client", AuthLayer::new(Box::new(client())), Ok("7 alice by root"), 1, 0),
        ("a static client", AuthLayer::new(&*Box::leak(Box::new(client()))), Ok("7 alice by root"), 1, 0),
        ("a cached client", AuthLayer::new(Cached::new(client())), Ok("7 alice by root"), 1, 0),
        ("a client for tokens", AuthLayer::tokens_only(client()), Ok("7 alice by root"), 1, 0),
        ("no directory", AuthLayer::tokens_only(TokenVerifier::new()), Err(500), 0, 0),
        (
            "no directory, through a cache",
            AuthLayer::tokens_only(Cached::new(TokenVerifier::new())),
            Err(500),
            0,
            0,
        ),
        ("one that is given", AuthLayer::new(client()).act_as(own.clone()), Ok("7 carol by root"), 0, 1),
        (
            "one that is shared",
            AuthLayer::new(client()).act_as(ActAsPolicy::new().directory(Arc::new(directory.clone()))),
            Ok("7 carol by root"),
            0,
            1,
        ),
        ("any target", AuthLayer::new(client()).act_as(own.insecure_any_target()), Ok("7 ? by root"), 0, 0),
    ] {
        center.clear_requests();
        let app = serve(routes().layer(layer)).await;
        assert_eq!(verdict(&act_as(app.address, "root-token", "7").await), expected, "{what}");
        let counted = (center.calls("/users/batch-by-ids"), directory.looked_up().len());
        assert_eq!(counted, (calls, lookups), "{what}");
    }
}

#[tokio::test]
async fn missing_directory_says_what_to_do() {
    let log = Log::start();
    let app = serve(routes().layer(AuthLayer::tokens_only(TokenVerifier::new()))).await;
    // Who may not act as others learns nothing of it.
    for (credential, status) in [("alice-token", 403), ("root-token", 500)] {
        let answer = act_as(app.address, credential, "7").await;
        assert_eq!(answer.status, status, "{credential}");
        assert!(!answer.body.contains("directory"), "{}", answer.body);
        let lines = log.take();
        let says =
            lines.contains("Pass on `Verify::directory`") && lines.contains("`ActAsPolicy::directory`");
        assert_eq!(says, status == 500, "{lines}");
    }
    assert_eq!(act_as(app.address, "root-token", "1").await.body, "1 root", "their own id");
}

#[tokio::test]
async fn failing_directory_is_503() {
    let log = Log::start();
    let says = |kind: ErrorKind| {
        FakeDirectory::with(move |_| Some(Err(AuthError::new(kind).with_detail("hunter2"))))
    };
    let later = || {
        let seconds = std::time::Duration::from_secs(7);
        Some(Err(AuthError::new(ErrorKind::Unavailable).with_retry_after(seconds)))
    };
    for (what, directory, retry_after) in [
        ("unavailable", says(ErrorKind::Unavailable), "1"),
        ("unavailable for a while", FakeDirectory::with(move |_| later()), "7"),
        ("internal", says(ErrorKind::Internal), "1"),
        ("denied", says(ErrorKind::Denied), "1"),
        ("invalid", says(ErrorKind::InvalidCredential), "1"),
    ] {
        let layer =
            AuthLayer::tokens_only(TokenVerifier::new()).act_as(ActAsPolicy::new().directory(directory));
        let app = serve(routes().layer(layer)).await;
        let answer = act_as(app.address, "root-token", "7").await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some(retry_after)), "{what}");
        assert!(!answer.body.contains("hunter2"), "{what}");
        let lines = log.take();
        assert!(lines.contains("aigc_auth::audit: acting as another user was refused"), "{what}: {lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_directory_is_503_after_5_s() {
    let layer = AuthLayer::tokens_only(TokenVerifier::new());
    let app = routes().layer(layer.act_as(ActAsPolicy::new().directory(FakeDirectory::with(|_| None))));
    let start = tokio::time::Instant::now();
    let answer = app.oneshot(request("root-token", Some("7"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), start.elapsed().as_secs()), (503, 5));
}

#[tokio::test]
async fn access_key_client_is_directory() {
    let center = center().await;
    let client = || support::client(&center);
    let layer = AuthLayer::tokens_only(TokenVerifier::new()).with_access_keys(client());
    let app = serve(routes().layer(layer)).await;
    for (credential, target, expected) in [
        ("root-token", "7", Ok("7 alice by root")),
        ("root-token", "2", Err(403)),
        ("root-token", "9", Err(404)),
        ("ak_root", "7", Ok("7 alice by root")),
    ] {
        assert_eq!(
            verdict(&act_as(app.address, credential, target).await),
            expected,
            "{credential}, {target}"
        );
    }
}

#[tokio::test]
async fn directory_returning_other_id_is_404() {
    let found = |id: &UserId| match id.as_str() {
        // As a table that compares without case.
        Some("U-8") => testing::user("bob").id("u-8").build(),
        _ => testing::user("alice").id("7").build(),
    };
    let policy = ActAsPolicy::new().directory(FakeDirectory::with(move |id| Some(Ok(Some(found(id))))));
    let app = serve(routes().layer(AuthLayer::tokens_only(TokenVerifier::new()).act_as(policy))).await;
    for (credential, target) in [("sue-token", "U-8"), ("root-token", "7")] {
        assert_eq!(act_as(app.address, credential, target).await.status, 404, "{target}");
    }
    assert_eq!(verdict(&act_as(app.address, "sue-token", "7").await), Ok("7 alice by sue"));
}
