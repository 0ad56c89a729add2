//! The tenant of an admin who acts as another user.

use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::tenant::{CurrentTenant, Membership, TenantBinding, TenantPolicy};
use aigc_auth::{ActAsUser, AuthLayer, CurrentUser, UserInfo, context};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::support::{Table, ask};
use crate::impersonation::support::{FakeDirectory, HEADER, Mood, Sink, TokenVerifier};
use crate::support::Log;

/// Root (1) is an owner of `acme`; alice (7) is an admin there.
fn table() -> Table {
    let table = Table::new();
    table.say(1, Some("acme"), Membership::builder(1, "acme").roles(["owner"]));
    table.say(1, None, Membership::builder(1, "home-1").roles(["owner"]));
    table
}

fn app(verifier: TokenVerifier, table: Table, sink: Sink) -> Router {
    fn told(who: Option<ActAsUser>, tenant: &CurrentTenant) -> Json<Value> {
        Json(json!({
            "for": who.map(|who| who.user_id().clone()),
            "tenant_of": tenant.user_id(),
            "org": tenant.org_id(),
            "roles": tenant.org_roles(),
            "context": context::tenant().map(|tenant| tenant.user_id().clone()),
            "actor": context::actor().map(|user| user.id().clone()),
        }))
    }
    Router::new()
        .route("/first", get(|who: ActAsUser, tenant: CurrentTenant| async move { told(Some(who), &tenant) }))
        .route("/last", get(|tenant: CurrentTenant, who: ActAsUser| async move { told(Some(who), &tenant) }))
        .route("/alone", get(|_: CurrentUser, tenant: CurrentTenant| async move { told(None, &tenant) }))
        .layer(
            AuthLayer::tokens_only(verifier)
                .act_as(ActAsPolicy::new().directory(FakeDirectory::new()).audit(sink))
                .tenants(TenantPolicy::new(table)),
        )
}

#[tokio::test]
async fn tenant_is_that_of_the_user_acted_for_in_any_order() {
    let (table, sink) = (table(), Sink::new(Mood::Well));
    let app = app(TokenVerifier::new(), table.clone(), sink.clone());
    for path in ["/first", "/last", "/alone"] {
        let log = Log::start();
        let headers = [(HEADER, "7"), ("x-org-id", "acme")];
        let (status, body) = ask(&app, path, "root-token", &headers).await;
        assert_eq!(status, 200, "{path}");
        let expected_for = if path == "/alone" { Value::Null } else { json!(7) };
        assert_eq!(
            body,
            json!({"for": expected_for, "tenant_of": 7, "org": "acme", "roles": ["admin"], "context": 7, "actor": 1}),
            "{path}"
        );
        assert_eq!(sink.take().len(), 1, "{path}: audited once");
        assert_eq!(table.asked_about(), [r#"("Int(7)", Some("acme"))"#], "{path}");
        let lines = log.take();
        let line = lines.lines().find(|line| line.contains("in their organisation")).unwrap();
        for part in [r#"actor_id="1""#, r#"target_id="7""#, r#"org_id="acme""#] {
            assert!(line.contains(part), "{line}");
        }
        // Without a target, the caller's own.
        let (_, body) = ask(&app, path, "root-token", &[("x-org-id", "acme")]).await;
        assert_eq!((&body["tenant_of"], &body["roles"]), (&json!(1), &json!(["owner"])), "{path}");
        table.asked_about();
    }
}

#[tokio::test]
async fn impersonation_is_decided_before_the_tenant_is_looked_up() {
    let (table, sink) = (table(), Sink::new(Mood::Well));
    let app = app(TokenVerifier::new(), table.clone(), sink.clone());
    for (what, token, target, org, expected) in [
        ("no admin", "alice-token", "1", "acme", 403),
        ("an admin as another", "root-token", "2", "acme", 403),
        ("nobody", "root-token", "99", "acme", 404),
        ("a bad header", "root-token", "7", "", 400),
    ] {
        for path in ["/first", "/last", "/alone"] {
            let headers = [(HEADER, target), ("x-org-id", org)];
            assert_eq!(ask(&app, path, token, &headers).await.0, expected, "{what}: {path}");
        }
        assert_eq!(table.asked_about(), Vec::<String>::new(), "{what}");
    }
    sink.take();
    // What the user acted for may not, the admin may not either.
    let headers = [(HEADER, "7"), ("x-org-id", "home-1")];
    assert_eq!(ask(&app, "/first", "root-token", &headers).await.0, 403);
    // The attempt is refused if it cannot be audited.
    sink.turn(Mood::Failing);
    table.asked_about();
    assert_eq!(ask(&app, "/alone", "root-token", &[(HEADER, "7")]).await.0, 503);
    assert_eq!(table.asked_about(), Vec::<String>::new());
}

#[tokio::test]
async fn bound_credential_stays_bound_while_acting() {
    let admin = UserInfo::builder(3, "desk").admin(true).bound_to(TenantBinding::to_org("acme")).build();
    let app = app(TokenVerifier::new().and(admin), table(), Sink::new(Mood::Well));
    for (headers, expected) in [
        (vec![(HEADER, "7")], (200, Some("acme"))),
        (vec![(HEADER, "7"), ("x-org-id", "acme")], (200, Some("acme"))),
        (vec![(HEADER, "7"), ("x-org-id", "umbrella")], (403, None)),
    ] {
        let (status, body) = ask(&app, "/last", "desk-token", &headers).await;
        assert_eq!((status, body["org"].as_str()), expected, "{headers:?}");
    }
}
