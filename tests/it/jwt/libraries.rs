//! Tokens that libraries of Python issue, each as its guide has it, verified as `docs/issuers.md` says.

use aigc_auth::jwt::JwtVerifierBuilder;
use serde_json::json;

use crate::jwt::issued::{Issued, Row, Seen, compare};
use crate::jwt::presets::guide::is_in_guide;
use crate::support::Reference;

/// The settings of a recipe, which has to stand in the guide as it does here.
macro_rules! recipe {
    ($($settings:tt)+) => {
        |issued: &Issued<'_>| -> JwtVerifierBuilder {
            let settings = stringify!($($settings)+);
            assert!(is_in_guide(settings), "expected in docs/issuers.md: {settings}");
            issued.source()$($settings)+
        }
    };
}

/// As an application has it that writes its claims itself.
pub(crate) fn own(issued: &Issued<'_>) -> JwtVerifierBuilder {
    recipe!(.issuer("https://login.example.com").audience("reports").groups_claim("groups"))(issued)
}

pub(crate) const OWN: Seen = Seen {
    username: Some("ann"),
    roles: &["editor"],
    permissions: &["report:read"],
    groups: &["ops"],
    admin: false,
};

#[tokio::test]
async fn tokens_of_libraries_are_understood() {
    let Some(reference) = Reference::installed() else { return };
    let rows = [
        Row {
            issuer: "PyJWT",
            verifier: own,
            seen: OWN,
            refresh: Some("a refresh token"),
            id: Some("another audience"),
            others: &["another issuer"],
        },
        Row {
            issuer: "joserfc",
            verifier: own,
            seen: OWN,
            refresh: Some("a refresh token"),
            id: Some("another audience"),
            others: &["a log-out token"],
        },
        Row {
            issuer: "Authlib",
            verifier: recipe!(
                .issuer("https://login.example.com")
                .audience("web")
                .typ("at+jwt")
                .permissions_from_scope()
                .groups_claim("groups")
            ),
            seen: Seen { username: None, permissions: &["openid", "report:read"], ..OWN },
            refresh: Some("opaque token"),
            // Its audience is the access token's.
            id: Some("expected `typ` `at+jwt`"),
            others: &[],
        },
        Row {
            issuer: "djangorestframework-simplejwt",
            verifier: recipe!(
                .subject_claim("user_id")
                .require_claim("token_type", "access")
                .insecure_any_audience()
                .groups_claim("groups")
            ),
            seen: OWN,
            refresh: Some("expected the claim `token_type`"),
            id: None,
            // A sliding token.
            others: &["expected the claim `token_type`"],
        },
        Row {
            issuer: "Flask-JWT-Extended",
            verifier: recipe!(.require_claim("type", "access").insecure_any_audience().groups_claim("groups")),
            seen: OWN,
            refresh: Some("expected the claim `type`"),
            id: None,
            others: &[],
        },
        Row {
            issuer: "fastapi-users",
            verifier: recipe!(.audience("fastapi-users:auth")),
            seen: Seen { username: None, roles: &[], permissions: &[], groups: &[], admin: false },
            refresh: None,
            id: None,
            // One that verifies an e-mail, and one of `lifetime_seconds=None`.
            others: &["found `fastapi-users:verify`", "missing `exp` claim"],
        },
    ];
    compare(&reference.run("issue_tokens.py", &[], &json!(null)).await, &rows).await;
}
