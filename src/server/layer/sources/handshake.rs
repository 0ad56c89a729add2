//! Recognize requests that a browser's script cannot set headers on.

use http::header::{ACCEPT, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

/// Whether a request opens a WebSocket: by an upgrade (RFC 6455 section 4.1), from HTTP/2 on by an extended CONNECT (RFC
/// 8441 section 5), which unlike others has a path. Scripts can send neither by other means.
pub(super) fn is_websocket<B>(request: &http::Request<B>) -> bool {
    if request.version() >= Version::HTTP_2 {
        *request.method() == Method::CONNECT
            && request.uri().path_and_query().is_some()
            && request.headers().contains_key(SEC_WEBSOCKET_VERSION)
    } else {
        let is_websocket = |protocol: &[u8]| protocol.eq_ignore_ascii_case(b"websocket");
        *request.method() == Method::GET && entries(request.headers(), &UPGRADE).any(is_websocket)
    }
}

/// Whether a request asks for an event stream, as an `EventSource` does.
pub(super) fn accepts_event_stream(headers: &HeaderMap) -> bool {
    entries(headers, &ACCEPT).any(|range| {
        let media_type = range.split(|&byte| byte == b';').next().unwrap_or_default();
        media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    })
}

fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn websockets_are_opened_by_an_upgrade_or_an_extended_connect() {
        let (upgrade, version) = (("upgrade", "websocket"), ("sec-websocket-version", "13"));
        for (http, method, target, header, expected) in [
            (Version::HTTP_11, "GET", "/", Some(upgrade), true),
            (Version::HTTP_11, "GET", "/", Some(("upgrade", "h2c, WebSocket")), true),
            (Version::HTTP_11, "GET", "/", Some(("upgrade", "h2c")), false),
            (Version::HTTP_11, "GET", "/", Some(version), false),
            (Version::HTTP_11, "GET", "/", None, false),
            (Version::HTTP_11, "POST", "/", Some(upgrade), false),
            (Version::HTTP_11, "CONNECT", "host:1", Some(version), false),
            (Version::HTTP_2, "CONNECT", "https://host/", Some(version), true),
            (Version::HTTP_3, "CONNECT", "https://host/", Some(version), true),
            // An ordinary CONNECT has no path; another protocol has no such header.
            (Version::HTTP_2, "CONNECT", "host:1", Some(version), false),
            (Version::HTTP_2, "CONNECT", "https://host/", None, false),
            (Version::HTTP_2, "CONNECT", "https://host/", Some(upgrade), false),
            (Version::HTTP_2, "GET", "https://host/", Some(version), false),
            (Version::HTTP_2, "GET", "https://host/", Some(upgrade), false),
        ] {
            let request = http::Request::builder().version(http).method(method).uri(target);
            let request =
                header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
            let request = request.body(()).unwrap();
            assert_eq!(is_websocket(&request), expected, "{http:?} {method} {target} {header:?}");
        }
    }
}
