//! Canaille (PyPI), an OpenID provider that runs beside the test: its keys are found by its metadata, its JWTs verified here,
//! and its opaque tokens at its introspection endpoint.

use aigc_auth::cached::Cached;
use aigc_auth::claims::{ClaimsMapping, TokenKind};
use aigc_auth::error::ErrorKind;
use aigc_auth::introspection::Introspection;
use aigc_auth::jwt::{ByIssuer, JwtVerifier};
use aigc_auth::{AuthLayer, CurrentUser};
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use crate::jwt::issued::{Row, Seen, claims_of, compare};
use crate::jwt::presets::guide::is_in_guide;
use crate::support::{Reference, Serving, exchange, get_as, serve};

async fn issued(provider: &Serving) -> Value {
    // It answers under its own name alone.
    let head = format!("GET /issued HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", provider.address);
    exchange(provider.address, head.as_bytes()).await.json()
}

/// An ID token has the access token's issuer, audience, key and claims: `at_hash` tells it.
#[tokio::test]
async fn provider_is_found_and_its_tokens_are_told_apart() {
    let Some(reference) = Reference::installed() else { return };
    let provider = reference.serve("issuer_canaille.py", &[]).await;
    let issued = issued(&provider).await;
    let rows = [Row {
        issuer: "Canaille",
        verifier: |issued| {
            assert!(is_in_guide(
                r#"JwtVerifier::from_issuer("https://auth.example.com").audience("web").groups_claim("groups")"#
            ));
            JwtVerifier::from_issuer(issued.text("base").unwrap()).audience("web").groups_claim("groups")
        },
        seen: Seen { username: Some("ann"), roles: &[], permissions: &[], groups: &["ops"], admin: false },
        refresh: Some("opaque token"),
        id: Some("by its `at_hash`, the token says that it is an ID token"),
        // A client's own, and one that changes the registration of the client.
        others: &["opaque token", "another audience"],
    }];
    compare(&json!([issued]), &rows).await;

    let text = |name: &str| issued[name].as_str().unwrap();
    let (access, id) = (claims_of(text("access")), claims_of(text("id")));
    assert_eq!((&access["iss"], &access["aud"], &access["sub"]), (&id["iss"], &id["aud"], &id["sub"]));
    assert!(id["auth_time"].is_f64(), "a date with a fraction: {id}");
    let verifier = JwtVerifier::from_issuer(text("base")).audience("web").accept_kind(TokenKind::Id);
    assert!(verifier.build().unwrap().user_info(text("id")).await.is_ok());
}

/// JWTs of users are verified here, and opaque tokens of clients at the provider.
#[tokio::test]
async fn opaque_tokens_are_introspected_beside_jwts() {
    let Some(reference) = Reference::installed() else { return };
    let provider = reference.serve("issuer_canaille.py", &[]).await;
    let issued = issued(&provider).await;
    let text = |name: &str| issued[name].as_str().unwrap();
    let base = text("base");
    let introspection = || {
        let endpoint = format!("{base}/oauth/introspect");
        Introspection::builder(endpoint, "web", "secret of web").audience("web").issuer(base)
    };
    let of_clients =
        introspection().mapping(ClaimsMapping::new().subject_claim("client_id")).build().unwrap();
    let jwts = JwtVerifier::from_issuer(base).audience("web").build().unwrap();
    let greet = |CurrentUser(user): CurrentUser| async move { format!("{} {}", user.id(), user.username()) };
    let layer = AuthLayer::new(ByIssuer::new(jwts, Cached::new(of_clients)));
    let app = serve(Router::new().route("/", get(greet)).layer(layer)).await;
    let opaque = issued["others"][0].as_str().unwrap();
    for (token, expected) in [
        (text("access"), (200, "42 ann")),
        (opaque, (200, "web web")),
        (text("refresh"), (401, "")),
        (text("id"), (401, "")),
        ("nobody-has-issued-it", (401, "")),
    ] {
        let answer = get_as(app.address, token, "/").await;
        let body = if answer.status == 200 { &*answer.body } else { "" };
        assert_eq!((answer.status, body), expected, "{token}");
    }
    // Introspection takes the JWTs of users as well, and nothing else that their client was given.
    let verifier = AuthLayer::new(introspection().build().unwrap());
    let app = serve(Router::new().route("/", get(greet)).layer(verifier)).await;
    assert_eq!(get_as(app.address, text("access"), "/").await.body, "42 Ann A");
    for token in [text("id"), text("refresh")] {
        assert_eq!(get_as(app.address, token, "/").await.status, 401);
    }
    let other = introspection().audience("another").build().unwrap();
    let error =
        aigc_auth::Verify::verify(&other, aigc_auth::credential::BearerToken::new(text("access")).unwrap());
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::InvalidCredential);
}
