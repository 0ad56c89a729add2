//! `POST /revoke`.

use aigc_auth::jwt::{ByIssuer, JwtVerifier};
use aigc_auth::testing::{Clock, TestKey};
use aigc_auth::{AuthLayer, revocation};
use axum::Router;
use axum::routing::get;
use serde_json::json;

use crate::jwt::support::SECRET;
use crate::revocation::support::{builder, token};
use crate::support::{App, center, client, post, request, serve};

async fn app(verifier: &JwtVerifier, layer: AuthLayer) -> App {
    let router =
        Router::new().route("/", get(|| async { "in" })).merge(revocation::revoke_router(verifier.clone()));
    serve(router.layer(layer)).await
}

async fn call(app: &App, method: &str, path: &str, credential: &str) -> (u16, String) {
    let authorization = format!("Bearer {credential}");
    let answer = request(app.address, method, path, &[("authorization", &authorization)]).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn caller_logs_out() {
    let verifier = builder(&Clock::held()).build().unwrap();
    let app = app(&verifier, AuthLayer::new(verifier.clone())).await;
    let [mine, sibling] = ["a", "b"].map(|jti| token(&json!({"jti": jti, "sid": "s"})));
    assert_eq!(call(&app, "GET", "/", &sibling).await.0, 200);
    assert_eq!(call(&app, "GET", "/revoke", &mine).await.0, 405);
    assert_eq!(call(&app, "POST", "/revoke", &mine).await, (204, String::new()));
    for token in [&mine, &sibling] {
        assert_eq!(call(&app, "GET", "/", token).await.0, 401);
        assert_eq!(call(&app, "POST", "/revoke", token).await.0, 401);
    }
    // No id to revoke it by.
    let (status, body) = call(&app, "POST", "/revoke", &token(&json!({}))).await;
    assert_eq!(status, 400, "{body}");
    let none = post(app.address, "/revoke", &[] as &[(&str, &str)], "").await;
    assert_eq!(none.status, 401);
}

#[tokio::test]
async fn access_keys_and_routers_outside_the_layer_are_refused() {
    let center = center().await;
    center.add_access_key("ak_user", TestKey::user("alice"));
    let verifier = builder(&Clock::held()).build().unwrap();
    let layer = AuthLayer::new(verifier.clone()).with_access_keys(client(&center));
    let inside = app(&verifier, layer).await;
    assert_eq!(call(&inside, "POST", "/revoke", "ak_user").await.0, 403);
    let outside = serve(revocation::revoke_router(verifier.clone())).await;
    assert_eq!(call(&outside, "POST", "/revoke", &token(&json!({"jti": "a"}))).await.0, 500);
    let without = JwtVerifier::from_secret(SECRET).build().unwrap();
    let app = app(&without, AuthLayer::new(without.clone())).await;
    assert_eq!(call(&app, "POST", "/revoke", &token(&json!({"jti": "a"}))).await.0, 500);
}

/// Where two verifiers share a layer, a token of the other is valid, and nothing that could be revoked here.
#[tokio::test]
async fn token_of_another_verifier_is_refused_and_stays_valid() {
    let center = center().await;
    let verifier = builder(&Clock::held()).build().unwrap();
    let layer = AuthLayer::new(ByIssuer::new(verifier.clone(), client(&center)));
    let app = app(&verifier, layer).await;
    assert_eq!(call(&app, "POST", "/revoke", "alice-token").await.0, 403);
    assert_eq!(call(&app, "GET", "/", "alice-token").await.0, 200);
    let own = token(&json!({"jti": "a"}));
    assert_eq!(call(&app, "POST", "/revoke", &own).await.0, 204);
    assert_eq!(call(&app, "POST", "/revoke", &own).await.0, 401);
}

/// While acting as another user, the token is still the admin's own.
#[tokio::test]
async fn acting_as_another_user_revokes_the_callers_own_token() {
    let verifier = builder(&Clock::held()).build().unwrap();
    let layer = AuthLayer::new(verifier.clone());
    let app = app(&verifier, layer).await;
    let admin = token(&json!({"sub": "root", "role": "admin", "jti": "a", "sid": "of root"}));
    let target = token(&json!({"jti": "b", "sid": "of alice"}));
    let authorization = format!("Bearer {admin}");
    let headers = [("authorization", &*authorization), ("x-act-as-user-id", "alice")];
    assert_eq!(post(app.address, "/revoke", &headers, "").await.status, 204);
    assert_eq!(call(&app, "GET", "/", &admin).await.0, 401);
    assert_eq!(call(&app, "GET", "/", &target).await.0, 200);
}
