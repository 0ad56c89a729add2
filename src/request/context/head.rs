//! Copy what outlives a request out of its head.
//!
//! Header values and the URI share the buffer that a head was read into, up to 400 KiB over HTTP/1: a clone of one of them
//! keeps all of it. Sharing costs nothing, and is right for what ends with the request. A lookup, which goes on without its
//! caller, keeps copies; so does everything if the head is large.

use axum::extract::OriginalUri;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::uri::{PathAndQuery, Uri};

use super::headers::{Headers, is_match};
use crate::request::proxy_headers::{X_FORWARDED_FOR, X_FORWARDED_PROTO, X_REAL_IP};
use crate::types::presented::MAX_HEADER_LEN;

/// Longest value that is kept of a large head, in bytes.
const MAX_VALUE_LEN: usize = 1024;
/// How much is kept in all of the headers for billing rules of a large head, of which there may be a hundred, in bytes.
const MAX_MATCH_LEN: usize = 8 * 1024;

/// The headers that a context or a usage record keeps, besides lists, those for billing rules, and the three whose names
/// `http` knows.
const KEPT: [&str; 5] = [X_REAL_IP, "x-request-id", "x-trace-id", "traceparent", "tracestate"];

/// The headers to which each proxy adds at the end.
const LISTS: [&str; 2] = [X_FORWARDED_FOR, X_FORWARDED_PROTO];

/// Copies the path in place, and returns copies of the headers that this crate keeps.
///
/// Values of a large head are cut: their sender decides on their length, and nobody needs a user agent of 300 KiB.
#[cold]
pub(crate) fn detach<B>(request: &mut http::Request<B>) -> HeaderMap {
    let headers = detached(request.headers());
    copy_path(request.uri_mut());
    if let Some(OriginalUri(uri)) = request.extensions_mut().get_mut() {
        copy_path(uri);
    }
    headers
}

/// Returns copies of the headers that this crate keeps; as [`detach`].
pub(crate) fn detached(headers: &HeaderMap) -> HeaderMap {
    let is_large = Headers::read_kept(headers).is_large;
    let (max_len, mut room) =
        if is_large { (MAX_VALUE_LEN, MAX_MATCH_LEN) } else { (usize::MAX, usize::MAX) };
    let mut kept = HeaderMap::new();
    let mut keep = |name: &HeaderName, value: &[u8], max_len: usize| {
        let value = value.get(..max_len).unwrap_or(value);
        if let Ok(copy) = HeaderValue::from_bytes(value) {
            kept.append(name, copy);
        }
        value.len()
    };
    for (name, value) in headers {
        let value = value.as_bytes();
        if *name == AUTHORIZATION {
            // One that is too long has to stay too long.
            keep(name, value, MAX_HEADER_LEN + 1);
        } else if is_match(name.as_str()) {
            if room > 0 {
                room -= keep(name, value, max_len.min(room));
            }
        } else if *name == USER_AGENT || *name == CONTENT_TYPE || KEPT.contains(&name.as_str()) {
            // Every line, for it may count that there are several.
            keep(name, value, max_len);
        }
    }
    for name in LISTS {
        for line in last_entries(headers, name, max_len) {
            keep(&HeaderName::from_static(name), line, max_len);
        }
    }
    kept
}

/// Returns the lines of a list, cut to its end: the proxies next to this service added that, and only they can be trusted.
fn last_entries<'a>(headers: &'a HeaderMap, name: &str, mut room: usize) -> Vec<&'a [u8]> {
    let mut lines = Vec::new();
    for line in headers.get_all(name).iter().rev().map(HeaderValue::as_bytes) {
        let Some(over) = line.len().checked_sub(room).filter(|over| *over > 0) else {
            room -= line.len();
            lines.push(line);
            continue;
        };
        // A cut address might pass for another one.
        let tail = line.get(over..).unwrap_or_default();
        lines.extend(tail.iter().position(|&byte| byte == b',').and_then(|comma| tail.get(comma + 1..)));
        break;
    }
    lines.reverse();
    lines
}

