//! Which organisation and team a request names, and what the policy makes of it.

use std::time::Duration;

use aigc_auth::AuthError;
use aigc_auth::error::ErrorKind;
use aigc_auth::tenant::{Membership, NoMembership, TenantPolicy};
use axum::Router;
use axum::body::Body;
use axum::middleware::from_extractor;
use axum::routing::get;
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::support::{Table, app, ask, layer, routes, status, unavailable};

const ORG: &str = "x-org-id";
const TEAM: &str = "x-team-id";

#[tokio::test]
async fn headers_name_organisation_and_team() {
    let app = app(TenantPolicy::new(Table::new()));
    let named = |user: Value, org: &str, roles: &[&str], team: Value, team_roles: Value| json!({"user": user, "org": org, "roles": roles, "team": team, "team_roles": team_roles});
    let at_acme = |team, team_roles| named(json!(7), "acme", &["admin"], team, team_roles);
    for (token, headers, expected) in [
        ("alice-token", vec![], named(json!(7), "home-7", &["owner"], Value::Null, Value::Null)),
        ("alice-token", vec![(ORG, "acme")], at_acme(Value::Null, Value::Null)),
        ("alice-token", vec![(ORG, "acme"), (TEAM, "design")], at_acme(json!("design"), json!(["admin"]))),
        (
            "bob-token",
            vec![(TEAM, "app"), (ORG, "acme")],
            named(json!("u-8"), "acme", &["member"], json!("app"), json!(["member"])),
        ),
    ] {
        assert_eq!(ask(&app, "/", token, &headers).await, (200, expected), "{token} {headers:?}");
    }
}

#[tokio::test]
async fn what_is_not_the_users_is_refused() {
    let table = Table::new();
    table.refuse(7, Some("left"), NoMembership::Suspended);
    table.refuse(7, Some("gone"), NoMembership::OrgDeleted);
    // Such as a table that ignores case, and one that mixes users up.
    table.say(7, Some("ACME"), Membership::builder(7, "acme").roles(["owner"]));
    table.say(7, Some("mixed"), Membership::builder("7", "mixed").roles(["owner"]));
    let app = app(TenantPolicy::new(table));
    for (token, headers, expected) in [
        ("alice-token", vec![(ORG, "elsewhere")], 403),
        ("alice-token", vec![(ORG, "left")], 403),
        ("alice-token", vec![(ORG, "gone")], 403),
        ("alice-token", vec![(ORG, "ACME")], 403),
        ("alice-token", vec![(ORG, "mixed")], 403),
        ("bob-token", vec![], 403),
        // A team of another organisation, one of nobody, one that the user is not in, another case.
        ("alice-token", vec![(ORG, "acme"), (TEAM, "lab")], 403),
        ("alice-token", vec![(ORG, "acme"), (TEAM, "none")], 403),
        ("alice-token", vec![(ORG, "acme"), (TEAM, "app")], 403),
        ("alice-token", vec![(ORG, "acme"), (TEAM, "Design")], 403),
        ("alice-token", vec![(TEAM, "design")], 403),
        ("nobody", vec![(ORG, "acme")], 401),
    ] {
        let (status, body) = ask(&app, "/", token, &headers).await;
        assert_eq!((status, &body["data"]), (expected, &Value::Null), "{token} {headers:?}");
    }
}

#[tokio::test]
async fn header_that_cannot_be_read_is_an_invalid_request() {
    let table = Table::new();
    let app = app(TenantPolicy::new(table.clone()));
    let (long, huge) = (vec![b'a'; 129], vec![b'a'; 1024 * 1024]);
    for (org, team) in [
        (vec![&b""[..]], vec![&b""[..]]),
        (vec![&b"acme"[..]], vec![&b""[..]]),
        (vec![b""], vec![]),
        (vec![b"acme", b"acme"], vec![]),
        (vec![b"acme", b"umbrella"], vec![]),
        (vec![b"acme"], vec![b"design", b"design"]),
        (vec![&long], vec![]),
        (vec![b"acme"], vec![&long]),
        (vec![&huge], vec![&huge]),
        (vec![b"\xff\xfe"], vec![]),
        (vec![b"acme"], vec![b"\xc3\x28"]),
        (vec![b"acme\tx"], vec![]),
        (vec![b"acme "], vec![]),
    ] {
        let headers = org.iter().map(|org| (ORG, *org)).chain(team.iter().map(|team| (TEAM, *team)));
        let headers: Vec<_> = headers.collect();
        for path in ["/", "/maybe"] {
            let (status, body) = ask(&app, path, "alice-token", &headers).await;
            let message = body["message"].as_str().unwrap_or_default();
            assert_eq!(
                (status, message),
                (400, "The request is invalid"),
                "{path} {} {}",
                org.len(),
                team.len()
            );
        }
    }
    assert_eq!(table.asked(), 0, "nobody is asked about ids that cannot be read");
}

