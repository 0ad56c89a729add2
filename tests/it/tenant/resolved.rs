//! One look-up a request at most, and who hears of its outcome.

use aigc_auth::credential::Credential;
use aigc_auth::error::ErrorResponder;
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::layer::TenantGuardLayer;
use aigc_auth::outbound::OutboundClient;
use aigc_auth::permission::{AllOf, AnyOf};
use aigc_auth::tenant::{CurrentTenant, Membership, RequireOrg, RequireTeam, TenantPolicy};
use aigc_auth::usage::ApiRecord;
use aigc_auth::{ActAsUser, context, org_actions, team_actions};
use axum::middleware::from_extractor;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tracing::Instrument;

use super::support::{Table, ask, layer, unavailable};
use crate::impersonation::support::{FakeDirectory, HEADER};
use crate::outbound::support::Host;
use crate::stats::support::Rig;
use crate::support::{self, Log, serve};

org_actions! {
    pub(crate) enum OrgRole { Owner = "owner", Admin = "admin", Member = "member" }
    pub(crate) Rename = "RENAME": Owner, Admin;
    pub(crate) View = "VIEW": Owner, Admin, Member;
    pub(crate) Delete = "DELETE": Owner;
}

team_actions! {
    pub(crate) enum TeamRole { Admin = "admin", Member = "member" }
    pub(crate) Create = "CREATE": Admin, Member;
    pub(crate) Manage = "MANAGE": Admin;
}

type Both = AllOf<(Rename, View)>;

fn routes() -> Router {
    async fn told() -> Json<Value> {
        Json(json!(context::tenant().map(|tenant| tenant.org_id().clone())))
    }
    let all = |_: CurrentTenant,
               _: RequireOrg<Both>,
               _: RequireTeam<AnyOf<(Manage, Create)>>,
               _: Option<CurrentTenant>,
               _: Result<RequireOrg<Delete>, aigc_auth::AuthError>| told();
    Router::new()
        .route("/all", get(all))
        .route_layer(from_extractor::<RequireOrg<View>>())
        .route("/failing", get(|_: Result<CurrentTenant, aigc_auth::AuthError>, _: RequireOrg<View>| told()))
        .route("/plain", get(told))
        .route("/delete", get(|_: RequireOrg<AllOf<(View, Delete)>>| told()))
        .route("/team", get(|_: RequireTeam<Manage>| told()))
        .merge(guarded("/guarded", TenantGuardLayer::org::<View>()))
        .merge(guarded("/guarded-delete", TenantGuardLayer::org::<Delete>()))
}

/// A route whose handler asks for no tenant, below a guard that does.
fn guarded(path: &str, guard: TenantGuardLayer) -> Router {
    let handler = || async {
        tracing::info!("in the handler");
        Json(json!(context::tenant().map(|tenant| tenant.org_id().clone())))
    };
    Router::new().route(path, get(handler)).route_layer(guard)
}

#[tokio::test]
async fn membership_is_looked_up_once_however_many_ask() {
    let table = Table::new();
    let app = routes().layer(layer(TenantPolicy::new(table.clone())));
    let headers = [("x-org-id", "acme"), ("x-team-id", "design")];
    assert_eq!(ask(&app, "/all", "alice-token", &headers).await, (200, json!("acme")));
    assert_eq!(table.asked(), 1);
    // The outcome that nobody could tell is one, too.
    table.refuse(7, Some("acme"), unavailable());
    assert_eq!(ask(&app, "/failing", "alice-token", &headers).await.0, 503);
    assert_eq!(table.asked(), 2);
    // Without an extractor, nobody is asked, whatever the headers say.
    assert_eq!(ask(&app, "/plain", "alice-token", &headers).await, (200, Value::Null));
    assert_eq!(ask(&app, "/plain", "alice-token", &[("x-org-id", "")]).await, (200, Value::Null));
    assert_eq!(table.asked(), 2);
}

#[tokio::test]
async fn refusal_names_the_action() {
    let responder = ErrorResponder::new(|refusal| {
        let error = refusal.error();
        (error.status(), Json(json!(error.to_string())))
    });
    let app = routes().layer(layer(TenantPolicy::new(Table::new())).error_responder(responder));
    for (path, token, headers, expected) in [
        (
            "/delete",
            "alice-token",
            vec![("x-org-id", "acme")],
            (403, "in the organisation: (VIEW and DELETE)"),
        ),
        (
            "/team",
            "bob-token",
            vec![("x-org-id", "acme"), ("x-team-id", "app")],
            (403, "in the team: MANAGE"),
        ),
        ("/team", "alice-token", vec![("x-org-id", "acme")], (400, "names no team")),
        (
            "/team",
            "alice-token",
            vec![("x-org-id", "acme"), ("x-team-id", "lab")],
            (403, "no active member of the team"),
        ),
    ] {
        let (status, body) = ask(&app, path, token, &headers).await;
        let text = body.as_str().unwrap_or_default();
        assert!(status == expected.0 && text.contains(expected.1), "{path} {token}: {status} {text}");
    }
}

