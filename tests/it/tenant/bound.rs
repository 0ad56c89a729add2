//! Credentials that are bound to an organisation or a team: headers only narrow them.

use aigc_auth::claims::ClaimsMapping;
use aigc_auth::tenant::{TenantBinding, TenantPolicy};
use aigc_auth::user::AccessKeyKind;
use aigc_auth::{AuthLayer, UserInfo};
use axum::Router;
use serde_json::{Value, json};

use super::support::{Table, ask, routes};
use crate::impersonation::support::TokenVerifier;

fn app(user: UserInfo, policy: TenantPolicy) -> Router {
    routes().layer(AuthLayer::tokens_only(TokenVerifier::new().and(user)).tenants(policy))
}

#[tokio::test]
async fn headers_only_narrow_a_bound_credential() {
    let to_acme = TenantBinding::to_org("acme");
    for (binding, headers, expected) in [
        (to_acme.clone(), vec![], (200, Some("acme"), None)),
        (to_acme.clone(), vec![("x-org-id", "acme")], (200, Some("acme"), None)),
        (to_acme.clone(), vec![("x-team-id", "design")], (200, Some("acme"), Some("design"))),
        (to_acme.clone(), vec![("x-org-id", "umbrella")], (403, None, None)),
        (to_acme.clone(), vec![("x-org-id", "ACME")], (403, None, None)),
        (to_acme.clone(), vec![("x-org-id", "")], (400, None, None)),
        (to_acme.clone(), vec![("x-team-id", "lab")], (403, None, None)),
        (to_acme.clone().and_team("design"), vec![], (200, Some("acme"), Some("design"))),
        (
            to_acme.clone().and_team("design"),
            vec![("x-org-id", "acme"), ("x-team-id", "design")],
            (200, Some("acme"), Some("design")),
        ),
        (to_acme.clone().and_team("design"), vec![("x-team-id", "app")], (403, None, None)),
        // Bound to what the user is no member of.
        (to_acme.and_team("app"), vec![], (403, None, None)),
        (TenantBinding::to_org("elsewhere"), vec![], (403, None, None)),
    ] {
        let user = UserInfo::builder(7, "bound").bound_to(binding.clone()).build();
        let policies: [fn(TenantPolicy) -> TenantPolicy; 4] = [
            |policy| policy,
            TenantPolicy::require_org,
            TenantPolicy::without_default_org,
            // A team of the binding is not to be ignored, and neither is one that contradicts it.
            TenantPolicy::ignore_foreign_teams,
        ];
        for (at, policy) in policies.into_iter().enumerate() {
            let app = app(user.clone(), policy(TenantPolicy::new(Table::new())));
            let (status, body) = ask(&app, "/", "bound-token", &headers).await;
            let mut expected = expected;
            if at == 3 && headers == [("x-team-id", "lab")] {
                expected = (200, Some("acme"), None);
            }
            let seen = (status, body["org"].as_str(), body["team"].as_str());
            assert_eq!(seen, expected, "{at}: {binding:?} {headers:?}");
        }
    }
}

#[tokio::test]
async fn claims_bind_a_token() {
    let mapping = ClaimsMapping::new().org_claim("org").team_claim("/scope/team");
    for (claims, headers, expected) in [
        (json!({"sub": 7, "org": "acme"}), vec![], Some("acme")),
        (json!({"sub": 7, "org": "acme"}), vec![("x-org-id", "umbrella")], None),
        (json!({"sub": 7}), vec![("x-org-id", "umbrella")], Some("umbrella")),
        (json!({"sub": 7, "org": "acme", "scope": {"team": "design"}}), vec![("x-team-id", "app")], None),
    ] {
        let user = mapping.map(claims.as_object().unwrap()).unwrap().username("bound").build();
        let (status, body) =
            ask(&app(user, TenantPolicy::new(Table::new())), "/", "bound-token", &headers).await;
        assert_eq!((status == 200, body["org"].as_str()), (expected.is_some(), expected), "{claims}");
    }
    for claims in [json!({"sub": 7, "org": ["acme"]}), json!({"sub": 7, "scope": {"team": "design"}})] {
        assert_eq!(mapping.map(claims.as_object().unwrap()).unwrap_err().status(), 401, "{claims}");
    }
}

/// The id of such a key is 0, which a table may have for a user.
#[tokio::test]
async fn key_without_a_user_is_a_member_of_nothing() {
    let table = Table::new();
    let zero = aigc_auth::tenant::Membership::builder(0, "acme").roles(["owner"]).build();
    table.say(0, Some("acme"), zero.clone());
    table.say(0, None, zero);
    for (kind, expected) in
        [(AccessKeyKind::App, 403), (AccessKeyKind::Global, 403), (AccessKeyKind::User, 200)]
    {
        let key = UserInfo::builder(0, "key").access_key(kind).admin(kind == AccessKeyKind::Global).build();
        let app = app(key, TenantPolicy::new(table.clone()));
        for headers in [vec![], vec![("x-org-id", "acme")]] {
            assert_eq!(ask(&app, "/", "key-token", &headers).await.0, expected, "{kind:?} {headers:?}");
        }
    }
}

#[test]
fn binding_is_kept_by_copies_and_never_serialized() {
    let user = UserInfo::builder(7, "alice").bound_to(TenantBinding::to_org("acme")).build();
    assert_eq!(user.to_builder().admin(true).build().bound_to(), user.bound_to());
    assert_ne!(user, UserInfo::builder(7, "alice").build());
    let json = serde_json::to_value(&user).unwrap();
    assert_eq!(json.get("bound_to"), None::<&Value>);
    assert_eq!(serde_json::from_value::<UserInfo>(json).unwrap().bound_to(), None);
}
