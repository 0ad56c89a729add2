//! Handlers, their errors and timeouts, and the extractors for custom routes.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use aigc_auth::context;
use aigc_auth::testing::Clock;
use aigc_auth::webhook::{
    self, Handler, HandlerError, SignedBody, UserEvent, WebhookConfig, WebhookRejection,
};
use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::routing::post;
use futures_util::future::join_all;
use http::Request;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::context::snapshot;
use crate::support::{self, Log, Signal, serve, until};
use crate::webhook::support::{
    CHANGE, Gated, Headers, InvalidationLog, Notes, SECRET, config, deliver, doubly, refused, report, run,
    serve_hook, signed, standard,
};

#[derive(Serialize)]
struct Done {
    done: bool,
    name: Option<String>,
}

async fn a_function(event: UserEvent) -> Result<Done, io::Error> {
    tokio::task::yield_now().await;
    Ok(Done { done: true, name: Some(event.name().to_owned()) })
}

async fn tells_nothing(_: UserEvent) -> Result<(), WebhookRejection> {
    Ok(())
}

/// A handler with a state of its own.
struct Directory {
    name: &'static str,
}

impl Handler for Directory {
    async fn handle(&self, event: UserEvent) -> Result<Value, HandlerError> {
        let user = event.user().ok_or("an event of no user")?;
        Ok(json!({ "directory": self.name, "user": user.username() }))
    }
}

#[tokio::test]
async fn functions_closures_and_types_are_handlers() {
    async fn answer(handler: impl Handler) -> Value {
        let answer = report(&serve_hook(config(), handler).await, CHANGE).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        answer.json()
    }
    let name = "here".to_owned();
    assert_eq!(answer(a_function).await, json!({"done": true, "name": "user.updated"}));
    assert_eq!(answer(tells_nothing).await, json!(null));
    assert_eq!(answer(Directory { name: "here" }).await, json!({"directory": "here", "user": "alice"}));
    assert_eq!(answer(move |_| std::future::ready(Ok::<_, String>(name.clone()))).await, json!("here"));
    let closure = |event: UserEvent| async move {
        let user = event.user().ok_or("an event of no user")?;
        Ok::<_, HandlerError>(user.raw().clone())
    };
    assert_eq!(answer(closure).await["updatedFields"], json!(["email"]));
}