#[tokio::test]
async fn policy_says_what_an_absent_organisation_means() {
    type Change = fn(TenantPolicy) -> TenantPolicy;
    let policies: [(&str, Change); 3] = [
        ("default", |policy| policy),
        ("required", TenantPolicy::require_org),
        ("none", TenantPolicy::without_default_org),
    ];
    let home = Some("home-7");
    for ((what, policy), expected) in policies.into_iter().zip([
        // Alice has a default, bob has none; then with a team and no organisation.
        [(200, home), (200, home), (403, None), (200, None), (403, None)],
        [(400, None), (400, None), (400, None), (400, None), (400, None)],
        [(400, None), (200, None), (400, None), (200, None), (400, None)],
    ]) {
        let app = app(policy(TenantPolicy::new(Table::new())));
        for ((path, token, headers), expected) in [
            ("/", "alice-token", vec![]),
            ("/maybe", "alice-token", vec![]),
            ("/", "bob-token", vec![]),
            ("/maybe", "bob-token", vec![]),
            ("/maybe", "alice-token", vec![(TEAM, "design")]),
        ]
        .into_iter()
        .zip(expected)
        {
            let (status, body) = ask(&app, path, token, &headers).await;
            let org = body["org"].as_str();
            assert_eq!((status, org), expected, "{what}: {path} {token} {headers:?}");
        }
        assert_eq!(status(&app, "alice-token", &[(ORG, "acme")]).await, 200, "{what}");
        assert_eq!(ask(&app, "/maybe", "alice-token", &[(ORG, "elsewhere")]).await.0, 403, "{what}");
    }
}

/// Of a route's own spelling no parameter has the name: nothing would be compared.
#[test]
fn name_of_a_parameter_is_no_template() {
    for (name, is_one) in [
        ("org_id", true),
        ("org-id", true),
        ("{org_id}", false),
        (":org_id", false),
        ("*rest", false),
        ("", false),
    ] {
        let set = std::panic::catch_unwind(|| TenantPolicy::new(Table::new()).path_param(name));
        assert_eq!(set.is_ok(), is_one, "{name}");
    }
}

