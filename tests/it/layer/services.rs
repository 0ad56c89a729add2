//! The services that the layer can wrap, and what it does to them.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use aigc_auth::credential::BearerToken;
use aigc_auth::layer::{GuardLayer, TenantGuardLayer};
use aigc_auth::tenant::TenantPolicy;
use aigc_auth::testing::{self, Fault};
use aigc_auth::{
    AuthError, AuthLayer, CurrentUser, OptionalUser, RequireRole, UserInfo, Verify, context, roles,
};
use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

use crate::support::{self, Answer, center, get_as, serve, serve_service};
use crate::tenant::{self, support::Table};

roles! {
    Editor = "editor";
}

pub(super) fn name() -> String {
    context::current_username().unwrap_or_else(|| "nobody".to_owned())
}

async fn me(user: CurrentUser) -> String {
    format!("{} and {}", user.username(), name())
}

pub(super) fn request<B>(token: &str, body: B) -> Request<B> {
    Request::get("/me").header("authorization", format!("Bearer {token}")).body(body).unwrap()
}

pub(super) fn seen(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

#[tokio::test]
async fn layer_wraps_every_kind_of_router() {
    let center = center().await;
    let auth = || support::auth(&center);
    let routes = || Router::new().route("/me", get(me));
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(auth())
        .layer(GuardLayer::role("editor"))
        .service(routes());
    let apps = [
        ("Router::layer", serve(routes().layer(auth())).await),
        ("route_layer", serve(routes().route_layer(auth())).await),
        ("MethodRouter::layer", serve(Router::new().route("/me", get(me).layer(auth()))).await),
        ("around the Router", serve_service(auth().layer(routes())).await),
        ("as a service within one", serve(Router::new().fallback_service(auth().layer(routes()))).await),
        ("ServiceBuilder", serve_service(stack).await),
        ("ServiceBuilder in a Router", serve(routes().layer(ServiceBuilder::new().layer(auth()))).await),
        ("twice", serve(routes().layer(auth()).layer(auth())).await),
    ];
    for (what, app) in &apps {
        for round in ["cold", "warm"] {
            let answer = get_as(app.address, "alice-token", "/me").await;
            assert_eq!(seen(&answer), (200, "alice and alice"), "{what}, {round}");
            assert_eq!(get_as(app.address, "unknown", "/me").await.status, 401, "{what}, {round}");
            assert_eq!(support::get(app.address, "/me", &[]).await.status, 401, "{what}, {round}");
        }
    }
}

#[tokio::test]
async fn route_layer_keeps_404() {
    let center = center().await;
    let app = serve(Router::new().route("/me", get(me)).route_layer(support::auth(&center))).await;
    assert_eq!(support::get(app.address, "/none", &[]).await.status, 404);
    assert_eq!(support::get(app.address, "/me", &[]).await.status, 401);
}

#[tokio::test]
async fn nested_layer_leaves_other_routes_open() {
    let center = center().await;
    let inner = Router::new().route("/me", get(me)).layer(support::auth(&center));
    let app = serve(Router::new().nest("/api", inner).route("/open", get(|| async { name() }))).await;
    assert_eq!(seen(&get_as(app.address, "alice-token", "/api/me").await), (200, "alice and alice"));
    assert_eq!(support::get(app.address, "/api/me", &[]).await.status, 401);
    assert_eq!(seen(&get_as(app.address, "alice-token", "/open").await), (200, "nobody"));
}

#[tokio::test]
async fn user_is_in_request_extensions() {
    let center = center().await;
    let handler = |Extension(user): Extension<UserInfo>| async move { user.username().to_string() };
    let app = serve(Router::new().route("/me", get(handler)).layer(support::auth(&center))).await;
    assert_eq!(seen(&get_as(app.address, "alice-token", "/me").await), (200, "alice"));
}

/// A server that knows nothing of axum.
pub(super) async fn serve_with_hyper<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let service = service.clone();
            let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                service.clone().oneshot(request)
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}

