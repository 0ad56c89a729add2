//! However a request ends, it leaves one record, and that has the outcome.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aigc_auth::credential::BearerToken;
use aigc_auth::testing::Fault;
use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify, context};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use crate::stats::support::{Rig, ending};
use crate::support::context::request_with_token;
use crate::support::{self, App, exchange_bytes, get_as, parse, serve, until};

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\nauthorization: Bearer alice-token\r\n\r\n";

/// Where handlers and bodies wait, and a test sees that they do.
#[derive(Clone)]
struct Gate(Arc<(Notify, Semaphore)>);

impl Gate {
    fn new() -> Self {
        Self(Arc::new((Notify::new(), Semaphore::new(0))))
    }

    async fn pass(&self) {
        self.0.0.notify_one();
        self.0.1.acquire().await.unwrap().forget();
    }

    async fn wait_for_waiter(&self) {
        self.0.0.notified().await;
    }

    fn open(&self) {
        self.0.1.add_permits(1);
    }

    /// A body of two parts, the second of which waits here.
    fn body(&self) -> Body {
        let gate = self.clone();
        let first = stream::iter([Ok::<_, Infallible>("first ")]);
        let parts = first.chain(stream::once(async move {
            gate.pass().await;
            Ok("second")
        }));
        Body::from_stream(parts)
    }
}

async fn connect(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until this has come.
async fn read_until(stream: &mut TcpStream, what: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(what) {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "{what}: {read:?}");
    }
}

#[tokio::test]
async fn disconnect_before_response_is_499() {
    let rig = Rig::new().await;
    let gate = Gate::new();
    let handler = gate.clone();
    let routes = Router::new().route("/", get(move || async move { handler.pass().await }));
    for layer in [rig.auth(), rig.auth().time_bodies()] {
        let app = serve(routes.clone().layer(layer)).await;
        let stream = connect(app.address, GET).await;
        gate.wait_for_waiter().await;
        assert_eq!(rig.stats.snapshot().recorded, rig.records_so_far());
        drop(stream);
        assert_eq!(ending(&rig.next().await), (499, Some("client closed the request")));
    }
}

#[tokio::test]
async fn disconnect_during_verification_is_499() {
    let rig = Rig::new().await;
    rig.center.inject_fault_on("/user/info", Fault::Hang);
    let app = serve(Router::new().route("/", get(|| async {})).layer(rig.auth())).await;
    let stream = connect(app.address, GET).await;
    until("the lookup", || rig.center.calls("/user/info") == 1).await;
    drop(stream);
    let record = rig.next().await;
    assert_eq!(ending(&record), (499, Some("client closed the request")));
    assert_eq!(rig.reports()[0].headers["authorization"], "Bearer alice-token");
}

#[tokio::test]
async fn disconnect_during_hook_is_499() {
    let rig = Rig::new().await;
    let gate = Gate::new();
    let hook = gate.clone();
    let layer = rig.auth().on_verified(move |_| {
        let gate = hook.clone();
        async move { gate.pass().await }
    });
    let app = serve(Router::new().route("/", get(|| async {})).layer(layer)).await;
    let stream = connect(app.address, GET).await;
    gate.wait_for_waiter().await;
    drop(stream);
    assert_eq!(ending(&rig.next().await), (499, Some("client closed the request")));
}

async fn panics<T>() -> T {
    tokio::task::yield_now().await;
    panic!("in the handler");
}

