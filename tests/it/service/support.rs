//! An issuer that signs for users and services by one key, and a service that says who has called.

use aigc_auth::context;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::permission::{AllOf, AnyOf};
use aigc_auth::service::{CurrentService, RequireService, ServiceVerifier};
use aigc_auth::{AuthLayer, CurrentUser, OptionalUser, RequireAdmin, permissions};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::Request;
use serde_json::{Value, json};
use test_support::jwt::{P256, now};
use tower::ServiceExt;

pub(crate) const AUDIENCE: &str = "autogpt-platform-backend";

permissions! {
    pub Read = "orders:read";
    pub Write = "orders:write";
    pub Purge = "orders:purge";
}

type ReadAndMore = AllOf<(Read, AnyOf<(Write, Purge)>)>;

/// The key of the issuer, with no more settings.
pub(crate) fn keys() -> JwtVerifierBuilder {
    JwtVerifier::from_public_key(P256.pem())
}

pub(crate) fn services() -> ServiceVerifier {
    ServiceVerifier::builder(keys(), AUDIENCE).build().unwrap()
}

/// Users of the same key.
pub(crate) fn users() -> JwtVerifierBuilder {
    keys().reject_subject_prefix("service:").permissions_from_scope()
}

pub(crate) fn claims(sub: &str, aud: impl Into<Value>, scope: &str) -> Value {
    json!({ "sub": sub, "aud": aud.into(), "scope": scope, "iat": now(), "exp": now() + 60 })
}

pub(crate) fn sign(claims: &Value) -> String {
    P256.issue("ES256", None, claims)
}

/// The token of the frontend, as AutoGPT's has it.
pub(crate) fn frontend(scope: &str) -> String {
    sign(&claims("service:frontend", AUDIENCE, scope))
}

pub(crate) fn alice() -> String {
    sign(&claims("alice", "authenticated", "orders:read"))
}

/// Who is said to call, where a user, a service and either are asked for.
pub(crate) fn routes() -> Router {
    let scoped = |service: RequireService<ReadAndMore>| async move { service.name().to_owned() };
    Router::new()
        .route("/user", get(|user: CurrentUser| async move { user.id().to_string() }))
        .route("/admin", get(|user: RequireAdmin| async move { user.id().to_string() }))
        .route("/option", get(|user: Option<CurrentUser>| async move { format!("{}", user.is_some()) }))
        .route("/maybe", get(|user: OptionalUser| async move { format!("{}", user.0.is_some()) }))
        .route("/service", get(|service: CurrentService| async move { service.name().to_owned() }))
        .route("/read", get(|service: RequireService<Read>| async move { service.name().to_owned() }))
        .route("/scoped", get(scoped))
        .route(
            "/context",
            get(|| async {
                let service = context::service().map(|service| service.name().to_owned());
                let user = context::current_user_id().map(|id| id.to_string());
                let actor = context::actor().map(|user| user.id().to_string());
                let ends = context::valid_until().is_some();
                let shown = format!("{:?}", context::current());
                axum::Json(json!({
                    "service": service, "user": user, "actor": actor, "ends": ends,
                    "shown": shown.contains("frontend"),
                }))
            }),
        )
}

pub(crate) fn app(layer: AuthLayer) -> Router {
    routes().layer(layer)
}

/// The status and the body's text.
pub(crate) async fn ask(app: &Router, path: &str, token: &str) -> (u16, String) {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
