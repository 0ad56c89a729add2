//! `docs/issuers.md`: its table is what the rows say, and its recipes are tried with tokens.

use aigc_auth::UserInfo;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifierBuilder, presets};
use serde_json::json;

use super::rows::{Row, all, at, changed, parts, published};
use crate::jwt::support::{KeyServer, Signer};

const GUIDE: &str = include_str!("../../../../docs/issuers.md");

/// How a rejected token was told from what services are sent: the place in the reason, in backticks.
fn told(said: &str) -> String {
    match said {
        "opaque token" => "opaque".to_owned(),
        "encrypted JWT (JWE)" => "encrypted".to_owned(),
        "signed with HS512" => "by `alg`".to_owned(),
        _ => format!("by `{}`", said.split('`').nth(1).expect(said)),
    }
}

impl Row {
    /// The issuer's line of the table. That what it says is so, `understood.rs` asserts.
    fn line(&self) -> String {
        let (header, _) = parts(&self.access);
        let sent = format!("{}, {}", self.sent, header["alg"].as_str().unwrap());
        let id = self.id.as_ref().map_or("accepted".to_owned(), |(_, said)| told(said));
        let (refresh, [user, name, roles, permissions, groups, admin]) = (told(self.refresh.1), self.places);
        let cells = [self.issuer, &sent, user, name, roles, permissions, groups, admin, &refresh, &id];
        format!("| {} |", cells.join(" | ")).replace("|  |", "| |").replace("|  |", "| |")
    }
}

#[test]
fn table_of_the_guide_is_what_the_presets_do() {
    let lines: Vec<_> = all("https://platform.example.com/keys").iter().map(Row::line).collect();
    let table = lines.join("\n");
    assert!(GUIDE.contains(&table), "expected in docs/issuers.md:\n{table}");
}

/// A builder as the guide has it, and its text.
macro_rules! recipe {
    ($builder:expr) => {
        (stringify!($builder), $builder)
    };
}

/// Code without comments and white space.
fn bare(code: &str) -> String {
    let lines = code.lines().map(|line| line.split(" //").next().unwrap_or_default());
    lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace()).collect()
}

/// Whether this code stands in the guide, whatever its lines and comments are there.
pub(crate) fn is_in_guide(code: &str) -> bool {
    bare(GUIDE).contains(&bare(code))
}

