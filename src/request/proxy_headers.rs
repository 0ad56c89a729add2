//! The headers in which proxies say who the client is.

use http::{HeaderMap, HeaderValue};

pub(crate) const X_FORWARDED_FOR: &str = "x-forwarded-for";
pub(crate) const X_FORWARDED_PROTO: &str = "x-forwarded-proto";
pub(crate) const X_REAL_IP: &str = "x-real-ip";

/// These headers of a request, each with all of its lines. `TrustedProxies` decides which of them count.
#[derive(Clone, Default)]
pub(crate) struct ProxyHeaders {
    pub(crate) forwarded_for: Option<HeaderValue>,
    pub(crate) forwarded_proto: Option<HeaderValue>,
    pub(crate) real_ip: Option<HeaderValue>,
}

impl ProxyHeaders {
    pub(crate) const NONE: &Self = &Self { forwarded_for: None, forwarded_proto: None, real_ip: None };

    /// Reads them where one is in several lines: these are one list (RFC 9110 section 5.3), for a proxy may add a line of
    /// its own. Of several addresses in `x-real-ip`, none is known to be the proxy's.
    #[cold]
    pub(crate) fn of_several_lines(headers: &HeaderMap) -> Self {
        let mut real_ip = headers.get_all(X_REAL_IP).iter();
        Self {
            forwarded_for: list(headers, X_FORWARDED_FOR),
            forwarded_proto: list(headers, X_FORWARDED_PROTO),
            real_ip: real_ip.next().filter(|_| real_ip.next().is_none()).cloned(),
        }
    }
}

fn list(headers: &HeaderMap, name: &str) -> Option<HeaderValue> {
    let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() { None } else { HeaderValue::from_bytes(&lines.join(&b", "[..])).ok() }
}

/// The entries of a list, the last one first. Empty ones do not count (RFC 9110 section 5.6.1).
pub(crate) fn entries_from_end(list: Option<&HeaderValue>) -> impl Iterator<Item = &[u8]> {
    let list = list.map(HeaderValue::as_bytes).unwrap_or_default();
    list.rsplit(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty())
}