#[tokio::test]
async fn guard_of_a_router_rejects_as_the_extractors_do() {
    let table = Table::new();
    let routes = |guard| Router::new().route("/", get(|_: CurrentTenant| async {})).route_layer(guard);
    let by_role = TenantGuardLayer::new(|tenant| match tenant.has_org_role("owner") {
        true => Ok(()),
        false => Err(aigc_auth::error::ErrorKind::Denied.into()),
    });
    let acme = ("x-org-id", "acme");
    for (what, guard, headers, expected) in [
        ("an action", TenantGuardLayer::org::<Rename>(), vec![acme], 200),
        ("an action of others", TenantGuardLayer::org::<Delete>(), vec![acme], 403),
        ("another organisation", TenantGuardLayer::org::<View>(), vec![("x-org-id", "none")], 403),
        ("a bad header", TenantGuardLayer::org::<View>(), vec![acme, acme], 400),
        ("an action in a team", TenantGuardLayer::team::<Manage>(), vec![acme, ("x-team-id", "design")], 200),
        ("no team", TenantGuardLayer::team::<Manage>(), vec![acme], 400),
        ("a role", by_role.clone(), vec![], 200),
        ("a role of others", by_role, vec![acme], 403),
    ] {
        table.asked_about();
        let app = routes(guard).layer(layer(TenantPolicy::new(table.clone())));
        assert_eq!(ask(&app, "/", "alice-token", &headers).await.0, expected, "{what}");
        assert!(table.asked() <= 1, "{what}: the handler gets the tenant of the guard");
        assert_eq!(ask(&app, "/", "nobody", &headers).await.0, 401, "{what}");
    }
}

#[test]
fn actions_are_listed_with_the_roles_that_hold_them() {
    let listed = serde_json::to_value(OrgRole::actions()).unwrap();
    let expected = json!([
        {"name": "RENAME", "roles": ["owner", "admin"]},
        {"name": "VIEW", "roles": ["owner", "admin", "member"]},
        {"name": "DELETE", "roles": ["owner"]},
    ]);
    assert_eq!(listed, expected);
    assert_eq!((Rename::NAME, Rename::ROLES), ("RENAME", &[OrgRole::Owner, OrgRole::Admin][..]));
    assert!(TeamRole::ALL.iter().map(|role| role.code()).eq(["admin", "member"]));
}

#[tokio::test]
async fn usage_records_have_the_tenant_as_it_was_looked_up() {
    let rig = Rig::new().await;
    let alice = rig.center.users().into_iter().find(|user| user.username() == "alice").unwrap().id().clone();
    let table = Table::new();
    for org in [Some("acme"), None] {
        let membership =
            Membership::builder(alice.clone(), "acme").roles(["admin"]).team("design", ["admin"]);
        table.say(alice.clone(), org, membership);
    }
    let app = serve(routes().layer(rig.auth().tenants(TenantPolicy::new(table)))).await;
    let alice_id = alice.to_string();
    let as_alice = ("x-act-as-user-id", &*alice_id);
    for (path, headers, status, org, team) in [
        ("/all", vec![("x-org-id", "acme"), ("x-team-id", "design")], 200, json!("acme"), json!("design")),
        ("/delete", vec![], 403, json!("acme"), Value::Null),
        ("/delete", vec![("x-org-id", "umbrella")], 403, Value::Null, Value::Null),
        ("/plain", vec![("x-org-id", "acme"), ("x-team-id", "design")], 200, Value::Null, Value::Null),
        ("/guarded", vec![("x-team-id", "design")], 200, json!("acme"), json!("design")),
        ("/guarded-delete", vec![], 403, json!("acme"), Value::Null),
        ("/guarded", vec![("x-org-id", "umbrella")], 403, Value::Null, Value::Null),
        // That of the user acted for: root has none.
        ("/all", vec![as_alice, ("x-team-id", "design")], 200, json!("acme"), json!("design")),
        ("/guarded", vec![as_alice], 200, json!("acme"), Value::Null),
    ] {
        let token = if headers.contains(&as_alice) { "Bearer root-token" } else { "Bearer alice-token" };
        let mut all = vec![("authorization", token)];
        all.extend(&headers);
        assert_eq!(support::get(app.address, path, &all).await.status, status, "{path}");
        let (_, record) = rig.sent().await.remove(0);
        let sent = &record["request_params"]["headers"];
        assert_eq!((&sent["x-org-id"], &sent["x-team-id"]), (&org, &team), "{path} {headers:?}");
        let acted_for = headers.contains(&as_alice).then(|| alice.to_string());
        assert_eq!(sent["x-act-as-user-id"].as_str(), acted_for.as_deref(), "{path} {headers:?}");
    }
}

