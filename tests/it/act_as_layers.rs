//! Acting as another belongs to one request and its layer: where that is lost, or another is met on the way.

use aigc_auth::context::{self, InContext};
use aigc_auth::{ActAsPolicy, ActAsUser, AuthError, AuthLayer, ErrorKind};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_extractor, from_fn};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use tower::ServiceExt;

use crate::act_as_support::{Book, ByName, HEADER, Mood, Sink, act_as, routes, verdict, who};
use crate::support::{self, Log, serve};

/// Spawned without it, nobody could say what the layer's policy is.
#[tokio::test]
async fn a_handler_outside_the_requests_context_lets_nobody_act() {
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
    let layer = AuthLayer::tokens_only(ByName::new()).act_as(ActAsPolicy::new().directory(Book::new()));
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
async fn each_of_two_layers_asks_its_own_policy() {
    let policy = || ActAsPolicy::new().directory(Book::new());
    let verifier = ByName::new();
    let layer = |policy| AuthLayer::tokens_only(verifier.clone()).act_as(policy);
    for (inner, expected) in [(policy(), Ok("7 alice by root, told 7")), (policy().read_only(), Err(403))] {
        let told = |user: ActAsUser| async move {
            let told = context::current_user_id().map(|id| id.to_string()).unwrap_or_default();
            format!("{}, told {told}", who(user).await)
        };
        let app = Router::new()
            .route("/", any(told))
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
async fn a_request_that_acts_as_one_user_does_not_act_as_a_second() {
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
    let policy = ActAsPolicy::new().directory(Book::new()).audit(sink.clone());
    let layer = AuthLayer::tokens_only(ByName::new()).act_as(policy);
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