/// An error with a cause, which has another.
#[derive(Debug)]
struct Because(&'static str, Option<Box<Because>>);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

/// The id in a refusal that says nothing else.
#[track_caller]
fn error_id(answer: &support::Answer) -> String {
    let message = refused(answer, 500);
    let id = message.strip_prefix("The event could not be handled; error id ").unwrap_or_default();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{message}");
    id.to_owned()
}

#[tokio::test]
async fn handler_error_is_logged_and_answered_by_id() {
    async fn fails(handler: impl Handler, expected: &str) {
        let log = Log::start();
        let app = serve_hook(config(), handler).await;
        let answers = [report(&app, CHANGE).await, report(&app, CHANGE).await];
        let lines = log.take();
        let errors: Vec<_> = lines.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(errors.len(), 2, "{lines}");
        for (answer, line) in answers.iter().zip(errors) {
            let id = error_id(answer);
            assert!(line.contains(&format!("error_id={id}")), "{id}: {line}");
            assert!(line.contains("user.updated") && line.contains(expected), "{line}");
            assert!(!answer.body.contains("hunter2"), "{answer:?}");
        }
        assert_ne!(answers[0].body, answers[1].body, "each has an id of its own");
    }
    let because =
        || Because("no row", Some(Because("no table", Some(Because("hunter2", None).into())).into()));
    fails(|_| async { Err::<(), _>("at hunter2") }, "at hunter2").await;
    fails(|_| async { Err::<(), _>("at hunter2".to_owned()) }, "at hunter2").await;
    fails(|_| async { Err::<(), _>(io::Error::other("at hunter2")) }, "at hunter2").await;
    fails(move |_| async move { Err::<(), _>(because()) }, "no row: no table: hunter2").await;
    fails(move |_| async move { Err::<(), HandlerError>(because().into()) }, "no row: no table: hunter2")
        .await;
    let unsayable = |_| async { Ok::<_, HandlerError>(BTreeMap::from([(vec![1], "hunter2")])) };
    fails(unsayable, "key must be a string").await;
    let panics = |_| poll_fn(|_| -> Poll<Result<(), HandlerError>> { panic!("hunter2") });
    fails(panics, "panicked").await;
}

#[tokio::test]
async fn panicking_handler_fails_one_delivery() {
    for at_once in [true, false] {
        let notes = Notes::default();
        let inner = notes.clone();
        let app = serve_hook(config(), move |event: UserEvent| {
            let (first, notes) = (event.updated_fields() == ["email"], inner.clone());
            assert!(!(first && at_once), "in the handler");
            async move {
                tokio::task::yield_now().await;
                assert!(!first, "in its future");
                notes.handle(event).await
            }
        })
        .await;
        let another = CHANGE.replace("email", "phone");
        for expected in 1..=2 {
            error_id(&report(&app, CHANGE).await);
            let ran = run(&report(&app, another.replace("phone", &format!("phone{expected}"))).await);
            assert_eq!(ran, Some(expected), "at once: {at_once}");
        }
    }
}

/// A delivery as the auth center makes it, for an app without a socket.
fn delivery() -> Request<Body> {
    let signature = webhook::sign(CHANGE.as_bytes(), &SECRET.into());
    let request = Request::post("/webhook/auth").header("x-webhook-signature", signature);
    request.body(Body::from(CHANGE)).unwrap()
}

#[tokio::test]
async fn panic_is_logged_once_for_all_waiters() {
    for waiting in [0, 1, 3] {
        let (started, go, arrived) = (Signal::default(), Signal::default(), InvalidationLog::default());
        let (log, gates) = (Log::start(), (started.clone(), go.clone()));
        let app: Router = webhook::router(config().invalidate(arrived.clone()), move |_| {
            let (started, go) = gates.clone();
            async move {
                started.give();
                go.wait("the gate opens").await;
                poll_fn(|_| -> Poll<Result<(), HandlerError>> { panic!("in the handler") }).await
            }
        });
        let deliver = |_| tokio::spawn(app.clone().oneshot(delivery()));
        let deliveries: Vec<_> = (0..waiting.max(1)).map(deliver).collect();
        started.wait("the handler starts").await;
        for delivery in &deliveries {
            arrived.invalidated().await;
            if waiting == 0 {
                delivery.abort();
            }
        }
        // An aborted task is gone after this.
        tokio::task::yield_now().await;
        assert_eq!(deliveries.iter().filter(|delivery| !delivery.is_finished()).count(), waiting);
        go.give();
        let mut lines = String::new();
        until("it is in the log", || {
            lines += &log.take();
            lines.contains("ERROR")
        })
        .await;
        for answer in join_all(deliveries).await.into_iter().flatten() {
            let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
            let message = serde_json::from_slice::<Value>(&body).unwrap()["message"].to_string();
            let id = message.trim_matches('"').rsplit(' ').next().unwrap().to_owned();
            assert!(id.len() == 16 && lines.contains(&id), "{message}: {lines}");
        }
        lines += &log.take();
        assert_eq!(lines.matches("ERROR").count(), 1, "{waiting} waiting: {lines}");
        assert!(lines.contains("the handler panicked: in the handler"), "{lines}");
    }
}

#[tokio::test]
async fn slow_handler_is_cancelled_and_retryable() {
    let (handler, log) = (Gated::new(), Log::start());
    let app = serve_hook(config().handler_timeout(Duration::from_millis(1)), handler.clone()).await;
    for _ in 0..2 {
        let id = error_id(&report(&app, CHANGE).await);
        handler.started().await;
        handler.gone().await;
        let lines = log.take();
        let line = lines.lines().find(|line| line.contains(&id)).unwrap_or_default();
        assert!(line.contains("timed out"), "{lines}");
    }
    handler.go();
    assert_eq!(run(&report(&app, CHANGE).await), Some(1));
}

#[tokio::test(start_paused = true)]
async fn handler_timeout_defaults_to_30_s() {
    for (config, seconds) in [(config(), 30), (config().handler_timeout(Duration::from_secs(3)), 3)] {
        let app: Router = webhook::router(config, |_| std::future::pending::<Result<(), HandlerError>>());
        let start = tokio::time::Instant::now();
        assert_eq!(app.oneshot(delivery()).await.unwrap().status(), 500);
        let took = start.elapsed().as_millis();
        assert!((seconds * 1_000..seconds * 1_000 + 10).contains(&took), "{took} ms");
    }
}

#[tokio::test]
async fn handler_runs_in_request_context() {
    let handler = |_| async {
        tokio::task::yield_now().await;
        Ok::<_, HandlerError>(snapshot())
    };
    let app = serve_hook(config(), handler).await;
    let with = |name, value: &str| [signed(CHANGE), vec![(name, value.to_owned())]].concat();
    let answer = deliver(&app, &with("x-trace-id", "t-1"), CHANGE).await.json();
    assert_eq!((&answer["trace_id"], &answer["client_ip"]), (&json!("t-1"), &json!("127.0.0.1")));
    assert_eq!((&answer["user"], &answer["token"]), (&json!(null), &json!(null)));
    assert!(context::current().is_none());
}

#[tokio::test]
async fn secrets_and_signatures_are_hidden() {
    let (log, clock) = (Log::start(), Clock::held());
    let other = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==";
    let config = config().also_accept(other).unwrap().clock(clock.clone());
    let fails = AtomicBool::new(true);
    let handler = move |_| {
        let failed = fails.swap(false, Ordering::SeqCst);
        async move { if failed { Err("no") } else { Ok(json!({"run": 1})) } }
    };
    let shown_config = format!("{config:?} {config:#?}");
    let app = serve_hook(config, handler).await;
    let mut sent = vec![];
    let mut shown = vec![shown_config];
    for (headers, body, status) in [
        (doubly("msg_1", CHANGE), CHANGE, 500),
        (doubly("msg_1", CHANGE), CHANGE, 200),
        (doubly("msg_1", CHANGE), CHANGE, 200),
        (signed(CHANGE), CHANGE, 200),
        (doubly("msg_2", CHANGE), "{}", 401),
        (signed("{"), "{", 400),
        (signed("[]"), "[]", 400),
        (standard("msg_3", -1_000, CHANGE), CHANGE, 401),
        (vec![("webhook-signature", "v1,c2VjcmV0".to_owned())], "", 401),
        (vec![("x-webhook-signature", SECRET.to_owned())], "", 401),
    ] {
        let answer = deliver(&app, &headers, body).await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        shown.push(answer.body);
        sent.extend(headers.into_iter().filter(|(name, _)| name.ends_with("signature")));
        clock.advance(Duration::from_secs(1));
    }
    let lines = log.take();
    for expected in ["webhook handled", "webhook failed", "webhook rejected", "DEBUG", "WARN", "ERROR"] {
        assert!(lines.contains(expected), "{expected}: {lines}");
    }
    shown.push(lines);
    let signatures = sent.iter().map(|(_, value)| value.strip_prefix("v1,").unwrap_or(value));
    let secrets: Vec<_> = signatures.chain([SECRET, other, &other[6..], "0123456789abcdef"]).collect();
    for text in shown {
        let leak = secrets.iter().find(|secret| text.contains(**secret));
        assert_eq!(leak, None, "{text}");
    }
}

#[tokio::test]
async fn refusals_are_logged_once_per_10_s() {
    let (log, clock) = (Log::start(), Clock::held());
    let app = serve_hook(config().clock(clock.clone()), Notes::default()).await;
    let mut warnings = vec![];
    for _ in 0..21 {
        refused(&deliver(&app, &signed("{}"), CHANGE).await, 401);
        warnings.push(log.take().matches("WARN").count());
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!((warnings[0], warnings[10], warnings[20]), (1, 1, 1));
    assert_eq!(warnings.iter().sum::<usize>(), 3, "{warnings:?}");
}

#[derive(Clone)]
struct AppState {
    webhooks: WebhookConfig,
    handled: Arc<AtomicUsize>,
}

impl FromRef<AppState> for WebhookConfig {
    fn from_ref(state: &AppState) -> Self {
        state.webhooks.clone()
    }
}

impl FromRef<AppState> for Arc<AtomicUsize> {
    fn from_ref(state: &AppState) -> Self {
        state.handled.clone()
    }
}

#[tokio::test]
async fn extractors_verify_in_custom_routes() {
    type Handled = axum::extract::State<Arc<AtomicUsize>>;
    async fn raw(handled: Handled, SignedBody(body): SignedBody) -> Vec<u8> {
        handled.fetch_add(1, Ordering::SeqCst);
        body.to_vec()
    }
    async fn name(handled: Handled, event: UserEvent) -> String {
        handled.fetch_add(1, Ordering::SeqCst);
        event.name().to_owned()
    }
    async fn or_else(event: Result<UserEvent, WebhookRejection>) -> String {
        event.map_or_else(|rejection| format!("{rejection:?}"), |event| event.name().to_owned())
    }
    let (invalidations, handled) = (InvalidationLog::default(), Arc::<AtomicUsize>::default());
    let state = AppState { webhooks: config().invalidate(invalidations.clone()), handled: handled.clone() };
    let routes =
        Router::new().route("/raw", post(raw)).route("/event", post(name)).route("/own", post(or_else));
    let app = serve(routes.with_state(state)).await;
    let ask =
        async |path, headers: Headers, body: &str| support::post(app.address, path, &headers, body).await;

    // Whether it is an event does not matter there.
    assert_eq!(ask("/raw", signed("any \r\n bytes"), "any \r\n bytes").await.body, "any \r\n bytes");
    assert_eq!(ask("/raw", standard("msg_1", 0, CHANGE), CHANGE).await.body, CHANGE);
    assert_eq!(invalidations.take(), []);

    let alice = [(Some(7.into()), Some("alice".to_owned()))];
    // Replays are not noticed.
    for headers in [doubly("msg_1", CHANGE), doubly("msg_1", CHANGE)] {
        assert_eq!(ask("/event", headers, CHANGE).await.body, "user.updated");
        assert_eq!(invalidations.take(), alice);
    }
    assert_eq!(handled.swap(0, Ordering::SeqCst), 4);

    let too_large = "x".repeat(256 * 1024 + 1);
    for (headers, body, status) in [
        (vec![], CHANGE, 401),
        (signed("{}"), CHANGE, 401),
        (standard("msg_1", -310, CHANGE), CHANGE, 401),
        (signed(&too_large), &too_large, 413),
    ] {
        for path in ["/raw", "/event"] {
            refused(&ask(path, headers.clone(), body).await, status);
        }
    }
    for body in ["{", "{}"] {
        refused(&ask("/event", signed(body), body).await, 400);
    }
    assert!(ask("/own", signed("{}"), CHANGE).await.body.contains("The signature does not match"));
    assert_eq!((invalidations.take(), handled.load(Ordering::SeqCst)), (vec![], 0));
}
