//! The request context: in handlers, tasks, bodies and jobs.

use aigc_auth::context::{self, InContext, RequestContext};
use aigc_auth::credential::{BearerToken, Credential};
use aigc_auth::layer::TrustedProxies;
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, AuthError, AuthLayer, CurrentUser, UserInfo, Verify};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::context::{empty_snapshot, request_with_token, snapshot};
use crate::support::{self, center, client, get_as, serve};

async fn two_calls_deep() -> Json<Value> {
    async fn deeper() -> Value {
        tokio::task::yield_now().await;
        snapshot()
    }
    async fn deep() -> Value {
        deeper().await
    }
    Json(deep().await)
}

/// `base` with these fields instead of its own.
fn with(mut base: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

#[tokio::test]
async fn context_functions_work_below_handler() {
    let center = center().await;
    let root_id = center.users().iter().find(|user| user.username() == "root").unwrap().id().clone();
    let alice_id = center.users().iter().find(|user| user.username() == "alice").unwrap().id().clone();
    let routes = || Router::new().route("/context", get(two_calls_deep));
    let protected = routes().layer(support::auth(&center).allow_anonymous().exclude_path("/open/context"));
    let app = serve(Router::new().merge(protected.clone()).nest("/open", protected)).await;
    let bare = with(empty_snapshot(), &json!({"client_ip": "127.0.0.1", "app_id": "test-app"}));
    let alice = json!({"user": "alice", "user_id": alice_id, "username": "alice"});
    for (what, path, headers, expected) in [
        ("an unauthenticated request", "/context", &[][..], bare.clone()),
        ("a bad token", "/context", &[("authorization", "Bearer unknown")], bare.clone()),
        (
            "an admin with all headers",
            "/context",
            &[
                ("authorization", "Bearer root-token"),
                ("user-agent", "curl/8"),
                ("x-request-id", "r-1"),
                ("x-trace-id", "t-1"),
                ("x-forwarded-for", "8.8.4.4"),
            ],
            json!({
                "user": "root", "user_id": root_id, "username": "root", "admin": true, "client_ip": "8.8.4.4",
                "user_agent": "curl/8", "request_id": "r-1", "trace_id": "t-1", "token": "root-token",
                "app_id": "test-app",
            }),
        ),
        (
            "a user",
            "/context",
            &[("authorization", "bearer   alice-token")],
            with(with(bare.clone(), &alice), &json!({"token": "alice-token"})),
        ),
        (
            "an access key",
            "/context",
            &[("authorization", "Bearer ak_alice")],
            with(with(bare.clone(), &alice), &json!({"token": "ak_alice"})),
        ),
        ("a user on an excluded path", "/open/context", &[("authorization", "Bearer alice-token")], bare),
    ] {
        for round in ["cold", "warm"] {
            assert_eq!(support::get(app.address, path, headers).await.json(), expected, "{what}, {round}");
        }
    }
    assert_eq!(snapshot(), empty_snapshot(), "and nothing outside a request");
}

#[tokio::test]
async fn invalid_trace_and_request_ids_are_dropped() {
    let center = center().await;
    let app = serve(
        Router::new().route("/context", get(two_calls_deep)).layer(support::auth(&center).allow_anonymous()),
    );
    let app = app.await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{id}-00f067aa0ba902b7-01");
    let (long, too_long) = ("x".repeat(128), "x".repeat(129));
    for (headers, trace_id, request_id) in [
        (vec![("traceparent", &*traceparent)], Some(id), None),
        (vec![("traceparent", &*traceparent), ("x-trace-id", "t-1")], Some("t-1"), None),
        (vec![("traceparent", &*traceparent), ("x-trace-id", &*too_long)], Some(id), None),
        (vec![("traceparent", "00-0-0-0")], None, None),
        (vec![("x-trace-id", ""), ("x-request-id", "")], None, None),
        (vec![("x-trace-id", "\u{e4}"), ("x-request-id", "\u{e4}")], None, None),
        (vec![("x-trace-id", &*long), ("x-request-id", &*long)], Some(&*long), Some(&*long)),
        (vec![("x-request-id", &*too_long)], None, None),
        (vec![("x_trace_id", "t-1"), ("x_request_id", "r-1")], None, None),
    ] {
        let values = support::get(app.address, "/context", &headers).await.json();
        let seen = (values["trace_id"].as_str(), values["request_id"].as_str());
        assert_eq!(seen, (trace_id, request_id), "{headers:?}");
    }
}

#[tokio::test]
async fn spawned_task_has_context_only_if_propagated() {
    async fn handler() -> Json<Value> {
        let name = || async { context::current_username() };
        let without = tokio::spawn(name()).await.unwrap();
        let with = tokio::spawn(name().in_current_context()).await.unwrap();
        let twice = tokio::spawn(
            async move { tokio::spawn(name().in_current_context()).await.unwrap() }.in_current_context(),
        );
        let other = RequestContext::builder().user(UserInfo::builder(9, "robot")).build();
        let by_hand = name().in_context(other).await;
        Json(json!([without, with, twice.await.unwrap(), by_hand, context::current_username()]))
    }
    let center = center().await;
    let app = serve(Router::new().route("/spawn", get(handler)).layer(support::auth(&center))).await;
    let answer = get_as(app.address, "alice-token", "/spawn").await.json();
    assert_eq!(answer, json!([null, "alice", "alice", "robot", "alice"]));
}

#[tokio::test]
async fn task_keeps_context_after_response() {
    let center = center().await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let handler = move || async move {
        let late = async move {
            // Long after the answer, in the eyes of a runtime.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            sender.send(snapshot()).unwrap();
        };
        tokio::spawn(late.in_current_context());
    };
    let app = serve(Router::new().route("/late", get(handler)).layer(support::auth(&center))).await;
    assert_eq!(get_as(app.address, "alice-token", "/late").await.status, 200);
    assert_eq!(receiver.recv().await.unwrap()["username"], "alice");
}

/// Gives way to other requests again and again, and lists the usernames it held meanwhile.
async fn names() -> String {
    let mut names = vec![];
    for _ in 0..50 {
        let name = context::current_username().unwrap_or_else(|| "nobody".to_owned());
        if names.last() != Some(&name) {
            names.push(name);
        }
        tokio::task::yield_now().await;
    }
    names.join(" ")
}

async fn interleaved() {
    let center = center().await;
    let app = Router::new().route("/names", get(names)).layer(support::auth(&center).allow_anonymous());
    let mut requests = JoinSet::new();
    for name in ["alice", "bob", "root", "nobody"].into_iter().cycle().take(40) {
        let answer = app.clone().oneshot(request_with_token("/names", &format!("{name}-token")));
        requests.spawn(async move {
            let answer = answer.await.unwrap();
            (name, axum::body::to_bytes(answer.into_body(), 1024).await.unwrap())
        });
    }
    while let Some(answer) = requests.join_next().await {
        let (name, names) = answer.unwrap();
        assert_eq!(names, name);
    }
    assert_eq!(snapshot(), empty_snapshot());
}

#[tokio::test]
async fn requests_on_one_thread_keep_separate_contexts() {
    interleaved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn requests_across_threads_keep_separate_contexts() {
    interleaved().await;
}

#[tokio::test]
async fn job_sets_context_with_builder() {
    let context = RequestContext::builder()
        .user(UserInfo::builder("u-7", "robot").admin(true))
        .credential(Credential::new("job-token").unwrap())
        .client_ip("10.1.2.3".parse().unwrap())
        .user_agent("cron")
        .request_id("r-7")
        .trace_id("t-7")
        .app_id("nightly")
        .build();
    let spawned = async { tokio::spawn(async { snapshot() }.in_current_context()).await.unwrap() };
    let expected = json!({
        "user": "robot", "user_id": "u-7", "username": "robot", "admin": true, "client_ip": "10.1.2.3",
        "user_agent": "cron", "request_id": "r-7", "trace_id": "t-7", "token": "job-token", "app_id": "nightly",
    });
    assert_eq!(spawned.in_context(context.clone()).await, expected);
    assert!(!format!("{context:?}").contains("job-token"));
    let empty = async { (context::current().is_some(), snapshot()) };
    assert_eq!(empty.in_context(RequestContext::builder().build()).await, (true, empty_snapshot()));
    assert!(context::current().is_none());
}

/// The trace ids that the center was sent, in order.
fn trace_ids(center: &AuthCenter) -> Vec<Option<String>> {
    let trace_id = |request: aigc_auth::testing::RecordedRequest| {
        request.headers.get("x-trace-id").map(|id| id.to_str().unwrap().to_owned())
    };
    center.requests().into_iter().map(trace_id).collect()
}

#[tokio::test]
async fn center_calls_send_trace_id_of_request() {
    async fn list(State(client): State<AuthClient>) -> Result<String, AuthError> {
        let client = &client;
        let list = || async move { client.list_users(None, 1, 10).await };
        let inside = list().await?.total;
        let spawned = client.clone();
        tokio::spawn(async move { spawned.list_users(None, 1, 10).await }.in_current_context())
            .await
            .unwrap()?;
        let spawned = client.clone();
        tokio::spawn(async move { spawned.list_users(None, 1, 10).await }).await.unwrap()?;
        Ok(inside.to_string())
    }
    let center = center().await;
    let client = client(&center);
    let app = Router::new()
        .route("/me", get(|| async {}))
        .route("/list", get(list))
        .with_state(client.clone())
        .layer(AuthLayer::new(client));
    let app = serve(app).await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{id}-00f067aa0ba902b7-01");
    for (path, token, header, expected) in [
        ("/me", "alice-token", ("x-trace-id", "t-1"), vec![Some("t-1")]),
        ("/me", "alice-token", ("x-trace-id", "t-2"), vec![]),
        ("/me", "ak_alice", ("x-trace-id", "t-3"), vec![Some("t-3")]),
        ("/me", "bob-token", ("traceparent", &*traceparent), vec![Some(id)]),
        ("/me", "root-token", ("x-request-id", "r-1"), vec![None]),
        ("/me", "unknown", ("x-trace-id", &*"x".repeat(200)), vec![None]),
        ("/list", "alice-token", ("x-trace-id", "t-4"), vec![Some("t-4"), Some("t-4"), None]),
    ] {
        center.clear_requests();
        let credential = format!("Bearer {token}");
        support::get(app.address, path, &[("authorization", &*credential), header]).await;
        let expected: Vec<_> = expected.into_iter().map(|id| id.map(str::to_owned)).collect();
        assert_eq!(trace_ids(&center), expected, "{path} as {token} with {header:?}");
    }
}

#[tokio::test]
async fn inner_layer_excluding_path_keeps_outer_user() {
    let center = center().await;
    let both = |user: CurrentUser| async move {
        Json(json!([user.username(), snapshot()["username"], snapshot()["token"]]))
    };
    for inner in [support::auth(&center).exclude_path("/both"), support::auth(&center)] {
        let app = Router::new().route("/both", get(both)).layer(inner).layer(support::auth(&center));
        let app = serve(app).await;
        let answer = get_as(app.address, "alice-token", "/both").await.json();
        assert_eq!(answer, json!(["alice", "alice", "alice-token"]));
    }
}

/// Names the client's address as the user.
#[derive(Clone)]
struct NamesClient;

impl Verify<BearerToken> for NamesClient {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        tokio::task::yield_now().await;
        let ip = context::client_ip().map_or("unknown".to_owned(), |ip| ip.to_string());
        Ok(UserInfo::builder(1, ip).build())
    }
}

#[tokio::test]
async fn verifier_sees_the_clients_address() {
    let me = |user: CurrentUser| async move { user.username().to_owned() };
    let app = |layer: AuthLayer| serve(Router::new().route("/me", get(me)).layer(layer));
    let default = app(AuthLayer::tokens_only(NamesClient)).await;
    let none = app(AuthLayer::tokens_only(NamesClient).trusted_proxies(TrustedProxies::none())).await;
    for (app, expected) in [(&default, "203.0.113.9"), (&none, "127.0.0.1")] {
        let headers = [
            ("authorization", "Bearer any"),
            ("x-real-ip", "6.6.6.6"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        assert_eq!(support::get(app.address, "/me", &headers).await.body, expected);
    }
}
