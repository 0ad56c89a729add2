//! A service, its client and an auth center of its own: what the tests of the client start from.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aigc_auth::testing::{self, AuthCenter, Clock, Fault, TestKey};
use aigc_auth::{AuthClient, AuthClientBuilder, AuthLayer, CurrentUser};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tower::ServiceExt;

pub(crate) const TOKEN: &str = "alice-token";
pub(crate) const KEY: &str = "ak_alice-key";
pub(crate) const APP_SECRET: &str = "test-secret";

/// A center that knows alice (id 7), a client of it whose clock stands still, and a service behind the layer.
pub(crate) struct Rig {
    pub(crate) center: AuthCenter,
    pub(crate) client: AuthClient,
    pub(crate) clock: Clock,
    app: Router,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder) -> Self {
        let center = AuthCenter::start().await;
        center.add_user(testing::user("alice").id(7).permissions(["report:read"]));
        center.add_token(TOKEN, "alice");
        center.add_access_key(KEY, TestKey::user("alice"));
        let clock = Clock::held();
        let client = client_of(&center, |builder| configure(builder.clock(clock.clone())));
        Self { app: app(&client), center, client, clock }
    }

    /// What a request with this credential is answered.
    pub(crate) async fn ask(&self, credential: &str) -> Seen {
        ask(&self.app, credential).await
    }

    pub(crate) fn app(&self) -> Router {
        self.app.clone()
    }

    /// How many look-ups of either kind arrived.
    pub(crate) fn calls(&self) -> usize {
        self.center.calls("/user/info") + self.center.calls("/access-key/verify")
    }

    /// Waits until so many look-ups have arrived.
    pub(crate) async fn arrived(&self, calls: usize) {
        until("the look-ups arrive", || self.calls() >= calls).await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A client of this center.
pub(crate) fn client_of(
    center: &AuthCenter,
    configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder,
) -> AuthClient {
    let builder = AuthClient::builder(center.app_id(), center.app_secret(), center.url());
    configure(builder).build().unwrap()
}

/// A service that greets by name.
pub(crate) fn app(client: &AuthClient) -> Router {
    Router::new()
        .route("/", get(|user: CurrentUser| async move { user.username.to_string() }))
        .layer(AuthLayer::new(client.clone()))
}

/// What a caller of the service sees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) challenge: Option<String>,
    /// The text of a success, the envelope of a refusal.
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn user(name: &str) -> Self {
        Self { status: 200, retry_after: None, challenge: None, body: json!(name) }
    }

    pub(crate) fn unavailable(retry_after: u64) -> Self {
        let message = "The credential cannot be verified right now";
        Self {
            status: 503,
            retry_after: Some(retry_after.to_string()),
            challenge: None,
            body: json!({"code": -1, "message": message, "data": null}),
        }
    }

    pub(crate) fn not_accepted(message: &str) -> Self {
        Self {
            status: 401,
            retry_after: None,
            challenge: Some(r#"Bearer error="invalid_token""#.to_owned()),
            body: json!({"code": 401, "message": message, "data": null}),
        }
    }

    pub(crate) fn invalid_token() -> Self {
        Self::not_accepted("The credential is invalid or has expired")
    }

    pub(crate) fn invalid_key() -> Self {
        Self::not_accepted("The access key is invalid or has expired")
    }

    pub(crate) fn denied(message: &str) -> Self {
        let body = json!({"code": 403, "message": message, "data": null});
        Self { status: 403, retry_after: None, challenge: None, body }
    }
}

/// Asks a service with this credential.
pub(crate) async fn ask(app: &Router, credential: &str) -> Seen {
    let request =
        Request::get("/").header(AUTHORIZATION, format!("Bearer {credential}")).body(Body::empty()).unwrap();
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let body = if head.status.is_success() {
        json!(std::str::from_utf8(&body).unwrap())
    } else {
        assert_eq!(header(CONTENT_TYPE).as_deref(), Some("application/json"));
        serde_json::from_slice(&body).unwrap()
    };
    Seen {
        status: head.status.as_u16(),
        retry_after: header(RETRY_AFTER),
        challenge: header(WWW_AUTHENTICATE),
        body,
    }
}

/// Random numbers whose seed is printed, and can be set by `SEED`.
pub(crate) fn random() -> fastrand::Rng {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// Waits until it is so, at most 10 s.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(10), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A server whose answers are a test's own, for what a real center would not say.
pub(crate) struct Canned {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    task: AbortHandle,
}

impl Canned {
    /// Answers each call by this function of its path and body.
    pub(crate) async fn start(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let (answer, journal) = (Arc::new(answer), requests.clone());
        let router = Router::new().fallback(move |uri: http::Uri, headers: HeaderMap, body: Bytes| {
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let said = answer(uri.path(), &body);
            journal.lock().unwrap().push((headers, body));
            async move { axum::Json(said) }
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Self { address, requests, task }
    }

    /// Answers every call with this data.
    pub(crate) async fn with_data(data: Value) -> Self {
        Self::start(move |_, _| json!({"code": 0, "message": "success", "data": data})).await
    }

    pub(crate) fn requests(&self) -> Vec<(HeaderMap, Value)> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn client(
        &self,
        configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder,
    ) -> AuthClient {
        let url = format!("http://{}", self.address);
        configure(AuthClient::builder("test-app", APP_SECRET, url)).build().unwrap()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A port that accepts connections, counts them, and hands each to this function.
pub(crate) struct Counting {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Counting {
    pub(crate) async fn start<F>(serve: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = connections.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { address, connections, task: task.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A center's port on which no connection comes about, and none is refused: the queue of connections that nobody
/// accepts is full, and the kernel drops whatever else arrives.
#[cfg(target_os = "linux")]
pub(crate) struct Blackhole {
    _listener: TcpListener,
    _waiting: Vec<tokio::net::TcpStream>,
}

#[cfg(target_os = "linux")]
impl Blackhole {
    /// In place of this center, which must be told to behave again once this is dropped.
    pub(crate) async fn in_place_of(center: &AuthCenter) -> Self {
        center.misbehave(testing::Fault::Refuse);
        let url = center.url();
        let address = url.strip_prefix("http://").unwrap().split_once('/').unwrap().0;
        let address: SocketAddr = address.parse().unwrap();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(0).unwrap();
        let mut waiting = Vec::new();
        let patience = Duration::from_millis(50);
        while let Ok(stream) = tokio::time::timeout(patience, tokio::net::TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
            assert!(waiting.len() < 100, "the queue does not fill");
        }
        Self { _listener: listener, _waiting: waiting }
    }
}

pub(crate) fn status(status: u16, retry_after: Option<&'static str>) -> Fault {
    let value = retry_after.map(HeaderValue::from_static);
    let headers: HeaderMap = value.into_iter().map(|value| (RETRY_AFTER, value)).collect();
    Fault::Status(StatusCode::from_u16(status).unwrap(), headers)
}