#[tokio::test]
async fn panicking_handler_is_500() {
    let rig = Rig::new().await;
    let routes = || Router::new().route("/", get(panics::<()>));
    let at_once = service_fn(|request: Request<Body>| {
        assert!(request.uri().path().is_empty(), "before there is a future");
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
    });
    let panicked = Some("handler panicked");
    for (what, app, status, message) in [
        ("nowhere", routes().layer(rig.auth()), None, panicked),
        ("outside", routes().layer(rig.auth()).layer(CatchPanicLayer::new()), Some(500), panicked),
        ("inside", routes().layer(CatchPanicLayer::new()).layer(rig.auth()), Some(500), None),
        ("nowhere, at once", Router::new().fallback_service(rig.auth().layer(at_once)), None, panicked),
        (
            "outside, at once",
            Router::new().fallback_service(rig.auth().layer(at_once)).layer(CatchPanicLayer::new()),
            Some(500),
            panicked,
        ),
        (
            "outside, the body counted in",
            routes().layer(rig.auth().time_bodies()).layer(CatchPanicLayer::new()),
            Some(500),
            panicked,
        ),
    ] {
        let app = serve(app).await;
        for round in ["cold", "warm"] {
            let request = GET.replace("host", "connection: close\r\nhost");
            let answer = parse(&exchange_bytes(app.address, request.as_bytes()).await);
            assert_eq!(answer.map(|answer| answer.status), status, "caught {what}, {round}");
            assert_eq!(ending(&rig.next().await), (500, message), "caught {what}, {round}");
        }
    }
}

#[tokio::test]
async fn panicking_body_keeps_sent_status() {
    let rig = Rig::new().await;
    let body = || async { Body::from_stream(stream::once(panics()).map(Ok::<Bytes, Infallible>)) };
    for (layer, message) in [(rig.auth(), None), (rig.auth().time_bodies(), Some("handler panicked"))] {
        let app = serve(Router::new().route("/", get(body)).layer(layer)).await;
        exchange_bytes(app.address, GET.as_bytes()).await;
        assert_eq!(ending(&rig.next().await), (200, message));
    }
}

/// Breaks down over every token.
#[derive(Clone, Copy)]
struct BreaksDown;

impl Verify<BearerToken> for BreaksDown {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        tokio::task::yield_now().await;
        panic!("in the verifier");
    }
}

#[tokio::test]
async fn panicking_verifier_is_500() {
    let rig = Rig::new().await;
    let layer = AuthLayer::tokens_only(BreaksDown).with_stats(rig.stats.clone());
    let app = Router::new().route("/", get(|| async {})).layer(layer).layer(CatchPanicLayer::new());
    assert_eq!(get_as(serve(app).await.address, "alice-token", "/").await.status, 500);
    assert_eq!(ending(&rig.next().await), (500, Some("handler panicked")));
}

/// A service whose body waits at a gate.
async fn gated_body(timed: bool) -> (Rig, Gate, App) {
    let (rig, gate) = (Rig::new().await, Gate::new());
    let handler = {
        let gate = gate.clone();
        get(move || async move { gate.body() })
    };
    let layer = if timed { rig.auth().time_bodies() } else { rig.auth() };
    let app = serve(Router::new().route("/", handler).layer(layer)).await;
    (rig, gate, app)
}

#[tokio::test]
async fn response_time_includes_body_only_with_time_bodies() {
    for timed in [true, false] {
        let (rig, gate, app) = gated_body(timed).await;
        let start = Instant::now();
        let mut stream = connect(app.address, GET).await;
        read_until(&mut stream, "first ").await;
        let first = Instant::now();
        gate.wait_for_waiter().await;
        assert_eq!(rig.stats.snapshot().recorded, u64::from(!timed));
        let opened = Instant::now();
        gate.open();
        read_until(&mut stream, "second\r\n0\r\n\r\n").await;
        let end = Instant::now();
        let record = rig.one().await;
        assert_eq!(ending(&record), (200, None));
        let took = record["response_time"].as_f64().unwrap();
        let (at_least, at_most) =
            if timed { (opened - first, end - start) } else { (Duration::ZERO, first - start) };
        assert!(took > at_least.as_secs_f64() && took < at_most.as_secs_f64(), "{took} s, timed: {timed}");
    }
}

#[tokio::test]
async fn disconnect_during_body_keeps_sent_status() {
    for (timed, message) in [(true, Some("client closed the request")), (false, None)] {
        let (rig, gate, app) = gated_body(timed).await;
        let mut stream = connect(app.address, GET).await;
        read_until(&mut stream, "first ").await;
        gate.wait_for_waiter().await;
        drop(stream);
        assert_eq!(ending(&rig.next().await), (200, message), "timed: {timed}");
    }
}