/// Not a request without a tenant, which a handler with `Option<CurrentTenant>` may serve as it likes.
#[tokio::test]
async fn without_a_default_whoever_names_something_is_refused() {
    let table = Table::new();
    // A port that mistakes the organisation for the default.
    table.refuse("u-8", Some("umbrella"), NoMembership::NoDefault);
    let strict = app(TenantPolicy::new(table.clone()));
    let lax = app(TenantPolicy::new(table).ignore_foreign_teams());
    for (headers, expected, if_ignored) in [
        (vec![], 200, 200),
        (vec![(TEAM, "app")], 403, 200),
        (vec![(ORG, "umbrella")], 403, 403),
        (vec![(ORG, "umbrella"), (TEAM, "lab")], 403, 403),
    ] {
        for (app, expected) in [(&strict, expected), (&lax, if_ignored)] {
            let (status, body) = ask(app, "/maybe", "bob-token", &headers).await;
            assert_eq!((status, &body["org"]), (expected, &Value::Null), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn foreign_team_is_ignored_if_the_policy_says_so() {
    let app = app(TenantPolicy::new(Table::new()).ignore_foreign_teams());
    for (team, expected) in
        [("design", json!("design")), ("lab", Value::Null), ("none", Value::Null), ("app", Value::Null)]
    {
        let (status, body) = ask(&app, "/", "alice-token", &[(ORG, "acme"), (TEAM, team)]).await;
        assert_eq!((status, &body["team"], &body["org"]), (200, &expected, &json!("acme")), "{team}");
    }
    assert_eq!(status(&app, "alice-token", &[(ORG, "acme"), (TEAM, "")]).await, 400);
    assert_eq!(status(&app, "alice-token", &[(ORG, "elsewhere"), (TEAM, "design")]).await, 403);
}

#[tokio::test]
async fn headers_may_have_other_names() {
    let policy = TenantPolicy::new(Table::new()).org_header("X-Tenant").team_header("x-group");
    let app = app(policy);
    let (_, body) = ask(&app, "/", "alice-token", &[("x-tenant", "acme"), ("x-group", "design")]).await;
    assert_eq!((&body["org"], &body["team"]), (&json!("acme"), &json!("design")));
    let (_, body) = ask(&app, "/", "alice-token", &[(ORG, "acme"), (TEAM, "design")]).await;
    assert_eq!((&body["org"], &body["team"]), (&json!("home-7"), &Value::Null));
    let bad = std::panic::catch_unwind(|| TenantPolicy::new(Table::new()).org_header("x org"));
    assert!(bad.is_err());
}

#[tokio::test]
async fn path_of_another_organisation_is_refused() {
    let policy = || TenantPolicy::new(Table::new());
    let compared = Router::new().nest("/api/{version}", routes()).layer(layer(policy().path_param("org_id")));
    let free = Router::new().nest("/api/{version}", routes()).layer(layer(policy()));
    for (path, headers, expected) in [
        ("/api/1/orgs/acme", vec![(ORG, "acme")], 200),
        ("/api/1/orgs/%61cme", vec![(ORG, "acme")], 200),
        ("/api/1/orgs/umbrella", vec![(ORG, "acme")], 403),
        ("/api/1/orgs/ACME", vec![(ORG, "acme")], 403),
        ("/api/1/orgs/acme", vec![], 403),
        ("/api/1/orgs/home-7", vec![], 200),
        // No such parameter.
        ("/api/1/maybe", vec![(ORG, "acme")], 200),
    ] {
        assert_eq!(ask(&compared, path, "alice-token", &headers).await.0, expected, "{path} {headers:?}");
        assert_eq!(ask(&free, path, "alice-token", &headers).await.0, 200, "{path} {headers:?}");
    }
    // As a layer of the routes, too.
    let guarded = Router::new()
        .route("/orgs/{org_id}", get(|| async {}))
        .route_layer(from_extractor::<aigc_auth::tenant::CurrentTenant>())
        .layer(layer(policy().path_param("org_id")));
    for (org, expected) in [("acme", 200), ("umbrella", 403)] {
        assert_eq!(ask(&guarded, "/orgs/acme", "alice-token", &[(ORG, org)]).await.0, expected, "{org}");
    }
}

#[tokio::test]
async fn errors_of_the_port_say_nothing_of_the_credential() {
    let table = Table::new();
    let app = app(TenantPolicy::new(table.clone()));
    for (said, expected, message) in [
        (unavailable(), 503, "The membership cannot be verified right now"),
        (ErrorKind::InvalidCredential.into(), 503, "The membership cannot be verified right now"),
        (ErrorKind::Expired.into(), 503, "The membership cannot be verified right now"),
        (ErrorKind::UnknownUser.into(), 503, "The membership cannot be verified right now"),
        (AuthError::missing_permission("x"), 503, "The membership cannot be verified right now"),
        (ErrorKind::Denied.into(), 403, "Access is denied"),
        (ErrorKind::InvalidRequest.into(), 400, "The request is invalid"),
        (ErrorKind::Misconfigured.into(), 500, "The service is misconfigured"),
        (ErrorKind::Internal.into(), 500, "Internal error"),
    ] {
        let kind = said.kind();
        table.refuse(7, Some("acme"), said);
        let (status, body) = ask(&app, "/", "alice-token", &[(ORG, "acme")]).await;
        assert_eq!((status, body["message"].as_str()), (expected, Some(message)), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answer_that_takes_ten_seconds_is_given_up() {
    let table = Table::new();
    table.silence(true);
    for (timeout, waited) in [(None, 5), (Some(2), 2)] {
        let mut policy = TenantPolicy::new(table.clone());
        if let Some(timeout) = timeout {
            policy = policy.timeout(Duration::from_secs(timeout));
        }
        let started = tokio::time::Instant::now();
        assert_eq!(status(&app(policy), "alice-token", &[(ORG, "acme")]).await, 503);
        assert_eq!(started.elapsed().as_secs(), waited);
    }
}

#[tokio::test]
async fn layer_without_memberships_is_a_configuration_error() {
    let layer = || aigc_auth::AuthLayer::tokens_only(crate::impersonation::support::TokenVerifier::new());
    let app = routes().layer(layer());
    for (path, token, expected) in [
        ("/", "alice-token", 500),
        ("/maybe", "alice-token", 500),
        ("/plain", "alice-token", 200),
        ("/", "nobody", 401),
    ] {
        assert_eq!(ask::<&str>(&app, path, token, &[]).await.0, expected, "{path} {token}");
    }
    // No layer at all.
    assert_eq!(ask::<&str>(&routes(), "/", "alice-token", &[]).await.0, 500);
    // On excluded paths, nobody was verified.
    let excluded = routes().layer(layer().tenants(TenantPolicy::new(Table::new())).exclude_path("/"));
    assert_eq!(ask::<&str>(&excluded, "/", "alice-token", &[]).await.0, 500);
    let open = routes().layer(layer().tenants(TenantPolicy::new(Table::new())).allow_anonymous());
    assert_eq!(ask::<&str>(&open, "/", "nobody", &[]).await.0, 401);
    assert_eq!(ask::<&str>(&open, "/maybe", "nobody", &[]).await.0, 401);
    // Without a credential, there is nobody to be a member.
    for (path, expected) in [("/", 401), ("/maybe", 200)] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(open.clone().oneshot(request).await.unwrap().status(), expected, "{path}");
    }
}
