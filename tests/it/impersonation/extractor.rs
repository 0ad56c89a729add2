//! `ActAsUser`: which actors may act as which users, the header, and the refusals.

use aigc_auth::error::{ErrorResponder, Language};
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::testing;
use aigc_auth::{ActAsUser, AuthLayer, CurrentUser, RequireAdmin, RequirePermission, permissions};
use axum::Router;
use axum::middleware::from_extractor;
use axum::routing::get;
use serde_json::json;

use crate::impersonation::support::{
    FakeDirectory, HEADER, Mood, Sink, TokenVerifier, act_as, center, routes, who,
};
use crate::support::{self, get_as, send, serve, verdict};

permissions! {
    ReadReports = "report:read";
    WriteReports = "report:write";
}

#[tokio::test]
async fn admin_or_global_key_acts_as_regular_users_only() {
    let center = center().await;
    let app = serve(routes().layer(support::auth(&center))).await;
    for (credential, target, expected) in [
        ("root-token", "7", Ok("7 alice by root")),
        ("root-token", "u-8", Ok("u-8 bob by root")),
        ("root-token", "1", Ok("1 root")),
        ("root-token", "2", Err(403)),
        ("root-token", "u-1", Err(403)),
        ("root-token", "9", Err(404)),
        ("root-token", "nobody", Err(404)),
        ("ak_root", "7", Ok("7 alice by root")),
        ("ak_global", "7", Ok("7 alice by ak_global")),
        ("ak_global", "0", Ok("0 ak_global")),
        ("ak_global", "1", Err(403)),
        ("ak_app", "7", Err(403)),
        ("ak_app", "0", Err(403)),
        ("alice-token", "u-8", Err(403)),
        ("alice-token", "1", Err(403)),
        ("alice-token", "9", Err(403)),
        ("alice-token", "7", Err(403)),
        ("unknown", "7", Err(401)),
    ] {
        let answer = act_as(app.address, credential, target).await;
        assert_eq!(verdict(&answer), expected, "{credential} as {target}");
    }
    for (credential, expected) in
        [("alice-token", "7 alice"), ("root-token", "1 root"), ("ak_app", "0 ak_app_test-app")]
    {
        assert_eq!(verdict(&get_as(app.address, credential, "/").await), Ok(expected));
    }
}

type Headers<'a> = &'a [(&'a str, &'a [u8])];

