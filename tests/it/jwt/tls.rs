//! Key sets behind https.

use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use axum::Router;
use axum::routing::get;
use serde_json::json;

use crate::jwt::support::{KeyServer, P256, claims, with};
use crate::support::tls::{file, https_port};
use crate::support::{serve, test_process};

/// `jwks` or `issuer`, and its URL.
const SOURCE: &str = "AIGC_AUTH_TEST_HTTPS_KEYS";
const TOKEN: &str = "AIGC_AUTH_TEST_HTTPS_TOKEN";

/// What a process of its own prints that takes its root certificates from there.
async fn child(source: &str, token: &str, roots: &str) -> String {
    let mut command = test_process(module_path!(), "child_process_fetches_keys");
    command.env(SOURCE, source).env(TOKEN, token);
    command.env("SSL_CERT_FILE", file(roots)).env("SSL_CERT_DIR", file("no-directory"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn child_process_fetches_keys() {
    let Ok(source) = std::env::var(SOURCE) else { return };
    let from: fn(String) -> JwtVerifierBuilder = match source.split_once(' ').unwrap().0 {
        "jwks" => |url| JwtVerifier::from_jwks(url),
        _ => |url| JwtVerifier::from_issuer(url),
    };
    match from(source.split_once(' ').unwrap().1.to_owned()).build() {
        Err(error) => println!("not built: {error:?}"),
        Ok(verifier) => match verifier.user_info(&std::env::var(TOKEN).unwrap()).await {
            Ok(user) => println!("found: {}", user.id()),
            Err(error) => println!("not found: {error:?}"),
        },
    }
}

#[tokio::test]
async fn keys_are_fetched_from_trusted_servers_only() {
    let keys = KeyServer::start(&[P256.named("a")]).await;
    let behind = keys.url().trim_start_matches("http://").trim_end_matches("/keys").to_owned();
    let port = https_port(&behind).await;
    let https = format!("https://localhost:{port}/keys");
    // An issuer on this machine, whose keys are elsewhere.
    let app = serve(Router::new().route(
        "/.well-known/openid-configuration",
        get(|headers: http::HeaderMap| async move {
            let issuer = format!("http://{}", headers["host"].to_str().unwrap());
            json!({"issuer": issuer, "jwks_uri": https}).to_string()
        }),
    ))
    .await;
    let issuer = format!("http://{}", app.address);
    let token = P256.issue("ES256", Some("a"), &with(claims(), "iss", issuer.clone()));
    let jwks = format!("jwks https://localhost:{port}/keys");
    let by_address = format!("jwks https://127.0.0.1:{port}/keys");
    let (issuer, plain) = (format!("issuer {issuer}"), format!("jwks {}", keys.url()));
    for (source, roots, expected, requests) in [
        (&jwks, "ca.pem", "\nfound: alice", 1),
        (&issuer, "ca.pem", "\nfound: alice", 1),
        (&jwks, "server.pem", "\nnot found", 0),
        (&issuer, "server.pem", "\nnot found", 0),
        (&by_address, "ca.pem", "\nnot found", 0),
        (&jwks, "no-file", "\nnot built", 0),
        // On this machine there is nobody in between, and need be no certificates.
        (&plain, "no-file", "\nfound: alice", 1),
    ] {
        let before = keys.requests();
        let said = child(source, &token, roots).await;
        assert!(said.contains(expected), "{source} with {roots}: {said}");
        assert_eq!(keys.requests() - before, requests, "{source} with {roots}");
    }
}
