use std::time::Duration;

use aigc_auth::cached::Cached;
use aigc_auth::error::ErrorKind;
use aigc_auth::introspection::Introspection;
use aigc_auth::jwt::{ByIssuer, JwtVerifier};
use aigc_auth::testing::Clock;
use aigc_auth::{AuthLayer, Verify};
use axum::Router;
use axum::routing::get;
use test_support::jwt::{ANOTHER_RSA, KeyServer, RSA, claims};

use super::support::Notes;
use crate::support::rig::ask;
use crate::support::{self, serve, until};
use crate::verifiers::support::{Say, Scripted, token};

fn app(layer: AuthLayer) -> Router {
    Router::new()
        .route("/", get(|user: aigc_auth::CurrentUser| async move { user.username().to_owned() }))
        .layer(layer)
}

#[tokio::test]
async fn cached_verifier_tells_what_its_cache_answers() {
    let notes = Notes::default();
    let (scripted, clock) = (Scripted::new(Say::Accept), Clock::held());
    let cached = Cached::builder(scripted.clone()).observer(notes.clone()).clock(clock.clone()).build();
    let app = app(AuthLayer::new(cached.clone()));
    ask(&app, "t").await;
    ask(&app, "t").await;
    assert_eq!(
        notes.lines(),
        ["call verifier answered 1", "lookup cached token called", "lookup cached token hit"]
    );
    scripted.say(ErrorKind::InvalidCredential);
    ask(&app, "u").await;
    assert_eq!(
        notes.lines(),
        [
            "call verifier rejected 1",
            "lookup cached token called invalid_credential",
            "refused invalid_credential layer bearer",
        ]
    );
    scripted.say(ErrorKind::Unavailable);
    clock.advance(Duration::from_secs(301));
    ask(&app, "t").await;
    assert_eq!(notes.lines(), ["call verifier unreachable 1", "lookup cached token stale unavailable"]);
    assert_eq!((cached.snapshot().cached, cached.snapshot().lookups), (1, 0));
}

#[tokio::test]
async fn jwts_are_verified_here_and_their_keys_fetched() {
    let notes = Notes::default();
    let server = KeyServer::start(&[RSA.named("rsa")]).await;
    let verifier = JwtVerifier::from_jwks(server.url()).observer(notes.clone()).build().unwrap();
    let app = app(AuthLayer::new(verifier));
    let jwt = RSA.issue("RS256", Some("rsa"), &claims());
    ask(&app, &jwt).await;
    ask(&app, &jwt).await;
    assert_eq!(notes.lines(), ["call key set answered 1", "lookup jwt token local", "lookup jwt token hit"]);
    let forged = ANOTHER_RSA.issue("RS256", Some("rsa"), &claims());
    ask(&app, &forged).await;
    assert_eq!(
        notes.lines(),
        ["lookup jwt token local invalid_credential", "refused invalid_credential layer bearer"]
    );
}

#[tokio::test]
async fn jwts_beside_another_verifier_tell_either() {
    let notes = Notes::default();
    let center = support::center().await;
    let client = support::client_with(&center, |builder| builder.observer(notes.clone()));
    let server = KeyServer::start(&[RSA.named("rsa")]).await;
    let jwts = JwtVerifier::from_jwks(server.url()).issuer("us").observer(notes.clone()).build().unwrap();
    let app = app(AuthLayer::new(ByIssuer::new(jwts, client)));
    let jwt = RSA.issue("RS256", Some("rsa"), &test_support::jwt::with(claims(), "iss", "us"));
    ask(&app, &jwt).await;
    ask(&app, "alice-token").await;
    ask(&app, "nobody").await;
    let lookups: Vec<_> = notes.lines().into_iter().filter(|line| !line.starts_with("call")).collect();
    assert_eq!(
        lookups,
        [
            "lookup jwt token local",
            "lookup auth_center token called",
            "lookup auth_center token called invalid_credential",
            "refused invalid_credential layer bearer",
        ]
    );
}

#[tokio::test]
async fn introspection_tells_its_calls() {
    let notes = Notes::default();
    let answers = Router::new().fallback(|| async { axum::Json(serde_json::json!({ "active": false })) });
    let endpoint = serve(answers).await;
    let introspection =
        Introspection::builder(format!("http://{}/introspect", endpoint.address), "id", "secret")
            .insecure_any_audience()
            .observer(notes.clone())
            .build()
            .unwrap();
    introspection.verify(token("t")).await.unwrap_err();
    assert_eq!(notes.lines(), ["call introspection answered 1"]);
    drop(endpoint);
    until("the endpoint is gone", || true).await;
    introspection.verify(token("t")).await.unwrap_err();
    assert_eq!(notes.lines_of("call introspection unreachable").len(), 1);
}
