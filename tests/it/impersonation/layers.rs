//! Impersonation is per request and layer: nested layers, and handlers outside the request context.

use aigc_auth::context::{self, InContext};
use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::{ActAsUser, AuthError, AuthLayer};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_extractor, from_fn};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use tower::ServiceExt;

use crate::impersonation::support::{FakeDirectory, HEADER, Mood, Sink, TokenVerifier, act_as, routes, who};
use crate::support::{self, Log, serve, verdict};

/// Outside it, the layer's policy is unknown.
#[tokio::test]
async fn handler_outside_request_context_rejects_impersonation() {
    async fn spawned(request: Request, next: Next) -> axum::response::Response {
        tokio::spawn(next.run(request))
            .await
            .unwrap_or_else(|_| AuthError::new(ErrorKind::Internal).into_response())
    }
    async fn carried(request: Request, next: Next) -> axum::response::Response {
        let run = tokio::spawn(next.run(request).in_current_context());
        run.await.unwrap_or_else(|_| AuthError::new(ErrorKind::Internal).into_response())
    }
    let log = Log::start();
    let layer = AuthLayer::tokens_only(TokenVerifier::new())
        .act_as(ActAsPolicy::new().directory(FakeDirectory::new()));
    let lost = serve(routes().layer(from_fn(spawned)).layer(layer.clone())).await;
    let kept = serve(routes().layer(from_fn(carried)).layer(layer)).await;
    for (target, lost_is, kept_is) in
        [("7", Err(500), Ok("7 alice by root")), ("2", Err(500), Err(403)), ("", Ok("1 root"), Ok("1 root"))]
    {
        let answers = [&lost, &kept].map(|app| act_as(app.address, "root-token", target));
        let [lost, kept] = answers;
        assert_eq!((verdict(&lost.await), verdict(&kept.await)), (lost_is, kept_is), "{target:?}");
    }
    assert!(log.take().contains("the handler runs outside the request's context"));
}

#[tokio::test]
async fn nested_layers_apply_their_own_policies() {
    let policy = || ActAsPolicy::new().directory(FakeDirectory::new());
    let verifier = TokenVerifier::new();
    let layer = |policy| AuthLayer::tokens_only(verifier.clone()).act_as(policy);
    for (inner, expected) in [(policy(), Ok("7 alice by root, context 7")), (policy().read_only(), Err(403))]
    {
        let handler = |user: ActAsUser| async move {
            let current = context::current_user_id().map(|id| id.to_string()).unwrap_or_default();
            format!("{}, context {current}", who(user).await)
        };
        let app = Router::new()
            .route("/", any(handler))
            .layer(layer(inner))
            .route_layer(from_extractor::<ActAsUser>())
            .layer(layer(policy()));
        let app = serve(app).await;
        let headers = [("authorization", "Bearer root-token"), (HEADER, "7")];
        let answer = support::request(app.address, "POST", "/", &headers).await;
        assert_eq!(verdict(&answer), expected);
    }
}

/// As services do that take several calls in one request.
#[tokio::test]
async fn request_cannot_impersonate_second_user() {
    let sink = Sink::new(Mood::Well);
    let inner = Router::new().route("/", get(who));
    let batch = move |request: Request| async move {
        let (parts, _) = request.into_parts();
        let mut answers = vec![];
        for target in ["7", "u-8", "7"] {
            let mut part = Request::new(Body::empty());
            *part.headers_mut() = parts.headers.clone();
            *part.extensions_mut() = parts.extensions.clone();
            part.headers_mut().insert(HEADER, target.parse().unwrap());
            answers.push(inner.clone().oneshot(part).await.unwrap().status().as_u16().to_string());
        }
        answers.push(context::current_user_id().map(|id| id.to_string()).unwrap_or_default());
        answers.join(" ")
    };
    let policy = ActAsPolicy::new().directory(FakeDirectory::new()).audit(sink.clone());
    let layer = AuthLayer::tokens_only(TokenVerifier::new()).act_as(policy);
    let batches = Router::new().route("/batch", get(batch));
    // What is extracted before goes along with the parts.
    let extracted = batches.clone().route_layer(from_extractor::<ActAsUser>());
    for (app, target, expected, refused) in [
        (batches, "", "200 400 400 7", [false, true, true].as_slice()),
        (extracted, "7", "200 400 200 7", &[false, true]),
    ] {
        let app = serve(app.layer(layer.clone())).await;
        let headers = [("authorization", "Bearer root-token"), (HEADER, target)];
        assert_eq!(support::get(app.address, "/batch", &headers).await.body, expected);
        let attempts: Vec<_> = sink.take().iter().map(|attempt| attempt.refusal.is_some()).collect();
        assert_eq!(attempts, refused);
    }
}