/// Calls to other services and records of a handler's own are about the same data as the request.
#[tokio::test]
async fn records_of_calls_within_a_request_have_its_tenant() {
    let (rig, host) = (Rig::new().await, Host::http().await);
    let alice = rig.center.users().into_iter().find(|user| user.username() == "alice").unwrap().id().clone();
    let table = Table::new();
    let membership = Membership::builder(alice.clone(), "acme").roles(["admin"]).team("design", ["admin"]);
    table.say(alice, None, membership);
    let outbound = OutboundClient::builder(&support::client(&rig.center)).build().unwrap();
    let called = host.at("/");
    let handler = {
        let called = called.clone();
        move |tenant: Option<CurrentTenant>| async move {
            outbound.get(called).send().await.unwrap();
            let stats = context::stats().unwrap();
            stats.record(ApiRecord::new("POST", "/own"));
            stats.record(ApiRecord::new("POST", "/named").request_header("X-Org-Id", "other"));
            let bob = Credential::new("bob-token").unwrap();
            stats.record(ApiRecord::new("POST", "/of-bob").credential(bob));
            tenant.is_some().to_string()
        }
    };
    let app = Router::new().route("/", get(handler));
    let app = serve(app.layer(rig.auth().tenants(TenantPolicy::new(table)))).await;
    let headers = [("authorization", "Bearer alice-token"), ("x-team-id", "design")];
    assert_eq!(support::get(app.address, "/", &headers).await.body, "true");
    let mut seen: Vec<_> = rig
        .sent()
        .await
        .into_iter()
        .map(|(_, record)| {
            let sent = &record["request_params"]["headers"];
            let org = sent.get("x-org-id").or(sent.get("X-Org-Id")).and_then(Value::as_str);
            let text = |value: &str| value.to_owned();
            (text(record["api_path"].as_str().unwrap()), org.map(text), sent["x-team-id"].as_str().map(text))
        })
        .collect();
    seen.sort();
    let row = |path: &str, org: Option<&str>, team: Option<&str>| {
        (path.to_owned(), org.map(str::to_owned), team.map(str::to_owned))
    };
    let expected = [
        row("/", Some("acme"), Some("design")),
        row("/named", Some("other"), None),
        // Of whoever has that credential.
        row("/of-bob", None, None),
        row("/own", Some("acme"), Some("design")),
        row(&called, Some("acme"), Some("design")),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn span_has_organisation_and_team() {
    let handler = || async { tracing::info!("in the handler") };
    let app = Router::new()
        .route("/", get(move |_: CurrentTenant| handler()))
        .route("/acting", get(move |_: ActAsUser, _: CurrentTenant| handler()))
        .merge(guarded("/guarded", TenantGuardLayer::org::<View>()))
        .layer(
            layer(TenantPolicy::new(Table::new())).act_as(ActAsPolicy::new().directory(FakeDirectory::new())),
        );
    let log = Log::start();
    let (acme, design, as_alice) = (("x-org-id", "acme"), ("x-team-id", "design"), (HEADER, "7"));
    for (path, token, headers, expected) in [
        ("/", "alice-token", vec![acme, design], r#"org_id="acme" team_id="design""#),
        ("/", "alice-token", vec![], r#"org_id="home-7""#),
        ("/guarded", "alice-token", vec![acme, design], r#"org_id="acme" team_id="design""#),
        ("/acting", "root-token", vec![as_alice, acme, design], r#"org_id="acme" team_id="design""#),
        ("/guarded", "root-token", vec![as_alice, acme], r#"org_id="acme""#),
    ] {
        let span =
            tracing::info_span!("request", org_id = tracing::field::Empty, team_id = tracing::field::Empty);
        assert_eq!(ask(&app, path, token, &headers).instrument(span).await.0, 200, "{path} {headers:?}");
        let lines = log.take();
        let line = lines.lines().find(|line| line.contains("in the handler")).unwrap();
        assert!(line.contains(expected), "{path} {headers:?}: {line}");
    }
}