fn chunks(parts: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(parts.iter().copied().map(Ok::<_, Infallible>)))
}

fn with_trailers() -> Body {
    let trailers = HeaderMap::from_iter([(http::header::EXPIRES, HeaderValue::from_static("never"))]);
    let frames = [Frame::data(Bytes::from("data")), Frame::trailers(trailers)];
    Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
}

fn broken() -> Body {
    let parts = [Ok("half"), Err(std::io::Error::other("out of paper"))];
    Body::from_stream(stream::iter(parts))
}

/// Knows its length, and says only when asked that it has ended.
struct Sized(Option<&'static str>);

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(Bytes::from(text)))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0.map_or(0, str::len) as u64)
    }
}

#[tokio::test]
async fn every_body_kind_is_recorded_once() {
    let rig = Rig::new().await;
    let announced = |length: &'static str, parts| ([("content-length", length)], chunks(parts));
    let routes = Router::new()
        .route("/empty", get(|| async {}))
        .route("/full", get(|| async { "a whole body" }).head(|| async { "never read" }))
        .route("/chunks", get(|| async { chunks(&["a", "b", "", "c"]) }))
        .route("/no-chunks", get(|| async { chunks(&[]) }))
        .route("/announced", get(move || async move { announced("6", &["two", "six"]) }))
        .route("/announced-empty", get(move || async move { announced("0", &[]) }))
        .route("/sized", get(|| async { Body::new(Sized(Some("sized"))) }))
        .route("/trailers", get(|| async { with_trailers() }))
        .route("/broken", get(|| async { broken() }))
        .route("/teapot", get(|| async { (StatusCode::IM_A_TEAPOT, "short and stout") }))
        .route("/no-content", get(|| async { (StatusCode::NO_CONTENT, "but there is some") }))
        .route("/large", get(|| async { "x".repeat(1_000_000) }));
    let timed = serve(routes.clone().layer(rig.auth().time_bodies())).await;
    let plain = serve(routes.clone().layer(rig.auth())).await;
    let around = support::serve_service(rig.auth().time_bodies().layer(routes)).await;
    let broke = Some("response body failed");
    for (method, path, status, message) in [
        ("GET", "/empty", 200, None),
        ("GET", "/full", 200, None),
        ("HEAD", "/full", 200, None),
        ("GET", "/chunks", 200, None),
        ("HEAD", "/chunks", 200, None),
        ("GET", "/no-chunks", 200, None),
        ("GET", "/announced", 200, None),
        ("HEAD", "/announced", 200, None),
        ("GET", "/announced-empty", 200, None),
        ("GET", "/sized", 200, None),
        ("GET", "/trailers", 200, None),
        ("GET", "/broken", 200, broke),
        ("GET", "/teapot", 418, None),
        ("GET", "/no-content", 204, None),
        ("GET", "/large", 200, None),
    ] {
        for (what, app) in [("timed", &timed), ("timed, around", &around), ("plain", &plain)] {
            let request = GET.replace("GET /", &format!("{method} {path}"));
            let request = request.replace("host", "connection: close\r\nhost");
            exchange_bytes(app.address, request.as_bytes()).await;
            let message = message.filter(|_| what != "plain");
            assert_eq!(ending(&rig.next().await), (status, message), "{method} {path}, {what}");
        }
    }
    assert_eq!(rig.records().await, [] as [Value; 0], "and no more");
}