#[tokio::test]
async fn layer_wraps_plain_hyper_service() {
    let center = center().await;
    let plain = service_fn(|request: Request<Incoming>| async move {
        let user = request.extensions().get::<UserInfo>().map(|user| user.username().to_string());
        let body = format!("{user:?} {} {:?}", name(), context::client_ip());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
    });
    let address = serve_with_hyper(support::auth(&center).exclude_path("/health").layer(plain)).await;
    for _ in ["cold", "warm"] {
        let answer = get_as(address, "alice-token", "/me").await;
        assert_eq!(seen(&answer), (200, r#"Some("alice") alice Some(127.0.0.1)"#));
    }
    assert_eq!(seen(&get_as(address, "alice-token", "/health").await), (200, "None nobody Some(127.0.0.1)"));
    let refused = support::get(address, "/me", &[]).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(refused.header("content-length"), Some("104"));
}

/// Panics if it is called without having been polled ready, as a service behind a concurrency limit may.
struct Strict {
    polls: usize,
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Strict {
    fn new(calls: &Arc<AtomicUsize>) -> Self {
        Self { polls: 0, ready: false, calls: calls.clone() }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::new(&self.calls)
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    /// Ready at the second poll.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls += 1;
        self.ready = self.polls > 1;
        if self.ready {
            Poll::Ready(Ok(()))
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(self.ready, "called without having been polled ready");
        (self.polls, self.ready) = (0, false);
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::new(Full::new(Bytes::from(name())))))
    }
}

#[tokio::test]
async fn ready_service_is_the_one_called() {
    let center = center().await;
    let calls = Arc::default();
    let mut service = ServiceBuilder::new()
        .layer(support::auth(&center).exclude_path("/health"))
        .layer(GuardLayer::new(|_| Ok(())))
        .service(Strict::new(&calls));
    let mut expected = 0;
    // Cold, warm, refused, excluded; the service stays the same one, and is polled again each time.
    for (token, status) in [
        ("alice-token", 200),
        ("alice-token", 200),
        ("unknown", 401),
        ("root-token", 200),
        ("a b", 401),
        ("alice-token", 200),
    ] {
        let answer = service.ready().await.unwrap().call(request(token, ())).await.unwrap();
        assert_eq!(answer.status(), status, "{token}");
        expected += usize::from(status == 200);
        assert_eq!(calls.load(Ordering::SeqCst), expected, "{token}");
    }
    // Two cold ones at a time: each has its own.
    center.clear_requests();
    let one = service.ready().await.unwrap().call(request("bob-token", ()));
    let two = service.ready().await.unwrap().call(request("ak_alice", ()));
    let (one, two) = tokio::join!(one, two);
    assert_eq!((one.unwrap().status(), two.unwrap().status()), (StatusCode::OK, StatusCode::OK));
    assert_eq!(center.requests().len(), 2);
}

/// Which looks the tenant up before it calls.
#[tokio::test]
async fn service_within_a_guard_of_tenants_is_called_when_it_is_ready() {
    let calls = Arc::default();
    let mut service = ServiceBuilder::new()
        .layer(tenant::support::layer(TenantPolicy::new(Table::new())))
        .layer(TenantGuardLayer::new(|_| Ok(())))
        .service(Strict::new(&calls));
    for expected in 1..=3 {
        let answer = service.ready().await.unwrap().call(request("alice-token", ())).await.unwrap();
        assert_eq!((answer.status(), calls.load(Ordering::SeqCst)), (StatusCode::OK, expected));
    }
}

#[tokio::test]
async fn inner_service_errors_pass_through() {
    let center = center().await;
    let failing = service_fn(|_: Request<()>| async { Err::<Response<Full<Bytes>>, _>("broken") });
    let service = support::auth(&center).layer(failing);
    for _ in ["cold", "warm"] {
        let answer = service.clone().oneshot(request("alice-token", ())).await;
        assert_eq!(answer.unwrap_err(), "broken");
        assert!(context::current().is_none());
    }
}

#[tokio::test]
async fn panicking_handler_leaves_no_context() {
    async fn boom(_: CurrentUser) {
        panic!("a bug")
    }
    async fn late_boom(_: CurrentUser) {
        tokio::task::yield_now().await;
        panic!("a bug, later")
    }
    let center = center().await;
    let app = Router::new()
        .route("/boom", get(boom))
        .route("/late-boom", get(late_boom))
        .route("/me", get(me))
        .layer(support::auth(&center))
        .route("/open", get(|| async { name() }))
        .layer(CatchPanicLayer::new());
    let app = serve(app).await;
    for path in ["/boom", "/late-boom", "/boom"] {
        assert_eq!(get_as(app.address, "alice-token", path).await.status, 500, "{path}");
        assert!(context::current().is_none(), "one thread runs both: {path}");
        assert_eq!(seen(&get_as(app.address, "bob-token", "/open").await), (200, "nobody"), "{path}");
        assert_eq!(seen(&get_as(app.address, "bob-token", "/me").await), (200, "bob and bob"), "{path}");
    }
}

#[tokio::test]
async fn panicking_call_leaves_no_context() {
    let center = center().await;
    let inner = service_fn(|_: Request<Body>| -> Ready<Result<Response<Body>, Infallible>> {
        panic!("before there is a future")
    });
    let service = CatchPanicLayer::new().layer(support::auth(&center).layer(inner));
    for _ in ["cold", "warm"] {
        let answer = service.clone().oneshot(request("alice-token", Body::empty())).await.unwrap();
        assert_eq!(answer.status(), 500);
        assert!(context::current().is_none());
    }
}

#[tokio::test]
async fn disconnect_during_lookup_skips_handler_and_warms_cache() {
    let center = center().await;
    center.delay(Duration::from_millis(50));
    let calls = Arc::default();
    let service = support::auth(&center).layer(Strict::new(&calls));
    {
        let mut hangs_up = pin!(service.clone().oneshot(request("alice-token", ())));
        poll_fn(|cx| {
            assert!(hangs_up.as_mut().poll(cx).is_pending());
            cx.waker().wake_by_ref();
            if center.calls("/user/info") == 1 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(context::current().is_none());
    }
    let answer = service.clone().oneshot(request("alice-token", ())).await.unwrap();
    assert_eq!((answer.status(), center.calls("/user/info")), (StatusCode::OK, 1));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// Never answers.
#[derive(Clone, Default)]
struct Silent(Arc<AtomicUsize>);

impl Verify<BearerToken> for Silent {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn verify_timeout_answers_503() {
    let silent = Silent::default();
    for (layer, expected) in [
        (AuthLayer::tokens_only(silent.clone()), 10_000),
        (AuthLayer::tokens_only(silent.clone()).verify_timeout(Duration::from_millis(250)), 250),
    ] {
        let calls = Arc::default();
        let start = tokio::time::Instant::now();
        let answer = layer.layer(Strict::new(&calls)).oneshot(request("tok", ())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()["retry-after"], "1");
        let took = start.elapsed().as_millis();
        assert!((expected..expected + 10).contains(&took), "{took} ms");
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
    assert_eq!(Arc::strong_count(&silent.0), 1, "nothing of it is left behind");
}

/// A layer that is switched on by a setting leaves the service's type as it is.
#[tokio::test]
async fn layer_can_be_optional() {
    let center = center().await;
    for (enabled, status) in [(true, 401), (false, 200)] {
        let auth = enabled.then_some(support::auth(&center));
        let router = Router::new()
            .route("/open", get(|| async { "open" }))
            .layer(tower::util::option_layer(auth.clone()))
            .layer(tower::util::option_layer(enabled.then_some(GuardLayer::role("none"))));
        // Below a guard without a user, an enabled pair answers 500 and says which layer is missing.
        let expected = if enabled { 500 } else { 200 };
        assert_eq!(
            support::get(serve(router).await.address, "/open", &[]).await.status,
            expected,
            "{enabled}"
        );
        let around =
            tower::util::option_layer(auth).layer(Router::new().route("/open", get(|| async { "open" })));
        let answer = support::get(serve_service(around).await.address, "/open", &[]).await;
        assert_eq!(answer.status, status, "{enabled}");
    }
}

#[tokio::test]
async fn signed_in_test_layer_authenticates() {
    let user = testing::user("carol").roles(["editor"]).permissions(["a:b"]);
    let app = Router::new()
        .route("/me", get(me))
        .route(
            "/optional",
            get(|OptionalUser(user): OptionalUser| async move { format!("{}", user.is_some()) }),
        )
        .route("/role", get(|user: RequireRole<Editor>| async move { user.username().to_string() }))
        .route("/admin", get(|_: aigc_auth::RequireAdmin| async { "admin" }))
        .route("/token", get(|| async { format!("{:?}", context::credential()) }))
        .merge(
            Router::new()
                .route("/guarded", get(|| async { name() }))
                .route_layer(GuardLayer::permission("a:b")),
        )
        .layer(testing::signed_in(user));
    for (path, status, body) in [
        ("/me", 200, Some("carol and carol")),
        ("/optional", 200, Some("true")),
        ("/role", 200, Some("carol")),
        ("/guarded", 200, Some("carol")),
        ("/token", 200, Some("None")),
        ("/admin", 403, None),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_none_or(|body| text == body), "{path}: {text:?}");
    }
    assert!(context::current().is_none());
}

#[tokio::test]
async fn outage_rejects_only_uncached_users() {
    let center = center().await;
    let app = serve(Router::new().route("/me", get(me)).layer(support::auth(&center))).await;
    assert_eq!(get_as(app.address, "alice-token", "/me").await.status, 200);
    center.inject_fault(Fault::Refuse);
    assert_eq!(seen(&get_as(app.address, "alice-token", "/me").await), (200, "alice and alice"));
    assert_eq!(get_as(app.address, "bob-token", "/me").await.status, 503);
    assert_eq!(get_as(app.address, "b a d", "/me").await.status, 401);
}
