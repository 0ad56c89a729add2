//! Put back what the hop from the proxy to the endpoint has changed: credentials of browsers count by that.

use http::header::{HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::request::Parts;
use http::{Method, Uri, Version};

use super::proxy::Proxy;

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Makes the parts of a request to the endpoint those of the original one, with this method and URI.
pub(super) fn restore(parts: &mut Parts, proxy: Proxy, method: Method, uri: Uri) {
    // A proxy that asks over HTTP/2 has the host in the URI.
    let authority =
        parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority {
        parts.headers.insert(HOST, authority);
    }
    if proxy.asks_another_host() {
        let mut hosts = parts.headers.get_all(X_FORWARDED_HOST).iter();
        if let (Some(host), None) = (hosts.next().cloned(), hosts.next()) {
            parts.headers.insert(HOST, host);
        }
    }
    // A header of one hop, which most proxies drop. Scripts can set none that starts with `Sec-`.
    if parts.headers.contains_key(SEC_WEBSOCKET_VERSION) {
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    // That of the original is not known. A CONNECT with a path opens a WebSocket over HTTP/2.
    parts.version = if method == Method::CONNECT { Version::HTTP_2 } else { Version::HTTP_11 };
    (parts.method, parts.uri) = (method, uri);
}