#[tokio::test]
async fn recipes_of_the_guide_work() {
    let server = KeyServer::start(&published()).await;
    let keys = server.url();
    let rows = all(&keys);
    let access = |issuer: &str| rows.iter().find(|row| row.issuer == issuer).expect(issuer).access.clone();
    let realm = "https://login.example.com/realms/main";
    let tenant = "9122040d-6c67-4c5b-b112-36a304b66dad";
    let project = "https://project.supabase.co";
    let of = |issuer: &str, name: &str, value: serde_json::Value| changed(&access(issuer), name, value);
    type Check = fn(&UserInfo) -> bool;
    let sessions = recipe!(presets::better_auth("https://app.example.com"));
    let clients = recipe!(presets::better_auth_oauth("https://app.example.com", "https://api.example.com"));
    let both = sessions.1.clone().jwks_url(&*keys).also_accept(clients.1.clone().jwks_url(&*keys));
    let editor = json!({"reports": {"roles": ["reports-admin"]}});
    let pool = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE";
    let in_pool = changed(&of("Cognito", "iss", pool.into()), "client_id", "1example23456789");
    let firebase = changed(
        &of("Firebase", "aud", "my-project-1234".into()),
        "iss",
        "https://securetoken.google.com/my-project-1234",
    );
    // The recipe, a token, and what is seen of its user; `None` where the token is rejected.
    let tried: Vec<((&str, JwtVerifierBuilder), String, Option<Check>)> = vec![
        (
            recipe!(presets::keycloak_client(realm, "reports", "reports").admin_role("reports-admin")),
            of("Keycloak", "resource_access", editor),
            Some(|user| user.is_admin() && user.has_role("reports-admin")),
        ),
        (
            recipe!(presets::keycloak_client(realm, "reports", "reports").admin_role("reports-admin")),
            access("Keycloak"),
            Some(|user| !user.is_admin() && user.has_role("admin")),
        ),
        (
            recipe!(
                presets::auth0("example.eu.auth0.com", "https://api.example.com")
                    .roles_claim("https://example.com/roles")
            ),
            access("Auth0"),
            Some(|user| user.has_role("editor") && user.has_permission("read:reports")),
        ),
        (
            recipe!(presets::entra_id(tenant, "6e74172b-be56-4843-9ff4-e66a39bb12e3")),
            access("Entra ID"),
            Some(|user| user.has_role("Reports.Editor") && user.is_admin()),
        ),
        (
            recipe!(
                presets::cognito("eu-central-1", "eu-central-1_EXAMPLE", "1example23456789")
                    .roles_claim("cognito:groups")
            ),
            in_pool,
            Some(|user| user.has_role("testers") && user.is_admin()),
        ),
        (
            recipe!(
                presets::casdoor("https://door.example.com", "014ae4bd048734ca2dea")
                    .require_claim("owner", "my-organization")
            ),
            of("Casdoor", "owner", "my-organization".into()),
            Some(|user| user.is_admin() && user.username() == "ann"),
        ),
        (
            recipe!(
                presets::casdoor("https://door.example.com", "014ae4bd048734ca2dea")
                    .require_claim("owner", "my-organization")
            ),
            access("Casdoor"),
            None,
        ),
        (
            recipe!(presets::zitadel("https://example.zitadel.cloud", "69234237810729019")),
            access("ZITADEL"),
            Some(|user| user.has_role("editor") && !user.has_role("owner")),
        ),
        (
            recipe!(presets::logto("https://example.logto.app", "https://api.example.com")),
            access("Logto"),
            Some(|user| user.has_permission("read:reports")),
        ),
        (
            recipe!(presets::supabase(project)),
            access("Supabase"),
            Some(|user| user.has_role("authenticated") && !user.is_anonymous()),
        ),
        (
            recipe!(presets::supabase(project)),
            of("Supabase", "is_anonymous", true.into()),
            Some(|user| user.is_anonymous()),
        ),
        (
            recipe!(presets::firebase("my-project-1234")),
            firebase.clone(),
            Some(|user| user.is_admin() && !user.is_anonymous()),
        ),
        // ID tokens are what it takes, also those that say so.
        (
            recipe!(presets::firebase("my-project-1234")),
            changed(&firebase, "at_hash", "x"),
            Some(|user| user.has_role("editor")),
        ),
        (
            recipe!(presets::firebase("my-project-1234")),
            changed(&firebase, "firebase", json!({"sign_in_provider": "anonymous"})),
            Some(|user| user.is_anonymous()),
        ),
        (sessions.clone(), access("better-auth, session"), Some(|user| user.has_role("editor"))),
        (sessions, access("better-auth, OAuth"), None),
        (clients.clone(), access("better-auth, OAuth"), Some(|user| user.has_permission("report:read"))),
        (clients, access("better-auth, session"), None),
        (("sessions.also_accept(clients)", both.clone()), access("better-auth, session"), Some(|_| true)),
        (("sessions.also_accept(clients)", both), access("better-auth, OAuth"), Some(|_| true)),
    ];
    for ((text, builder), token, expected) in tried {
        assert!(is_in_guide(text), "expected in docs/issuers.md: {text}");
        match (at(&builder, &keys).build().unwrap().user_info(&token).await, expected) {
            (Ok(user), Some(check)) => assert!(check(&user), "{text}: {user:?}"),
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{text}: {error}"),
            (outcome, _) => panic!("{text}: {outcome:?}"),
        }
    }
}

/// Those with a secret of the guide's own.
#[tokio::test]
async fn recipes_of_the_guide_with_secrets_work() {
    let server = KeyServer::start(&published()).await;
    let keys = server.url();
    let rows = all(&keys);
    let claims = |issuer: &str| parts(&rows.iter().find(|row| row.issuer == issuer).expect(issuer).access).1;
    let access = |issuer: &str| rows.iter().find(|row| row.issuer == issuer).expect(issuer).access.clone();
    let by = |secret: &str, issuer: &str| Signer::secret(secret).issue("HS256", None, &claims(issuer));
    let told = |text: &str| assert!(is_in_guide(text), "expected in docs/issuers.md: {text}");

    let project = "https://project.supabase.co";
    let (text, old) = recipe!(presets::supabase_secret(project, "the project's secret of 32 characters"));
    told(text);
    told("presets::supabase(project).also_accept(presets::supabase_secret(");
    let moving = presets::supabase(project).jwks_url(&*keys).also_accept(old).build().unwrap();
    let mut of_old = claims("Supabase");
    of_old["sub"] = "of the secret".into();
    let of_old = Signer::secret("the project's secret of 32 characters").issue("HS256", None, &of_old);
    assert_eq!(moving.user_info(&of_old).await.unwrap().id().to_string(), "of the secret");
    assert!(moving.user_info(&access("Supabase")).await.is_ok());

    let secret = "super-secret-jwt-token-with-at-least-32-characters-long";
    let (text, local) = recipe!(presets::supabase_secret("http://127.0.0.1:54321", secret));
    told(text);
    assert!(local.build().unwrap().user_info(&by(secret, "Supabase, secret")).await.is_ok());

    let (text, _) = recipe!(presets::autogpt(&keys, "the platform's secret of 32 characters"));
    told(&text.replace("&keys", "keys"));
    let platform = presets::autogpt(&*keys, "the platform's secret of 32 characters").build().unwrap();
    let old = by("the platform's secret of 32 characters", "AutoGPT, secret");
    for token in [old, access("AutoGPT, key set")] {
        assert!(platform.user_info(&token).await.unwrap().is_admin());
    }
}