/// A record keeps nothing else of the URI.
fn copy_path(uri: &mut Uri) {
    let mut parts = uri.clone().into_parts();
    let Some(path) = &parts.path_and_query else { return };
    let copy = Bytes::copy_from_slice(path.as_str().as_bytes());
    parts.path_and_query = PathAndQuery::from_maybe_shared(copy).ok();
    if let Ok(copy) = Uri::from_parts(parts) {
        *uri = copy;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::request::context::headers::Authorization;
    use crate::request::proxy_headers::ProxyHeaders;

    fn head(fields: &[(&'static str, &str)]) -> HeaderMap {
        let values = fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        values.for_each(|(name, value): (HeaderName, HeaderValue)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn everything_that_is_read_is_kept_as_a_copy() {
        let fields = [
            ("authorization", "Bearer tok"),
            ("user-agent", "curl/8"),
            ("content-type", "text/plain"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "1.2.3.4"),
            ("x-request-id", "r-1"),
            ("x-trace-id", "t-1"),
            ("traceparent", "00-1-2-3"),
            ("tracestate", "a=1"),
            ("x-match-type", "a"),
            ("x-match-type", "b"),
            ("x-forwarded-for", "1.2.3.4, 5.6.7.8"),
            ("x-forwarded-for", "9.9.9.9"),
        ];
        let original = head(&fields);
        let kept = detached(&head(&[&fields[..], &[("cookie", "a=b"), ("x-junk", "")]].concat()));
        assert_eq!(kept, original);
        let (read, mut proxies) = (Headers::read(&kept), ProxyHeaders::default());
        read.copy_proxy_headers(&mut proxies);
        let ProxyHeaders { forwarded_for, forwarded_proto, real_ip } = proxies;
        for value in [forwarded_for.as_ref(), forwarded_proto.as_ref(), real_ip.as_ref()] {
            assert!(value.is_some());
        }
        for value in [read.request_id, read.trace_id, read.traceparent(), read.user_agent, read.content_type]
        {
            assert!(value.is_some());
        }
        let mut state = None;
        read.copy_tracestate(&mut state);
        assert!(state.is_some());
        assert!(matches!(read.authorization, Authorization::One(_)) && read.has_match && !read.is_large);
        let addresses =
            |headers: &HeaderMap| headers.values().map(|value| value.as_bytes().as_ptr()).collect();
        let (copies, originals): (Vec<_>, Vec<_>) = (addresses(&detached(&original)), addresses(&original));
        assert!(copies.iter().all(|copy| !originals.contains(copy)));
    }

    #[test]
    fn values_of_large_heads_are_cut() {
        let long = |text: &str| text.repeat(20_000 / text.len());
        let (x, hops) = ("x".repeat(1024), long("1.2.3.4, "));
        let whole = format!("1.2.3.4, {}", &x[9..]);
        let last = |room: usize| hops[hops.len() - room..].split_once(',').unwrap().1;
        for (name, sent, kept) in [
            ("user-agent", vec![long("x")], vec![&*x]),
            ("traceparent", vec![long("x")], vec![&*x]),
            ("x-match-type", vec![long("x"); 9], vec![&*x; 8]),
            ("x-junk", vec![long("x")], vec![]),
            // Of several addresses none counts, so that each has to stay.
            (
                "x-real-ip",
                vec![long("x"), "1.2.3.4".to_owned(), "5.6.7.8".to_owned()],
                vec![&x, "1.2.3.4", "5.6.7.8"],
            ),
            (
                "x-forwarded-proto",
                vec![long("http,"), "https".to_owned()],
                vec![&"http,".repeat(203), "https"],
            ),
            ("x-forwarded-for", vec![long("x")], vec![]),
            ("x-forwarded-for", vec![hops.clone()], vec![last(1024)]),
            ("x-forwarded-for", vec![hops.clone(), x[1..].to_owned()], vec![&x[1..]]),
            ("x-forwarded-for", vec![hops.clone(), whole.clone()], vec![&whole]),
            (
                "x-forwarded-for",
                vec![hops.clone(), "9.9.9.9".to_owned(), "8.8.8.8".to_owned()],
                vec![last(1024 - 14), "9.9.9.9", "8.8.8.8"],
            ),
            // A long one may be allowed, and one that is longer than any may be has to stay too long.
            ("authorization", vec![format!("Bearer {}", long("x"))], vec![&*format!("Bearer {}", long("x"))]),
            (
                "authorization",
                vec![format!("Bearer {}", "x".repeat(70_000))],
                vec![&*format!("Bearer {}", "x".repeat(64 * 1024 + 1))],
            ),
        ] {
            let sent: Vec<_> = sent.iter().map(|value| (name, &**value)).collect();
            let detached = detached(&head(&sent));
            let detached: Vec<_> =
                detached.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
            assert!(detached == kept, "{name}: {detached:?}");
        }
    }

    #[test]
    fn path_is_copied_in_place() {
        for uri in ["/a?b=c", "/", "*", "http://host:1/a?b", "host:1", "/%E7%88%B1"] {
            let mut request = http::Request::builder().uri(uri).body(()).unwrap();
            request.extensions_mut().insert(OriginalUri(uri.parse().unwrap()));
            let before = request.uri().path().as_ptr();
            detach(&mut request);
            assert_eq!(*request.uri(), uri.parse::<Uri>().unwrap(), "{uri}");
            assert_eq!(request.extensions().get::<OriginalUri>().unwrap().0, *request.uri(), "{uri}");
            assert!(before != request.uri().path().as_ptr() || uri.len() < 2 || uri == "host:1", "{uri}");
        }
    }
}