#[tokio::test]
async fn header_is_parsed_strictly() {
    let center = center().await;
    let app = serve(routes().layer(support::auth(&center))).await;
    let (longest, too_long) = ("x".repeat(256), "x".repeat(257));
    let (for_alice, self_again) = (Ok("7 alice by root"), Ok("1 root"));
    let table: &[(Headers<'_>, _)] = &[
        (&[("X-Act-As-User-Id", b"7")], for_alice),
        (&[("X-ACT-AS-USER-ID", b"7")], for_alice),
        (&[("x-act-as-user-id", b"  7\t ")], for_alice),
        (&[("x-act-as-user-id", "\u{3000}7\u{a0}".as_bytes())], for_alice),
        (&[("x-act-as-user-id", b"")], self_again),
        (&[("x-act-as-user-id", b" \t ")], self_again),
        (&[("x-act-as-user-id", "\u{3000}".as_bytes())], self_again),
        (&[("x-act-as-user-id", b" 1 ")], self_again),
        (&[("x_act_as_user_id", b"7")], self_again),
        (&[("x-act-as-user-id", b"7"), ("X-Act-As-User-Id", b"7")], Err(400)),
        (&[("x-act-as-user-id", b""), ("x-act-as-user-id", b"7")], Err(400)),
        (&[("x-act-as-user-id", b"1"), ("x-act-as-user-id", b"")], Err(400)),
        (&[("x-act-as-user-id", b"\xff")], Err(400)),
        (&[("x-act-as-user-id", b"7\xc3")], Err(400)),
        (&[("x-act-as-user-id", "7\u{85}8".as_bytes())], Err(400)),
        (&[("x-act-as-user-id", b"7\t8")], Err(400)),
        (&[("x-act-as-user-id", longest.as_bytes())], Err(404)),
        (&[("x-act-as-user-id", too_long.as_bytes())], Err(400)),
    ];
    for (headers, expected) in table {
        let headers = [&[("authorization", &b"Bearer root-token"[..])], *headers].concat();
        let answer = send(app.address, "GET", "/", &headers).await;
        assert_eq!(verdict(&answer), *expected, "{:?}", &headers[1..]);
    }
}

#[tokio::test]
async fn refusals_have_status_code_message_and_challenge() {
    let center = center().await;
    let english = serve(routes().layer(support::auth(&center))).await;
    let chinese = serve(routes().layer(support::auth(&center).language(Language::Chinese))).await;
    let insufficient = Some(r#"Bearer error="insufficient_scope""#);
    let control = "a\u{85}b";
    for (credential, target, status, code, messages, challenge) in [
        ("alice-token", "u-8", 403, 403, ["Permission is missing", "权限不足"], insufficient),
        ("root-token", "2", 403, 403, ["Access is denied", "禁止访问"], None),
        ("root-token", "9", 404, 404, ["There is no such user", "用户不存在"], None),
        ("root-token", control, 400, 400, ["The request is invalid", "请求无效"], None),
        (
            "root-token",
            "7",
            503,
            -1,
            ["The credential cannot be verified right now", "鉴权服务暂不可用"],
            None,
        ),
    ] {
        if status == 503 {
            center.inject_fault_on("/users/batch-by-ids", testing::Fault::status(500));
        }
        for (app, message) in [&english, &chinese].into_iter().zip(messages) {
            let answer = act_as(app.address, credential, target).await;
            assert_eq!(answer.status, status, "{target:?}");
            assert_eq!(answer.json(), json!({"code": code, "message": message, "data": null}));
            assert_eq!(answer.header("www-authenticate"), challenge, "{target:?}");
            assert_eq!(answer.header("retry-after"), (status == 503).then_some("1"), "{target:?}");
        }
    }
    center.clear_faults();
    let responder = ErrorResponder::new(|refusal| {
        let error = refusal.error();
        (error.status(), format!("{:?}", error.kind()))
    });
    let own = support::auth(&center).error_responder(responder);
    let own = serve(routes().layer(own)).await;
    assert_eq!(act_as(own.address, "root-token", "2").await.body, "Denied");
}

#[tokio::test]
async fn extracted_twice_looks_up_and_audits_once() {
    async fn twice(first: ActAsUser, second: ActAsUser) -> String {
        assert_eq!(first.user_id(), second.user_id());
        who(second).await
    }
    let (directory, sink) = (FakeDirectory::new(), Sink::new(Mood::Well));
    let policy = ActAsPolicy::new().directory(directory.clone()).audit(sink.clone());
    let app = Router::new()
        .route("/", get(twice))
        .route_layer(from_extractor::<ActAsUser>())
        .layer(AuthLayer::tokens_only(TokenVerifier::new()).act_as(policy));
    let app = serve(app).await;
    for (target, expected, lookups, audited) in [
        ("7", Ok("7 alice by root"), 1, 1),
        ("", Ok("1 root"), 0, 0),
        ("2", Err(403), 1, 1),
        ("9", Err(404), 1, 1),
    ] {
        assert_eq!(verdict(&act_as(app.address, "root-token", target).await), expected);
        assert_eq!((directory.looked_up().len(), sink.take().len()), (lookups, audited), "{target:?}");
    }
}

#[tokio::test]
async fn permissions_stay_those_of_the_actor() {
    let rights = Router::new()
        .route(
            "/",
            get(|user: CurrentUser, who: ActAsUser, again: CurrentUser| async move {
                format!("{} {} {}", user.username(), who.user_id(), again.username())
            }),
        )
        .route("/read", get(|_: ActAsUser, _: RequirePermission<ReadReports>| async { "read" }))
        .route("/write", get(|_: ActAsUser, _: RequirePermission<WriteReports>| async { "written" }))
        .route("/admin", get(|_: ActAsUser, _: RequireAdmin| async { "an admin" }));
    let center = center().await;
    let app = serve(rights.layer(support::auth(&center))).await;
    for (path, expected) in
        [("/", Ok("root 7 root")), ("/read", Err(403)), ("/write", Ok("written")), ("/admin", Ok("an admin"))]
    {
        let headers = [("authorization", "Bearer root-token"), (HEADER, "7")];
        assert_eq!(verdict(&support::get(app.address, path, &headers).await), expected, "{path}");
    }
}

#[tokio::test]
async fn without_authenticated_caller_is_rejected() {
    let center = center().await;
    let auth = || support::auth(&center);
    let without = serve(routes()).await;
    let excluded = serve(routes().layer(auth().exclude_path("/"))).await;
    let anonymous = serve(routes().layer(auth().allow_anonymous())).await;
    let as_alice = &[(HEADER, "7")][..];
    let root = ("authorization", "Bearer root-token");
    for (what, app, headers, expected) in [
        ("without a layer", &without, as_alice, Err(500)),
        ("without a layer", &without, &[root], Err(500)),
        ("without a layer", &without, &[root, as_alice[0]], Err(500)),
        ("excluded", &excluded, &[root], Err(500)),
        ("excluded", &excluded, &[root, as_alice[0]], Err(500)),
        ("anonymous", &anonymous, &[], Err(401)),
        ("anonymous", &anonymous, as_alice, Err(401)),
        ("anonymous", &anonymous, &[("authorization", "Bearer unknown"), as_alice[0]], Err(401)),
        ("anonymous", &anonymous, &[root, as_alice[0]], Ok("7 alice by root")),
    ] {
        assert_eq!(verdict(&support::get(app.address, "/", headers).await), expected, "{what}: {headers:?}");
    }
    assert_eq!(center.calls("/users/batch-by-ids"), 1);
}

#[tokio::test]
async fn signed_in_test_layer_supports_impersonation() {
    for (user, target, expected) in [
        (testing::user("root").id(1).admin(true), "7", Ok("7 ? by root")),
        (testing::user("root").id(1).admin(true), "1", Ok("1 root")),
        (testing::user("alice").id(7), "1", Err(403)),
        (testing::user("alice").id(7), "", Ok("7 alice")),
    ] {
        let app = serve(routes().layer(testing::signed_in(user))).await;
        assert_eq!(verdict(&act_as(app.address, "ignored", target).await), expected, "{target:?}");
    }
}
