use aigc_auth::error::{ErrorResponder, Language};
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::layer::GuardLayer;
use aigc_auth::observer::{Event, RefusedBy};
use aigc_auth::service::{CurrentService, ServiceIdentity};
use aigc_auth::tenant::{CurrentTenant, TenantPolicy};
use aigc_auth::testing::{self, EventLog, TestAuthLayer, UsageLog};
use aigc_auth::usage::ApiRecord;
use aigc_auth::{
    ActAsUser, CurrentUser, OptionalUser, RequireAdmin, RequirePermission, context, permissions,
};
use axum::Router;
use axum::routing::get;
use serde_json::Value;

use super::ask;
use crate::outbound::support::{Host, outbound};
use crate::tenant::support::Table;

permissions! {
    Purge = "report:purge";
}

#[tokio::test]
async fn handler_that_calls_others_sends_the_credential_of_the_test() {
    let host = Host::http().await;
    let usage = UsageLog::new();
    let client = outbound(&[&host], |builder| builder);
    let url = host.at("/orders");
    let orders = get(move |user: Option<CurrentUser>| async move {
        client.get(&url).send().await.unwrap();
        user.map_or("nobody".into(), |user| user.username().to_owned())
    });
    let app = |auth: TestAuthLayer| Router::new().route("/", orders.clone()).layer(auth);
    let alice = || testing::signed_in(testing::user("alice")).with_stats(usage.clone());
    // Not the header of the request: the test says who is signed in, and by what.
    let headers = [("authorization", "Bearer of-the-request")];
    for (auth, caller, sent) in [
        (alice().with_credential("alice-token"), "alice", Some("Bearer alice-token")),
        (alice().with_credential("ak_alice"), "alice", Some("Bearer ak_alice")),
        (alice(), "alice", None),
        (testing::anonymous().with_stats(usage.clone()), "nobody", None),
    ] {
        assert_eq!(ask(&app(auth), "/", &headers).await, (200, caller.to_owned()));
        assert_eq!(host.one().header("authorization"), sent);
    }
    let records = usage.records();
    assert_eq!(records.len(), 4);
    let (first, last) = (&records[0], &records[3]);
    assert_eq!((&*first.method, &*first.path, first.status), ("GET", &*host.at("/orders"), 200));
    assert_eq!(first.user.as_ref().map(|user| user.username()), Some("alice"));
    assert_eq!(first.credential.as_ref().map(|credential| credential.as_str()), Some("alice-token"));
    assert!(first.is_billable && last.user.is_none() && !last.is_billable, "{records:?}");
}

#[tokio::test]
async fn nobody_is_signed_in() {
    let app = Router::new()
        .route(
            "/optional",
            get(|OptionalUser(user): OptionalUser| async move { format!("{}", user.is_none()) }),
        )
        .route("/option", get(|user: Option<CurrentUser>| async move { format!("{}", user.is_none()) }))
        .route("/context", get(|| async { format!("{}", context::current_user().is_none()) }))
        .route("/user", get(|_: CurrentUser| async {}))
        .route("/admin", get(|_: RequireAdmin| async {}))
        .route("/permission", get(|_: RequirePermission<Purge>| async {}))
        .route("/service", get(|_: CurrentService| async {}))
        .merge(Router::new().route("/guarded", get(|| async {})).route_layer(GuardLayer::admin()))
        .layer(testing::anonymous().tell_missing_permission());
    // Whatever is sent: no credential was verified.
    for headers in [&[][..], &[("authorization", "Bearer t")]] {
        for path in ["/optional", "/option", "/context"] {
            assert_eq!(ask(&app, path, headers).await, (200, "true".to_owned()), "{path}");
        }
        for path in ["/user", "/admin", "/permission", "/service", "/guarded"] {
            let (status, body) = ask(&app, path, headers).await;
            assert_eq!(status, 401, "{path}");
            assert!(
                body.contains("No bearer credential was sent") && !body.contains("purge"),
                "{path}: {body}"
            );
        }
    }
}

