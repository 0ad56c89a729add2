//! Who is asking, anywhere below the handler.

use aigc_auth::context::{self, InContext, RequestContext};
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, AuthError, AuthLayer, Credential, CurrentUser, UserInfo};
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::{self, center, client, get_as, serve};

/// Everything that the context tells.
pub(crate) fn told() -> Value {
    json!({
        "user": context::current_user().map(|user| user.username.to_string()),
        "user_id": context::current_user_id(),
        "username": context::current_username(),
        "admin": context::is_current_user_admin(),
        "client_ip": context::client_ip(),
        "user_agent": context::user_agent(),
        "request_id": context::request_id(),
        "trace_id": context::trace_id(),
        "token": context::token().map(|token| token.as_str().to_owned()),
        "app_id": context::app_id(),
    })
}

async fn two_calls_deep() -> Json<Value> {
    async fn deeper() -> Value {
        tokio::task::yield_now().await;
        told()
    }
    async fn deep() -> Value {
        deeper().await
    }
    Json(deep().await)
}

pub(crate) fn nothing() -> Value {
    json!({
        "user": null, "user_id": null, "username": null, "admin": false, "client_ip": null, "user_agent": null,
        "request_id": null, "trace_id": null, "token": null, "app_id": null,
    })
}

pub(crate) fn of(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

/// `base` with these fields instead of its own.
fn with(mut base: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

#[tokio::test]
async fn every_function_two_calls_below_the_handler() {
    let center = center().await;
    let root_id = center.users().iter().find(|user| &*user.username == "root").unwrap().id.clone();
    let alice_id = center.users().iter().find(|user| &*user.username == "alice").unwrap().id.clone();
    let routes = || Router::new().route("/told", get(two_calls_deep));
    let protected = routes().layer(support::auth(&center).allow_anonymous().exclude_path("/open/told"));
    let app = serve(Router::new().merge(protected.clone()).nest("/open", protected)).await;
    let bare = with(nothing(), &json!({"client_ip": "127.0.0.1", "app_id": "test-app"}));
    let alice = json!({"user": "alice", "user_id": alice_id, "username": "alice"});
    for (what, path, headers, expected) in [
        ("a stranger", "/told", &[][..], bare.clone()),
        ("a bad token", "/told", &[("authorization", "Bearer unknown")], bare.clone()),
        (
            "an admin with all headers",
            "/told",
            &[
                ("authorization", "Bearer root-token"),
                ("user-agent", "curl/8"),
                ("x-request-id", "r-1"),
                ("x-trace-id", "t-1"),
                ("x-real-ip", "8.8.4.4"),
            ],
            json!({
                "user": "root", "user_id": root_id, "username": "root", "admin": true, "client_ip": "8.8.4.4",
                "user_agent": "curl/8", "request_id": "r-1", "trace_id": "t-1", "token": "root-token",
                "app_id": "test-app",
            }),
        ),
        (
            "a user",
            "/told",
            &[("authorization", "bearer   alice-token")],
            with(with(bare.clone(), &alice), &json!({"token": "alice-token"})),
        ),
        (
            "an access key",
            "/told",
            &[("authorization", "Bearer ak_alice")],
            with(with(bare.clone(), &alice), &json!({"token": "ak_alice"})),
        ),
        ("a user on an excluded path", "/open/told", &[("authorization", "Bearer alice-token")], bare),
    ] {
        for round in ["cold", "warm"] {
            assert_eq!(support::get(app.address, path, headers).await.json(), expected, "{what}, {round}");
        }
    }
    assert_eq!(told(), nothing(), "and nothing outside a request");
}

#[tokio::test]
async fn ids_of_traces_and_requests_that_are_fit_to_be_passed_on() {
    let center = center().await;
    let app = serve(
        Router::new().route("/told", get(two_calls_deep)).layer(support::auth(&center).allow_anonymous()),
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
        let told = support::get(app.address, "/told", &headers).await.json();
        let seen = (told["trace_id"].as_str(), told["request_id"].as_str());
        assert_eq!(seen, (trace_id, request_id), "{headers:?}");
    }
}

#[tokio::test]
async fn a_spawned_task_knows_of_the_request_only_if_it_is_carried_there() {
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
async fn a_task_may_outlive_its_request_and_still_knows_it() {
    let center = center().await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let handler = move || async move {
        let late = async move {
            // Long after the answer, in the eyes of a runtime.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            sender.send(told()).unwrap();
        };
        tokio::spawn(late.in_current_context());
    };
    let app = serve(Router::new().route("/late", get(handler)).layer(support::auth(&center))).await;
    assert_eq!(get_as(app.address, "alice-token", "/late").await.status, 200);
    assert_eq!(receiver.recv().await.unwrap()["username"], "alice");
}

/// Gives way to other requests again and again, and says all names it had meanwhile.
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
        let answer = app.clone().oneshot(of("/names", &format!("{name}-token")));
        requests.spawn(async move {
            let answer = answer.await.unwrap();
            (name, axum::body::to_bytes(answer.into_body(), 1024).await.unwrap())
        });
    }
    while let Some(answer) = requests.join_next().await {
        let (name, names) = answer.unwrap();
        assert_eq!(names, name);
    }
    assert_eq!(told(), nothing());
}

#[tokio::test]
async fn requests_that_take_turns_on_one_thread_do_not_mix() {
    interleaved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn requests_that_move_between_threads_do_not_mix() {
    interleaved().await;
}

#[tokio::test]
async fn a_job_outside_a_request_sets_it_by_hand() {
    let context = RequestContext::builder()
        .user(UserInfo::builder("u-7", "robot").admin(true))
        .credential(Credential::new("job-token").unwrap())
        .client_ip("10.1.2.3".parse().unwrap())
        .user_agent("cron")
        .request_id("r-7")
        .trace_id("t-7")
        .app_id("nightly")
        .build();
    let told = async { tokio::spawn(async { told() }.in_current_context()).await.unwrap() };
    let expected = json!({
        "user": "robot", "user_id": "u-7", "username": "robot", "admin": true, "client_ip": "10.1.2.3",
        "user_agent": "cron", "request_id": "r-7", "trace_id": "t-7", "token": "job-token", "app_id": "nightly",
    });
    assert_eq!(told.in_context(context.clone()).await, expected);
    assert!(!format!("{context:?}").contains("job-token"));
    let empty = async { (context::current().is_some(), self::told()) };
    assert_eq!(empty.in_context(RequestContext::builder().build()).await, (true, nothing()));
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
async fn calls_to_the_center_carry_the_trace_id_of_the_request() {
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
async fn under_a_second_layer_that_excludes_the_path_extractors_and_context_agree() {
    let center = center().await;
    let both =
        |user: CurrentUser| async move { Json(json!([user.username, told()["username"], told()["token"]])) };
    for inner in [support::auth(&center).exclude_path("/both"), support::auth(&center)] {
        let app = Router::new().route("/both", get(both)).layer(inner).layer(support::auth(&center));
        let app = serve(app).await;
        let answer = get_as(app.address, "alice-token", "/both").await.json();
        assert_eq!(answer, json!(["alice", "alice", "alice-token"]));
    }
}
