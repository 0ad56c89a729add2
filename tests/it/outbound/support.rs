//! Hosts that are called, over http and https: they keep all requests, and redirect as the request demands.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::context::RequestContext;
use aigc_auth::credential::Credential;
use aigc_auth::outbound::{OutboundClient, OutboundClientBuilder};
use aigc_auth::usage::{ApiRecord, Record, Served};
use aigc_auth::{AuthClient, UserInfo};
use axum::body::{Body, Bytes};
use futures_util::stream;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::support::tls;

/// What no hostile host may ever hear: every secret here has one of these in it, the third as `Basic` writes the first.
const SECRETS: [&str; 4] = ["hunter", "203.0.113.7", "aHVudGVy", TRACE];
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A request as a host heard it.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: Method,
    pub(crate) version: Version,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The headers that are neither HTTP's own nor the body's, each as `name: value`, sorted.
    pub(crate) fn context_headers(&self) -> Vec<String> {
        let of_http = ["host", "accept", "connection", "content-length", "content-type", "transfer-encoding"];
        let ours = self.headers.iter().filter(|(name, _)| !of_http.contains(&name.as_str()));
        let mut headers: Vec<_> =
            ours.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        headers
    }
}

/// The headers that [`alice`]'s calls send to a trusted host.
pub(crate) const ALL: [&str; 6] = [
    "authorization: Bearer hunter-token",
    "user-agent: hunter-agent",
    "x-app-id: hunter-app",
    "x-app-secret: hunter-secret",
    "x-real-ip: 203.0.113.7",
    "x-trace-id: hunter-trace",
];

/// Alice's request, made by hand.
pub(crate) fn alice() -> RequestContext {
    RequestContext::builder()
        .user(UserInfo::builder(7, "alice").build())
        .credential(Credential::new("hunter-token").unwrap())
        .client_ip([203, 0, 113, 7].into())
        .user_agent("hunter-agent")
        .trace_id("hunter-trace")
        .build()
}

/// A client that trusts these hosts, and speaks https with those of these tests.
pub(crate) fn outbound(
    trusted: &[&Host],
    configure: impl FnOnce(OutboundClientBuilder) -> OutboundClientBuilder,
) -> OutboundClient {
    let app = AuthClient::builder("hunter-app", "hunter-secret", "http://127.0.0.1:1").build().unwrap();
    let mut builder = OutboundClient::builder(&app).http_client(http().build().unwrap());
    for host in trusted {
        builder = builder.trust_origin(&host.url);
    }
    configure(builder).build().unwrap()
}

/// The beginning of a client that trusts the root certificate of these tests, and follows no redirects.
pub(crate) fn http() -> reqwest::ClientBuilder {
    tls::http_client(tls::roots()).redirect(reqwest::redirect::Policy::none())
}

/// A host that answers `ok`, and under `/go` redirects.
pub(crate) struct Host {
    /// Its origin.
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Host {
    pub(crate) async fn http() -> Self {
        Self::start(None).await
    }

    /// With the certificate for `localhost`.
    pub(crate) async fn https() -> Self {
        Self::start(Some(tls::acceptor())).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = if tls.is_some() {
            format!("https://localhost:{port}")
        } else {
            format!("http://127.0.0.1:{port}")
        };
        let (heard, connections) = (Arc::<Mutex<Vec<Heard>>>::default(), Arc::<AtomicUsize>::default());
        let (journal, count) = (heard.clone(), connections.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (tls, journal) = (tls.clone(), journal.clone());
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, journal).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, journal).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, heard, connections, task }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Where this host answers by this status and `Location`, which goes out as it is.
    pub(crate) fn go(&self, status: u16, location: &str) -> String {
        let location: String = form_urlencoded::byte_serialize(location.as_bytes()).collect();
        format!("{}/go?status={status}&to={location}", self.url)
    }

    /// What it heard since the last time this was called.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// The only request since then.
    #[track_caller]
    pub(crate) fn one(&self) -> Heard {
        let mut heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:#?}");
        heard.remove(0)
    }

