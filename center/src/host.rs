//! Refuse requests to another host's name: a page on the internet may point its own name to this machine (DNS rebinding), and
//! would then be of the same origin.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The names that a port is reached by; `None` for any.
#[derive(Clone, Debug)]
pub(crate) struct Hosts(Option<Arc<BTreeSet<String>>>);

impl Hosts {
    /// Those of an address on loopback, and that of a URL. Other addresses have names that are not known here.
    pub(crate) fn of(address: SocketAddr, url: Option<&str>) -> Self {
        if !address.ip().to_canonical().is_loopback() {
            return Self(None);
        }
        let port = address.port();
        let mut names = BTreeSet::from([format!("localhost:{port}"), address.to_string()]);
        names.extend(url.and_then(authority).map(str::to_ascii_lowercase));
        // Browsers leave the port of `http` out.
        names.extend(names.clone().iter().filter_map(|name| name.strip_suffix(":80")).map(str::to_owned));
        Self(Some(Arc::new(names)))
    }
}

fn authority(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split('/').next()
}

pub(crate) async fn check(State(Hosts(names)): State<Hosts>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.map(str::to_ascii_lowercase);
    if names.is_none_or(|names| host.is_some_and(|host| names.contains(&host))) {
        return next.run(request).await;
    }
    (
        StatusCode::MISDIRECTED_REQUEST,
        "this port is reached by localhost or by the address that it has printed\n",
    )
        .into_response()
}