#[tokio::test]
async fn streamed_body_has_context_and_keeps_trailers() {
    let rig = Rig::new().await;
    let names = stream::unfold(0, |n| async move {
        tokio::task::yield_now().await;
        let name = context::current_username().unwrap_or_else(|| "nobody".to_owned());
        let recorded = if context::stats().is_some() { "recorded " } else { "unseen " };
        (n < 3).then(|| (Ok::<_, Infallible>(Bytes::from(name + " " + recorded)), n + 1))
    });
    let names = std::sync::Mutex::new(Some(names));
    let names = Arc::new(names);
    let routes = Router::new()
        .route("/names", get(move || async move { Body::from_stream(names.lock().unwrap().take().unwrap()) }))
        .route("/trailers", get(|| async { with_trailers() }));
    let app = serve(routes.layer(rig.auth().time_bodies())).await;
    let answer = get_as(app.address, "alice-token", "/names").await;
    assert_eq!(answer.body, "alice recorded ".repeat(3));
    let headers = [("authorization", "Bearer alice-token"), ("te", "trailers")];
    let answer = support::get(app.address, "/trailers", &headers).await;
    assert_eq!((&*answer.body, rig.records().await.len()), ("data", 2));
}

#[tokio::test]
async fn pipelined_requests_are_recorded_each() {
    let rig = Rig::new().await;
    let routes = Router::new().route("/{n}", get(|| async { "here" }).post(|body: String| async { body }));
    for layer in [rig.auth(), rig.auth().time_bodies()] {
        let app = serve(routes.clone().layer(layer)).await;
        let requests: String = (0..5).map(|n| GET.replace("GET /", &format!("GET /{n}"))).collect();
        let last = GET.replace("GET /", "GET /last").replace("host", "connection: close\r\nhost");
        exchange_bytes(app.address, (requests + &last).as_bytes()).await;
        let paths: Vec<_> = rig.records().await.iter().map(|record| record["api_path"].clone()).collect();
        assert_eq!(paths, ["/0", "/1", "/2", "/3", "/4", "/last"]);
    }
}

#[tokio::test]
async fn expect_continue_leaves_one_record() {
    let rig = Rig::new().await;
    let routes = Router::new().route("/", axum::routing::post(|body: String| async { body }));
    let app = serve(routes.layer(rig.auth().time_bodies())).await;
    let head = GET.replace("GET", "POST");
    let head = head.replace("host", "content-length: 5\r\nexpect: 100-continue\r\nconnection: close\r\nhost");
    let mut stream = connect(app.address, &head).await;
    read_until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    stream.write_all(b"hello").await.unwrap();
    read_until(&mut stream, "\r\n\r\nhello").await;
    let record = rig.one().await;
    assert_eq!((ending(&record), &record["api_method"]), ((200, None), &"POST".into()));
}

#[tokio::test]
async fn upgrade_is_recorded_as_101() {
    let rig = Rig::new().await;
    let switches = || async {
        let headers = [("connection", "upgrade"), ("upgrade", "chat")];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    };
    for layer in [rig.auth(), rig.auth().time_bodies()] {
        let app = serve(Router::new().route("/", get(switches)).layer(layer)).await;
        let upgrade = GET.replace("host", "connection: upgrade\r\nupgrade: chat\r\nhost");
        let mut stream = connect(app.address, &upgrade).await;
        read_until(&mut stream, "HTTP/1.1 101").await;
        assert_eq!(ending(&rig.one().await), (101, None));
    }
}

#[tokio::test]
async fn repeated_polls_leave_one_record() {
    let rig = Rig::new().await;
    let slow = || async {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        chunks(&["a", "b"])
    };
    let layer = rig.auth().time_bodies();
    let app: Router = Router::new().route("/", get(slow)).layer(layer);
    let mut future = Box::pin(app.oneshot(request_with_token("/", "alice-token")));
    let mut polls = 0;
    let mut answer = std::future::poll_fn(|cx: &mut Context<'_>| {
        polls += 1;
        let polled = future.as_mut().poll(cx);
        assert_eq!(rig.stats.snapshot().recorded, 0);
        polled
    })
    .await
    .unwrap();
    assert!(polls > 20, "{polls}");
    while answer.body_mut().frame().await.is_some() {}
    // Past its end.
    for _ in 0..3 {
        let again = Pin::new(answer.body_mut());
        let polled = http_body::Body::poll_frame(again, &mut Context::from_waker(std::task::Waker::noop()));
        assert!(matches!(polled, Poll::Ready(None)));
    }
    drop((future, answer));
    assert_eq!(ending(&rig.one().await), (200, None));
}