    pub(crate) fn has_heard(&self) -> bool {
        !self.heard.lock().unwrap().is_empty()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, journal: Arc<Mutex<Vec<Heard>>>) {
    let answers = service_fn(move |request: Request<Incoming>| {
        let journal = journal.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let (target, version) = (head.uri.to_string(), head.version);
            journal.lock().unwrap().push(Heard {
                method: head.method,
                version,
                target,
                headers: head.headers,
                body,
            });
            Ok::<_, hyper::Error>(answer(&head.uri).await)
        }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answers).await;
}

async fn answer(uri: &Uri) -> Response<Body> {
    let query: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let param = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let mut response = Response::new(Body::from("ok"));
    if let Some(status) = param("status") {
        *response.status_mut() = StatusCode::from_bytes(status.as_bytes()).unwrap();
    }
    if let Some(location) = param("to") {
        response.headers_mut().insert(LOCATION, HeaderValue::from_bytes(location.as_bytes()).unwrap());
    }
    match uri.path() {
        "/long" => {
            *response.status_mut() = StatusCode::FOUND;
            let location = format!("/{}", "x".repeat(70_000)).parse().unwrap();
            response.headers_mut().insert(LOCATION, location);
        }
        "/never" => std::future::pending().await,
        "/drip" => {
            let drips = stream::unfold(0, |drips| async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                (drips < 10).then_some((Ok::<_, Infallible>("drip "), drips + 1))
            });
            *response.body_mut() = Body::from_stream(drips);
        }
        "/half" => *response.body_mut() = Body::new(Half(false)),
        "/cost" => {
            for (name, value) in [("x-match-cost", "0.5"), ("x-match-rule", "chat"), ("x-secret", "s")] {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
        }
        _ => {}
    }
    response
}

/// A body that begins and never ends.
struct Half(bool);

impl http_body::Body for Half {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b"half")))))
    }
}

/// A host that is not trusted, and fails its test in the end if ever it heard a secret.
pub(crate) struct Hostile {
    host: Host,
    /// What was taken out of the host's journal, to be judged in the end as well.
    taken: Mutex<Vec<Heard>>,
}

impl Hostile {
    pub(crate) async fn http() -> Self {
        Self { host: Host::http().await, taken: Mutex::default() }
    }

    pub(crate) async fn https() -> Self {
        Self { host: Host::https().await, taken: Mutex::default() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.host.url
    }

    pub(crate) fn at(&self, path: &str) -> String {
        self.host.at(path)
    }

    pub(crate) fn go(&self, status: u16, location: &str) -> String {
        self.host.go(status, location)
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        let heard = self.host.heard();
        self.taken.lock().unwrap().extend(heard.iter().cloned());
        heard
    }
}

/// Keeps the records it is given.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Vec<ApiRecord>>>);

impl Records {
    /// The records since the last time this was called, as they are reported.
    pub(crate) fn take(&self) -> Vec<Value> {
        let records = std::mem::take(&mut *self.0.lock().unwrap());
        records.into_iter().map(|record| serde_json::to_value(record).unwrap()).collect()
    }
}

impl Record for Records {
    fn record(&self, served: Box<dyn Served>) {
        self.0.lock().unwrap().push(served.into_record());
    }
}

/// The secret that stands in a request, wherever that is.
pub(crate) fn secret_in(heard: &Heard) -> Option<&'static str> {
    let headers = heard.headers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
    let mut parts = headers.chain([heard.target.as_bytes(), &heard.body]).map(String::from_utf8_lossy);
    parts.find_map(|part| SECRETS.into_iter().find(|secret| part.contains(secret)))
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.heard();
        if std::thread::panicking() {
            return;
        }
        for heard in self.taken.lock().unwrap().iter() {
            assert_eq!(secret_in(heard), None, "a hostile host heard it: {heard:#?}");
        }
    }
}

#[tokio::test]
async fn hostile_host_detects_secret_anywhere() {
    for (path, name, value, body) in [
        ("/?q=hunter2", "x-a", "b", ""),
        ("/hunter", "x-a", "b", ""),
        ("/", "authorization", "Basic aHVudGVyMjo=", ""),
        ("/", "x-hunter", "b", ""),
        ("/", "x-a", TRACEPARENT, ""),
        ("/", "x-a", "b", "it is hunter2"),
        ("/", "x-real-ip", "203.0.113.7", ""),
    ] {
        let hostile = Hostile::http().await;
        let sent = http().build().unwrap().post(hostile.at(path)).header(name, value).body(body).send().await;
        assert_eq!(sent.unwrap().status(), 200);
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(hostile)));
        assert!(dropped.is_err(), "{path} {name}: {value} {body}");
    }
}
