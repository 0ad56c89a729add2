//! Servers that stand in for an auth center: canned answers, counted connections, and a port that never connects.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::{AuthClient, AuthClientBuilder};
use axum::Router;
use axum::body::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::support::rig::APP_SECRET;

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

/// A center's port on which no connection comes about, and none is refused: the backlog of connections is
/// full, and the kernel drops whatever else arrives.
#[cfg(target_os = "linux")]
pub(crate) struct Blackhole {
    _listener: TcpListener,
    _waiting: Vec<tokio::net::TcpStream>,
}

#[cfg(target_os = "linux")]
impl Blackhole {
    /// In place of this center, whose faults must be cleared once this is dropped.
    pub(crate) async fn in_place_of(center: &AuthCenter) -> Self {
        center.inject_fault(Fault::Refuse);
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
