use http::Method;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH,
    CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, ORIGIN, REFERER,
    UPGRADE_INSECURE_REQUESTS, USER_AGENT,
};

use crate::request::proxy_headers::{ProxyHeaders, X_FORWARDED_FOR, X_FORWARDED_PROTO, X_REAL_IP};
use crate::request::refusals::Grpc;

/// The headers that this crate reads, found in one pass: cheaper than ten lookups, most of which would miss. What is added
/// here has to be kept by [`detach`](super::detach), too.
#[derive(Default)]
pub(crate) struct Headers<'a> {
    pub(crate) authorization: Authorization<'a>,
    forwarded_for: Option<&'a HeaderValue>,
    forwarded_proto: Option<&'a HeaderValue>,
    real_ip: Option<&'a HeaderValue>,
    /// All headers, if one that is read here has several lines.
    several_lines: Option<&'a HeaderMap>,
    pub(super) request_id: Option<&'a HeaderValue>,
    pub(super) trace_id: Option<&'a HeaderValue>,
    traceparent: Option<&'a HeaderValue>,
    tracestate: Option<&'a HeaderValue>,
    pub(super) user_agent: Option<&'a HeaderValue>,
    pub(crate) content_type: Option<&'a HeaderValue>,
    /// Whether there is any that proxies and other services add.
    pub(super) are_passed_on: bool,
    /// Whether there are headers for the auth center's billing rules.
    pub(crate) has_match: bool,
    /// Whether the head is over 16 KiB long, so that nothing may share its buffer for longer than the request.
    pub(crate) is_large: bool,
}

/// From this length on a head is large, in bytes.
const LARGE: usize = 16 * 1024;

/// The `Authorization` headers of a request.
#[derive(Clone, Copy, Default)]
pub(crate) enum Authorization<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    Several,
}

/// Whether a header is one for the auth center's billing rules.
pub(crate) fn is_match(name: &str) -> bool {
    name.starts_with("x-match-")
}

/// Whether a header is one of those that most requests have and nobody reads here. Names that `http` knows are one byte, and
/// so all of these are one test.
#[inline(always)]
fn is_common(name: &HeaderName) -> bool {
    *name == HOST
        || *name == ACCEPT
        || *name == ACCEPT_ENCODING
        || *name == ACCEPT_LANGUAGE
        || *name == CACHE_CONTROL
        || *name == CONNECTION
        || *name == CONTENT_LENGTH
        || *name == COOKIE
        || *name == IF_NONE_MATCH
        || *name == ORIGIN
        || *name == REFERER
        || *name == UPGRADE_INSECURE_REQUESTS
}