#[tokio::test]
async fn answers_are_those_of_the_settings() {
    let app = |auth: TestAuthLayer| {
        Router::new().route("/purge", get(|_: RequirePermission<Purge>| async {})).layer(auth)
    };
    let alice = || testing::signed_in(testing::user("alice"));
    let own = ErrorResponder::new(|refusal| {
        (refusal.error().status(), format!("{} {}", refusal.uri().path(), refusal.message()))
    });
    for (auth, expected) in [
        (alice(), r#"{"code":403,"message":"Permission is missing","data":null}"#),
        (
            alice().tell_missing_permission(),
            r#"{"code":403,"message":"Permission is missing: report:purge","data":null}"#,
        ),
        (alice().language(Language::Chinese), r#"{"code":403,"message":"权限不足","data":null}"#),
        (alice().error_responder(own.clone()), "/purge Permission is missing"),
        (
            alice().language(Language::Chinese).tell_missing_permission().error_responder(own),
            "/purge 权限不足：report:purge",
        ),
    ] {
        assert_eq!(ask(&app(auth), "/purge", &[]).await, (403, expected.to_owned()));
    }
    let (_, problem) = ask(&app(alice().error_responder(ErrorResponder::problem())), "/purge", &[]).await;
    assert_eq!(serde_json::from_str::<Value>(&problem).unwrap()["type"], "about:blank");
}

#[tokio::test]
async fn policies_are_those_of_the_settings() {
    let app = |auth: TestAuthLayer| {
        Router::new()
            .route("/target", get(|user: ActAsUser| async move { user.user_id().to_string() }))
            .route("/tenant", get(|tenant: CurrentTenant| async move { tenant.org_id().to_string() }))
            .layer(auth)
    };
    let root = || testing::signed_in(testing::user("root").admin(true));
    let users = testing::users([
        ("a", testing::user("alice").id(7)),
        ("o", testing::user("other").id(8).admin(true)),
    ]);
    let policy = || ActAsPolicy::new().directory(users.clone());
    for (auth, target, status) in [
        (root(), "99", 200),
        (root().act_as(policy()), "7", 200),
        (root().act_as(policy()), "99", 404),
        (root().act_as(policy()), "8", 403),
        (root().act_as(policy().allow_admin_targets()), "8", 200),
        (root().act_as(ActAsPolicy::new()), "7", 500),
    ] {
        let answer = ask(&app(auth), "/target", &[("x-act-as-user-id", target)]).await;
        assert_eq!(answer.0, status, "{target}: {answer:?}");
    }
    let alice = testing::signed_in(testing::user("alice").id(7)).tenants(TenantPolicy::new(Table::new()));
    let app = app(alice);
    assert_eq!(ask(&app, "/tenant", &[("x-org-id", "acme")]).await, (200, "acme".to_owned()));
    assert_eq!(ask(&app, "/tenant", &[("x-org-id", "nobodys")]).await.0, 403);
}

#[tokio::test]
async fn services_sign_in_like_users() {
    let app = Router::new()
        .route("/service", get(|service: CurrentService| async move { service.name().to_owned() }))
        .route("/user", get(|_: CurrentUser| async {}))
        .route("/credential", get(|| async { format!("{}", context::credential().is_some()) }))
        .layer(testing::signed_in(ServiceIdentity::new("frontend")).with_credential("token-of-a-service"));
    assert_eq!(ask(&app, "/service", &[]).await, (200, "frontend".to_owned()));
    assert_eq!(ask(&app, "/user", &[]).await.0, 403);
    assert_eq!(ask(&app, "/credential", &[]).await, (200, "true".to_owned()));
}

#[tokio::test]
async fn records_of_handlers_are_kept() {
    let usage = UsageLog::new();
    let handler = get(|| async {
        context::stats().unwrap().record(ApiRecord::new("POST", "/step").status(201));
    });
    let alice = testing::signed_in(testing::user("alice")).with_credential("t").with_stats(usage.clone());
    assert_eq!(ask(&Router::new().route("/", handler).layer(alice), "/", &[]).await.0, 200);
    let records = usage.records();
    let seen: Vec<_> = records.iter().map(|record| (&*record.path, record.status)).collect();
    assert_eq!(seen, [("/step", 201)], "the request itself is the real layer's to record");
}

#[test]
fn credentials_that_cannot_be_panic() {
    let panics = |auth: fn() -> TestAuthLayer| std::panic::catch_unwind(auth).is_err();
    assert!(panics(|| testing::anonymous().with_credential("t")));
    assert!(panics(|| testing::signed_in(testing::user("alice")).with_credential("two words")));
    assert!(!panics(|| testing::signed_in(testing::user("alice")).with_credential("t")));
}

#[tokio::test]
async fn events_are_those_of_the_layer() {
    let events = EventLog::new();
    let app = |auth: TestAuthLayer| {
        Router::new()
            .route("/purge", get(|_: RequirePermission<Purge>| async {}))
            .route("/target", get(|_: ActAsUser| async {}))
            .layer(auth.observer(events.clone()))
    };
    let act_as = [("x-act-as-user-id", "7")];
    for (auth, path, status) in [
        (testing::signed_in(testing::user("alice")), "/purge", 403),
        (testing::anonymous(), "/purge", 401),
        (testing::signed_in(testing::user("root").admin(true)), "/target", 200),
    ] {
        assert_eq!(ask(&app(auth), path, &act_as).await.0, status, "{path}");
    }
    let told = events.events();
    let [Event::Refused(purge), Event::Refused(nobody), Event::ActAs(acting)] = &told[..] else {
        panic!("other events: {told:#?}")
    };
    assert_eq!((purge.status(), purge.needed.as_deref()), (403, Some("report:purge")));
    assert_eq!((nobody.status(), nobody.by), (401, RefusedBy::Handler));
    assert_eq!((&acting.actor, acting.error), (&testing::user_id("root"), None));
    events.clear();
    assert!(events.events().is_empty());
}
