//! Tokens that libraries of Python issue, each as its guide has it, verified as `docs/issuers.md` says.
//!
//! The same cells as for presets: accepted, id, username, roles, permissions, groups, admin flag, and that refresh tokens, ID
//! tokens and others are rejected.

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use serde_json::{Value, json};

use crate::jwt::support::KeyServer;
use crate::support::Reference;

const ISSUER: &str = "https://login.example.com";

/// How a library's tokens are verified, and what is seen of them.
struct Row {
    library: &'static str,
    configure: fn(JwtVerifierBuilder) -> JwtVerifierBuilder,
    /// Username, roles, permissions, groups. The id is 42, and nobody is an admin.
    seen: (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]),
    /// Parts of the reasons; `None` where the library has no such tokens.
    refresh: Option<&'static str>,
    id: Option<&'static str>,
    others: &'static [&'static str],
}

fn own(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    builder.issuer(ISSUER).audience("reports").groups_claim("groups")
}

const ROWS: [Row; 6] = [
    Row {
        library: "PyJWT",
        configure: own,
        seen: ("ann", &["editor"], &["report:read"], &["ops"]),
        refresh: Some("a refresh token"),
        id: Some("another audience"),
        others: &["another issuer"],
    },
    Row {
        library: "joserfc",
        configure: own,
        seen: ("ann", &["editor"], &["report:read"], &["ops"]),
        refresh: Some("a refresh token"),
        id: Some("another audience"),
        others: &["a log-out token"],
    },
    Row {
        library: "Authlib",
        configure: |builder| {
            let builder = builder.issuer(ISSUER).audience("web").typ("at+jwt");
            builder.permissions_from_scope().groups_claim("groups")
        },
        seen: ("42", &["editor"], &["openid", "report:read"], &["ops"]),
        refresh: Some("opaque token"),
        // Its audience is the access token's.
        id: Some("expected `typ` `at+jwt`"),
        others: &[],
    },
    Row {
        library: "djangorestframework-simplejwt",
        configure: |builder| {
            let builder = builder.subject_claim("user_id").require_claim("token_type", "access");
            builder.insecure_any_audience().groups_claim("groups")
        },
        seen: ("ann", &["editor"], &["report:read"], &["ops"]),
        refresh: Some("expected the claim `token_type`"),
        id: None,
        // A sliding token.
        others: &["expected the claim `token_type`"],
    },
    Row {
        library: "Flask-JWT-Extended",
        configure: |builder| {
            builder.require_claim("type", "access").insecure_any_audience().groups_claim("groups")
        },
        seen: ("ann", &["editor"], &["report:read"], &["ops"]),
        refresh: Some("expected the claim `type`"),
        id: None,
        others: &[],
    },
    Row {
        library: "fastapi-users",
        configure: |builder| builder.audience("fastapi-users:auth"),
        seen: ("42", &[], &[], &[]),
        refresh: None,
        id: None,
        // One that verifies an e-mail, and one of `lifetime_seconds=None`.
        others: &["found `fastapi-users:verify`", "missing `exp` claim"],
    },
];

fn text<'a>(issued: &'a Value, name: &str) -> Option<&'a str> {
    issued.get(name)?.as_str()
}

#[tokio::test]
async fn tokens_of_libraries_are_understood() {
    let Some(reference) = Reference::installed() else { return };
    let issued = reference.run("issue_tokens.py", &[], &json!(null)).await;
    let issued = issued.as_array().unwrap();
    let libraries: Vec<_> = issued.iter().map(|one| text(one, "library").unwrap()).collect();
    assert_eq!(libraries, ROWS.map(|row| row.library));
    for (issued, row) in issued.iter().zip(ROWS) {
        let name = format!("{} {}", row.library, text(issued, "version").unwrap());
        let keys = issued["jwks"]["keys"].as_array();
        let server = KeyServer::start(keys.map_or(&[], Vec::as_slice)).await;
        let source = match text(issued, "secret") {
            Some(secret) => JwtVerifier::from_secret(secret),
            None => JwtVerifier::from_jwks(server.url()),
        };
        let verifier = (row.configure)(source).build().unwrap();

        let user = verifier.user_info(text(issued, "access").unwrap()).await;
        let user = user.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (username, roles, permissions, groups) = row.seen;
        assert_eq!((user.id().to_string().as_str(), user.username()), ("42", username), "{name}");
        assert!(user.roles().iter().eq(roles.iter().copied()), "{name}: {:?}", user.roles());
        assert!(
            user.permissions().iter().eq(permissions.iter().copied()),
            "{name}: {:?}",
            user.permissions()
        );
        let of_user: Vec<_> = user.groups().iter().map(|group| group.code().unwrap()).collect();
        assert_eq!((of_user.as_slice(), user.is_admin()), (groups, false), "{name}");

        let others = issued.get("others").and_then(Value::as_array).into_iter().flatten();
        let others: Vec<_> = others.map(|token| token.as_str().unwrap()).collect();
        assert_eq!(others.len(), row.others.len(), "{name}");
        let kinds = [(text(issued, "refresh"), row.refresh), (text(issued, "id"), row.id)];
        let others = others.into_iter().map(Some).zip(row.others.iter().copied().map(Some));
        for (token, said) in kinds.into_iter().chain(others) {
            assert_eq!(token.is_some(), said.is_some(), "{name}");
            let (Some(token), Some(said)) = (token, said) else { continue };
            let error = verifier.user_info(token).await.expect_err(said);
            assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{name}: {error}");
            assert!(error.detail().unwrap().contains(said), "{name}: expected {said}, found {error}");
        }
    }
}