impl<'a> Headers<'a> {
    // A call would copy what it returns.
    #[inline(always)]
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let mut found = Self::default();
        let mut len = 0;
        for (name, value) in headers {
            len += value.len();
            if is_common(name) {
                continue;
            }
            // The names that `http` knows compare as one byte; only the others need their text.
            let slot = if *name == AUTHORIZATION {
                found.authorization = match found.authorization {
                    Authorization::None => Authorization::One(value),
                    _ => Authorization::Several,
                };
                continue;
            } else if *name == USER_AGENT {
                &mut found.user_agent
            } else if *name == CONTENT_TYPE {
                &mut found.content_type
            } else {
                let name = name.as_str();
                len += name.len();
                if !matches!(name.as_bytes(), [b'x' | b't', ..]) {
                    continue;
                }
                // By length first: that alone excludes most others.
                let slot = match name.len() {
                    9 if name == X_REAL_IP => &mut found.real_ip,
                    10 if name == "x-trace-id" => &mut found.trace_id,
                    10 if name == "tracestate" => &mut found.tracestate,
                    11 if name == "traceparent" => &mut found.traceparent,
                    12 if name == "x-request-id" => &mut found.request_id,
                    15 if name == X_FORWARDED_FOR => &mut found.forwarded_for,
                    17 if name == X_FORWARDED_PROTO => &mut found.forwarded_proto,
                    _ => {
                        found.has_match |= is_match(name);
                        continue;
                    }
                };
                found.are_passed_on = true;
                slot
            };
            if slot.replace(value).is_some() {
                found.several_lines = Some(headers);
            }
        }
        found.is_large = len > LARGE;
        found
    }

    /// The same for what is kept of a head, which few requests need.
    #[cold]
    #[inline(never)]
    pub(crate) fn read_kept(kept: &'a HeaderMap) -> Self {
        Self::read(kept)
    }

    /// Returns which gRPC call this is, if any.
    #[inline]
    pub(crate) fn grpc(&self, method: &Method) -> Option<Grpc> {
        Grpc::of_call(method, self.content_type)
    }

    /// The `traceparent`, unless there are several: none of them can be known to be right.
    #[inline]
    pub(super) fn traceparent(&self) -> Option<&'a HeaderValue> {
        match self.several_lines {
            Some(headers) if headers.get_all("traceparent").iter().nth(1).is_some() => None,
            _ => self.traceparent,
        }
    }

    /// Copies the `tracestate`, whose lines are one list (RFC 9110 section 5.3).
    #[inline]
    pub(super) fn copy_tracestate(&self, to: &mut Option<Box<HeaderValue>>) {
        if let Some(state) = self.tracestate {
            *to = self.joined_tracestate(state).map(Box::new);
        }
    }

    #[cold]
    fn joined_tracestate(&self, last: &HeaderValue) -> Option<HeaderValue> {
        let Some(headers) = self.several_lines else { return Some(last.clone()) };
        let lines: Vec<_> = headers.get_all("tracestate").iter().map(HeaderValue::as_bytes).collect();
        HeaderValue::from_bytes(&lines.join(&b","[..])).ok()
    }

    /// Copies what proxies say of the client.
    #[inline]
    pub(super) fn copy_proxy_headers(&self, to: &mut ProxyHeaders) {
        if let Some(headers) = self.several_lines {
            *to = ProxyHeaders::of_several_lines(headers);
            return;
        }
        copy(self.forwarded_for, &mut to.forwarded_for);
        copy(self.forwarded_proto, &mut to.forwarded_proto);
        copy(self.real_ip, &mut to.real_ip);
    }
}

/// Copies a header that came. Most did not, and nothing is written for those.
#[inline]
pub(super) fn copy(header: Option<&HeaderValue>, to: &mut Option<HeaderValue>) {
    if let Some(header) = header {
        *to = Some(header.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Most are told apart by their length first.
    #[test]
    fn names_of_the_same_length_are_not_read() {
        for name in [
            "x-real-iq",
            "x-trace-ie",
            "tracestatf",
            "traceparenu",
            "x-request-ie",
            "x-forwarded-fos",
            "x-forwarded-protp",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1.2.3.4"));
            let (read, mut proxies, mut state) = (Headers::read(&headers), ProxyHeaders::default(), None);
            read.copy_proxy_headers(&mut proxies);
            read.copy_tracestate(&mut state);
            let ProxyHeaders { forwarded_for, forwarded_proto, real_ip } = proxies;
            for seen in [read.request_id, read.trace_id, read.traceparent()] {
                assert_eq!(seen, None, "{name}");
            }
            assert_eq!((forwarded_for, forwarded_proto, real_ip, state), (None, None, None, None), "{name}");
            assert!(!read.are_passed_on && !read.has_match, "{name}");
        }
    }

    #[test]
    fn head_is_large_over_16_kib() {
        let name = HeaderName::from_static("x-long");
        for (len, is_large) in [(0, false), (16 * 1024, false), (16 * 1024 + 1, true)] {
            let value = "a".repeat(usize::saturating_sub(len, name.as_str().len()));
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::try_from(value).unwrap())]);
            assert_eq!(Headers::read(&headers).is_large, is_large, "{len}");
        }
    }
}
