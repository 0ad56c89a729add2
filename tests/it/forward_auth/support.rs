//! Requests as proxies send them.

use std::net::SocketAddr;

use aigc_auth::AuthLayer;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};

use crate::support::{Answer, App, request, serve};

pub(super) const PROXIES: [Proxy; 4] = [Proxy::Nginx, Proxy::Caddy, Proxy::Traefik, Proxy::Envoy];

/// Where the endpoint is.
pub(super) const PATH: &str = "/auth";

pub(super) async fn serve_for(proxy: Proxy, auth: AuthLayer) -> App {
    serve(ForwardAuth::new(auth, proxy).router(PATH)).await
}

/// What this proxy sends when it is asked for `method target`.
pub(super) async fn ask(
    address: SocketAddr,
    proxy: Proxy,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let (original, sent_as, path) = match proxy {
        Proxy::Nginx => ([("x-original-method", method), ("x-original-uri", target)], "GET", PATH.to_owned()),
        Proxy::Envoy => return request(address, method, &format!("{PATH}{target}"), headers).await,
        _ => ([("x-forwarded-method", method), ("x-forwarded-uri", target)], "GET", PATH.to_owned()),
    };
    request(address, sent_as, &path, &[&original, headers].concat()).await
}

/// The four headers about the user, as they are.
pub(super) fn identity(answer: &Answer) -> [Option<&str>; 4] {
    ["x-user-id", "x-user-name", "x-user-roles", "x-user-permissions"].map(|name| answer.header(name))
}
