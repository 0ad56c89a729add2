use super::super::builder::JwtVerifierBuilder;
use super::super::key_source::KeySource;
use super::*;

/// As the issuers' documents have it; `tests/it/jwt/presets.rs` tries tokens, whose keys are elsewhere.
#[test]
fn keys_are_where_the_issuer_publishes_them() {
    let secret = "a secret of at least 32 characters";
    let place = |builder: &JwtVerifierBuilder| match &builder.key_source {
        KeySource::Jwks(url) => url.clone(),
        KeySource::Issuer(issuer) => format!("metadata of {issuer}"),
        KeySource::Secret(_) => "secret".to_owned(),
        KeySource::PublicKey(_) => "public key".to_owned(),
    };
    for (builder, expected, issuer) in [
        (keycloak("https://k/realms/r/", "a"), "metadata of https://k/realms/r", Some("https://k/realms/r")),
        (
            keycloak_client("http://k/realms/r", "a", "c"),
            "metadata of http://k/realms/r",
            Some("http://k/realms/r"),
        ),
        (
            auth0("t.eu.auth0.com", "a"),
            "metadata of https://t.eu.auth0.com/",
            Some("https://t.eu.auth0.com/"),
        ),
        (
            auth0("https://t.eu.auth0.com/", "a"),
            "metadata of https://t.eu.auth0.com/",
            Some("https://t.eu.auth0.com/"),
        ),
        (
            entra_id("9122040d", "a"),
            "metadata of https://login.microsoftonline.com/9122040d/v2.0",
            Some("https://login.microsoftonline.com/9122040d/v2.0"),
        ),
        (
            cognito("eu-west-1", "eu-west-1_X", "c"),
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X/.well-known/jwks.json",
            Some("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_X"),
        ),
        (casdoor("https://door/", "c"), "https://door/.well-known/jwks", Some("https://door")),
        (
            zitadel("x.zitadel.cloud", "1"),
            "metadata of https://x.zitadel.cloud",
            Some("https://x.zitadel.cloud"),
        ),
        (logto("https://l/", "a"), "metadata of https://l/oidc", Some("https://l/oidc")),
        (
            supabase("https://p.supabase.co/"),
            "https://p.supabase.co/auth/v1/.well-known/jwks.json",
            Some("https://p.supabase.co/auth/v1"),
        ),
        (supabase_secret("http://127.0.0.1:54321", secret), "secret", Some("http://127.0.0.1:54321/auth/v1")),
        (
            firebase("p"),
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            Some("https://securetoken.google.com/p"),
        ),
        (
            better_auth("http://localhost:3000/"),
            "http://localhost:3000/api/auth/jwks",
            Some("http://localhost:3000"),
        ),
        (better_auth_oauth("https://b", "a"), "https://b/api/auth/jwks", Some("https://b/api/auth")),
        (autogpt("https://a/jwks", secret), "https://a/jwks", None),
    ] {
        assert_eq!(place(&builder), expected);
        let issuers = builder.validation.issuers.as_deref();
        assert_eq!(issuers, issuer.map(|issuer| vec![issuer.to_owned()]).as_deref(), "{expected}");
        let plain = matches!(&builder.key_source, KeySource::Issuer(url) if url.starts_with("http://k"));
        assert_eq!(builder.build().is_err(), plain, "{expected}");
    }
}
