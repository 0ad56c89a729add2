//! Presets, against what their issuers give out: every cell of every row.

use aigc_auth::UserInfo;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, presets};

use super::rows::{Row, all, at, changed, of_key_sets, parts, published, signed};
use crate::jwt::support::{KeyServer, RSA, SECRET};

async fn rejection(verifier: &JwtVerifier, token: &str) -> String {
    let error = verifier.user_info(token).await.expect_err(token);
    assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{error}");
    error.detail().unwrap().to_owned()
}

/// The claims that a cell names, in backticks.
fn claims_in(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn groups(user: &UserInfo) -> Vec<&str> {
    user.groups().iter().map(|group| group.code().unwrap()).collect()
}

impl Row {
    fn without(&self, cell: &str) -> String {
        let (header, mut claims) = parts(&self.access);
        for name in claims_in(cell) {
            claims.as_object_mut().unwrap().remove(name);
        }
        signed(&header, &claims)
    }

    /// Whether each of these is in the claims that the row names: without them, the user has none.
    async fn compare_places(&self, verifier: &JwtVerifier) {
        let name = self.issuer;
        let [id, username, roles, permissions, of_groups, admin] = self.places;
        let said = rejection(verifier, &self.without(id)).await;
        assert!(said.contains(&format!("missing {id} claim")), "{name}: {said}");
        for (cell, is_gone) in [
            (username, (|user| user.id() == user.username()) as fn(&UserInfo) -> bool),
            (roles, |user| user.roles().is_empty()),
            (permissions, |user| user.permissions().is_empty()),
            (of_groups, |user| groups(user).is_empty()),
            (if admin == "the role `admin`" { roles } else { admin }, |user| !user.is_admin()),
        ] {
            let user = verifier.user_info(&self.without(cell)).await;
            let user = user.unwrap_or_else(|error| panic!("{name} without {cell}: {error}"));
            assert!(is_gone(&user), "{name} without {cell}: {user:?}");
        }
        // What says that a user is an admin says so alone.
        let admin_role = admin == "the role `admin`";
        let plain = verifier.user_info(&self.access).await.unwrap();
        assert_eq!(plain.is_admin(), !admin_role || plain.has_role("admin"), "{name}");
    }
}

#[tokio::test]
async fn each_issuer_is_understood() {
    let server = KeyServer::start(&published()).await;
    let keys = server.url();
    for row in all(&keys) {
        let name = row.issuer;
        let verifier = at(&row.verifier, &keys).build().unwrap();
        let user = verifier.user_info(&row.access).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (id, username, roles, permissions, of_groups, admin) = &row.seen;
        assert_eq!(user.id().to_string(), *id, "{name}: id");
        assert_eq!(user.username(), *username, "{name}: username");
        assert!(user.roles().iter().eq(roles.iter().copied()), "{name}: {:?}", user.roles());
        assert!(
            user.permissions().iter().eq(permissions.iter().copied()),
            "{name}: {:?}",
            user.permissions()
        );
        assert_eq!(groups(&user), *of_groups, "{name}: groups");
        assert_eq!(user.is_admin(), *admin, "{name}: admin flag");
        row.compare_places(&verifier).await;
        // One issuer and one audience each, but for AutoGPT, which checks no issuer, and Cognito, which has no audience.
        let (mut foreign, stranger) = (Vec::new(), "https://stranger.example.com");
        for (claim, said, exempt) in
            [("iss", "of another issuer", "AutoGPT"), ("aud", "for another audience", "Cognito")]
        {
            if !name.starts_with(exempt) {
                foreign.push((changed(&row.access, claim, stranger), said));
            }
        }
        let refused = [row.refresh].into_iter().chain(row.id).chain(row.others).chain(foreign);
        for (token, said) in refused {
            let found = rejection(&verifier, &token).await;
            assert!(found.contains(said), "{name}: expected {said}, found {found}");
        }
    }
}

/// Nothing of what a preset leaves out is made up for by another's: each refuses the access tokens of all others.
#[tokio::test]
async fn no_issuer_speaks_for_another() {
    let server = KeyServer::start(&published()).await;
    let keys = server.url();
    let rows = of_key_sets();
    for verifying in &rows {
        let verifier = at(&verifying.verifier, &keys).build().unwrap();
        for other in rows.iter().filter(|other| other.issuer != verifying.issuer) {
            rejection(&verifier, &other.access).await;
        }
    }
}

#[tokio::test]
async fn key_set_is_where_jwks_url_says() {
    let server = KeyServer::start(&[RSA.named("rsa")]).await;
    let row = of_key_sets().swap_remove(0);
    let verifier = row.verifier.clone().jwks_url(server.url()).build().unwrap();
    assert!(verifier.user_info(&row.access).await.is_ok());
    assert_eq!(server.requests(), 1, "no metadata");
    let error = row.verifier.jwks_url("http://keys.example.com/jwks").build().unwrap_err().to_string();
    assert!(error.contains("insecure_plain_http"), "{error}");
    let error =
        presets::supabase_secret("http://127.0.0.1", SECRET).jwks_url(server.url()).build().unwrap_err();
    assert!(error.to_string().contains("`jwks_url` is set for a secret"), "{error}");
}
