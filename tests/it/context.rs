//! Who is asking, anywhere below the handler, and what is done once for each who is new.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::context::{self, InContext, RequestContext};
use aigc_auth::testing::AuthCenter;
use aigc_auth::{
    AuthClient, AuthError, AuthLayer, BearerToken, Credential, CurrentUser, ErrorKind, UserInfo, Verify,
};
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use crate::support::{self, center, client, get_as, serve};

/// Everything that the context tells.
fn told() -> Value {
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

fn nothing() -> Value {
    json!({
        "user": null, "user_id": null, "username": null, "admin": false, "client_ip": null, "user_agent": null,
        "request_id": null, "trace_id": null, "token": null, "app_id": null,
    })
}

/// `base` with these fields instead of its own.
fn with(mut base: Value, fields: Value) -> Value {
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
    let bare = with(nothing(), json!({"client_ip": "127.0.0.1", "app_id": "test-app"}));
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
            with(with(bare.clone(), alice.clone()), json!({"token": "alice-token"})),
        ),
        (
            "an access key",
            "/told",
            &[("authorization", "Bearer ak_alice")],
            with(with(bare.clone(), alice), json!({"token": "ak_alice"})),
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

fn of(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
}

/// What a hook noted.
type Notes = Arc<Mutex<Vec<String>>>;

fn noting(layer: AuthLayer) -> (AuthLayer, Notes) {
    let notes = Notes::default();
    let noted = notes.clone();
    let layer = layer.on_verified(move |user| {
        let noted = noted.clone();
        async move {
            tokio::task::yield_now().await;
            noted.lock().unwrap().push(user.username.to_string());
        }
    });
    (layer, notes)
}

fn taken(notes: &Notes) -> Vec<String> {
    std::mem::take(&mut notes.lock().unwrap())
}

#[tokio::test]
async fn the_hook_runs_once_for_a_hundred_requests_with_one_cold_token() {
    let center = center().await;
    let (layer, notes) = noting(support::auth(&center));
    let app = Router::new().route("/me", get(|user: CurrentUser| async move { user.username.to_string() }));
    let app = app.layer(layer);
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        requests.spawn(app.clone().oneshot(of("/me", "alice-token")));
    }
    for answer in requests.join_all().await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!((taken(&notes), center.calls("/user/info")), (vec!["alice".to_owned()], 1));
}

#[tokio::test]
async fn the_hook_runs_for_the_fresh_and_not_for_the_known_or_the_refused() {
    let center = center().await;
    let client = client(&center);
    let (layer, notes) = noting(AuthLayer::new(client.clone()).allow_anonymous().exclude_path("/open"));
    let app = serve(Router::new().fallback(|| async {}).layer(layer)).await;
    // A look-up by hand is fresh news to the first request all the same.
    let bob_id = client.user_info("bob-token").await.unwrap().id.clone();
    let forget: [(&str, &dyn Fn()); 4] = [
        ("nothing", &|| {}),
        ("the token", &|| client.invalidate("bob-token")),
        ("the user", &|| client.invalidate_user(bob_id.clone())),
        ("everything", &|| client.clear_cache()),
    ];
    for (what, forget) in forget {
        forget();
        for expected in [vec!["bob"], vec![], vec![]] {
            get_as(app.address, "bob-token", "/").await;
            assert_eq!(taken(&notes), expected, "after {what} was forgotten");
        }
    }
    for (what, path, credential, expected) in [
        ("a token", "/", "alice-token", vec!["alice"]),
        ("another credential of the same user", "/", "ak_alice", vec!["alice"]),
        ("a refused one", "/", "unknown", vec![]),
        ("a malformed one", "/", "b a d", vec![]),
        ("an excluded path", "/open", "root-token", vec![]),
        ("the same, elsewhere", "/", "root-token", vec!["root"]),
    ] {
        get_as(app.address, credential, path).await;
        assert_eq!(taken(&notes), expected, "{what}");
    }
}

#[tokio::test]
async fn the_hook_runs_in_the_context_of_its_request_and_before_the_handler() {
    let center = center().await;
    let seen = Arc::<Mutex<Vec<Value>>>::default();
    let hook_saw = seen.clone();
    let layer = support::auth(&center).on_verified(move |_| {
        let seen = hook_saw.clone();
        async move {
            tokio::task::yield_now().await;
            seen.lock().unwrap().push(told());
        }
    });
    let handler = move || async move { Json(json!([seen.lock().unwrap().clone(), told()])) };
    let app = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    let headers = [("authorization", "Bearer alice-token"), ("x-trace-id", "t-1")];
    let answer = support::get(app.address, "/", &headers).await.json();
    assert_eq!(answer[0], json!([answer[1]]));
    assert_eq!((&answer[1]["username"], &answer[1]["trace_id"]), (&json!("alice"), &json!("t-1")));
    assert_eq!(told(), nothing());
}

/// Knows everybody by his token, and counts how often it is asked.
#[derive(Clone, Default)]
struct Knows(Arc<AtomicUsize>, Arc<Mutex<Option<UserInfo>>>);

impl Verify<BearerToken> for Knows {
    fn known(&self, _: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        self.1.lock().unwrap().clone().map(Ok)
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if token.as_str() == "unknown" {
            return Err(ErrorKind::InvalidCredential.into());
        }
        let user = UserInfo::builder(1, token.as_str()).build();
        *self.1.lock().unwrap() = Some(user.clone());
        Ok(user)
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_holds_one_request_up_for_a_while_and_nobody_else() {
    let runs = Arc::<AtomicUsize>::default();
    let counted = runs.clone();
    let layer = AuthLayer::tokens_only(Knows::default()).on_verified(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    });
    let app: Router = Router::new().route("/", get(|| async { told().to_string() })).layer(layer);
    let start = tokio::time::Instant::now();
    let held_up = tokio::spawn(app.clone().oneshot(of("/", "alice")));
    while runs.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        assert_eq!(app.clone().oneshot(of("/", "alice")).await.unwrap().status(), 200);
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "the others did not wait");
    assert_eq!(held_up.await.unwrap().unwrap().status(), 200, "it is not refused for it");
    let waited = start.elapsed().as_millis();
    assert!((5_000..5_010).contains(&waited), "{waited} ms");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_hook_that_panics_hurts_one_request() {
    for at_once in [true, false] {
        let knows = Knows::default();
        let layer = AuthLayer::tokens_only(knows.clone()).on_verified(move |_| {
            assert!(!at_once, "in the hook");
            async {
                tokio::task::yield_now().await;
                panic!("in its future")
            }
        });
        let app: Router =
            Router::new().route("/", get(|| async {})).layer(layer).layer(CatchPanicLayer::new());
        for expected in [500, 200, 200] {
            let answer = app.clone().oneshot(of("/", "alice")).await.unwrap();
            assert_eq!(answer.status(), expected, "at once: {at_once}");
            assert!(context::current().is_none());
        }
        assert_eq!(knows.0.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_hook_is_handed_on_when_the_request_that_started_the_look_up_hangs_up() {
    let center = center().await;
    center.delay(Duration::from_millis(30));
    let (layer, notes) = noting(support::auth(&center));
    let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    let hangs_up = tokio::spawn(app.clone().oneshot(of("/", "alice-token")));
    while center.calls("/user/info") == 0 {
        tokio::task::yield_now().await;
    }
    hangs_up.abort();
    assert!(hangs_up.await.unwrap_err().is_cancelled());
    assert_eq!(app.oneshot(of("/", "alice-token")).await.unwrap().status(), StatusCode::OK);
    assert_eq!((taken(&notes), center.calls("/user/info")), (vec!["alice".to_owned()], 1));
}

#[tokio::test]
async fn a_hook_whose_request_hangs_up_in_the_middle_is_run_again_for_the_next_one() {
    let (started, finished) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counted = (started.clone(), finished.clone());
    let layer = AuthLayer::tokens_only(Knows::default()).on_verified(move |_| {
        let (started, finished) = counted.clone();
        async move {
            // The first one never comes to an end.
            if started.fetch_add(1, Ordering::SeqCst) == 0 {
                std::future::pending::<()>().await;
            }
            finished.fetch_add(1, Ordering::SeqCst);
        }
    });
    let app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    let hangs_up = tokio::spawn(app.clone().oneshot(of("/", "alice")));
    while started.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    hangs_up.abort();
    assert!(hangs_up.await.unwrap_err().is_cancelled());
    for _ in 0..3 {
        assert_eq!(app.clone().oneshot(of("/", "alice")).await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!((started.load(Ordering::SeqCst), finished.load(Ordering::SeqCst)), (2, 1));
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
