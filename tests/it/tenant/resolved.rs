//! One look-up a request at most, and who hears of its outcome.

use aigc_auth::context;
use aigc_auth::error::ErrorResponder;
use aigc_auth::layer::TenantGuardLayer;
use aigc_auth::permission::{AllOf, AnyOf};
use aigc_auth::tenant::{CurrentTenant, Membership, RequireOrg, RequireTeam, TenantPolicy};
use aigc_auth::{org_actions, team_actions};
use axum::middleware::from_extractor;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tracing::Instrument;

use super::support::{Table, ask, layer, unavailable};
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
    for (path, headers, status, org, team) in [
        ("/all", vec![("x-org-id", "acme"), ("x-team-id", "design")], 200, json!("acme"), json!("design")),
        ("/delete", vec![], 403, json!("acme"), Value::Null),
        ("/delete", vec![("x-org-id", "umbrella")], 403, Value::Null, Value::Null),
        ("/plain", vec![("x-org-id", "acme"), ("x-team-id", "design")], 200, Value::Null, Value::Null),
    ] {
        let mut all = vec![("authorization", "Bearer alice-token")];
        all.extend(&headers);
        assert_eq!(support::get(app.address, path, &all).await.status, status, "{path}");
        let (_, record) = rig.sent().await.remove(0);
        let sent = &record["request_params"]["headers"];
        assert_eq!((&sent["x-org-id"], &sent["x-team-id"]), (&org, &team), "{path} {headers:?}");
    }
}

#[tokio::test]
async fn span_has_organisation_and_team() {
    let app = Router::new().route(
        "/",
        get(|_: CurrentTenant| async {
            tracing::info!("in the handler");
        }),
    );
    let app = app.layer(layer(TenantPolicy::new(Table::new())));
    let log = Log::start();
    for (headers, expected) in [
        (vec![("x-org-id", "acme"), ("x-team-id", "design")], r#"org_id="acme" team_id="design""#),
        (vec![], r#"org_id="home-7""#),
    ] {
        let span =
            tracing::info_span!("request", org_id = tracing::field::Empty, team_id = tracing::field::Empty);
        assert_eq!(ask(&app, "/", "alice-token", &headers).instrument(span).await.0, 200);
        let lines = log.take();
        let line = lines.lines().find(|line| line.contains("in the handler")).unwrap();
        assert!(line.contains(expected), "{line}");
    }
}
