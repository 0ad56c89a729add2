use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::{Authority, Uri};

/// A web origin (RFC 6454): scheme, host and port, in lower case. The usual port of a scheme is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Parses an `Origin` header. `None` for `null`, and for what no browser writes.
    pub(super) fn parse(origin: &[u8]) -> Option<Self> {
        let parsed = Self::of_url(origin)?;
        let port = parsed.port.map(|port| format!(":{port}")).unwrap_or_default();
        let written = format!("{}://{}{port}", parsed.scheme, parsed.host);
        (written.as_bytes() == origin).then_some(parsed)
    }

    /// The origin of a URL, such as that of a `Referer` header.
    pub(super) fn of_url(url: &[u8]) -> Option<Self> {
        let url = Uri::try_from(url).ok()?;
        Self::new(url.scheme_str()?, url.authority()?)
    }

    /// The origin that a request was sent to.
    pub(super) fn of_request(scheme: &str, uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        // RFC 9112 section 3.2.2: a target with an authority is what counts. HTTP/2 has it always.
        if let Some(authority) = uri.authority() {
            return Self::new(scheme, authority);
        }
        let mut hosts = headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
        let host = hosts.next().filter(|_| hosts.next().is_none())?;
        Self::new(scheme, &Authority::try_from(host).ok()?)
    }

    fn new(scheme: &str, authority: &Authority) -> Option<Self> {
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let usual = match &*scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let port = match authority.port_u16() {
            Some(port) => Some(port).filter(|port| Some(*port) != usual),
            // A colon, and no number that a port may have.
            None if authority.as_str().len() != authority.host().len() => return None,
            None => None,
        };
        Some(Self { host: authority.host().to_ascii_lowercase(), port, scheme })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_as_browsers_write_them() {
        for (text, expected) in [
            ("https://app.example.com", true),
            ("http://localhost:3000", true),
            ("http://[::1]:3000", true),
            ("https://xn--55qw42g.cn", true),
            ("tauri://localhost", true),
            ("chrome-extension://abcdefgh", true),
            ("", false),
            ("null", false),
            ("*", false),
            ("app.example.com", false),
            ("https://", false),
            ("https://app.example.com/", false),
            ("https://app.example.com/x", false),
            ("https://app.example.com?x", false),
            ("https://App.example.com", false),
            ("HTTPS://app.example.com", false),
            ("https://app.example.com:443", false),
            ("http://app.example.com:80", false),
            ("https://app.example.com:", false),
            ("https://app.example.com:99999", false),
            ("https://me@app.example.com", false),
            ("https://公司.cn", false),
            ("https://a.example.com https://b.example.com", false),
            ("https://a.example.com, https://b.example.com", false),
        ] {
            assert_eq!(Origin::parse(text.as_bytes()).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn origin_of_a_request_is_scheme_and_host() {
        let origin = |scheme, target: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            Origin::of_request(scheme, &Uri::from_static(target), &headers)
        };
        for (scheme, target, hosts, expected) in [
            ("https", "/x", &["app.example.com"][..], Some("https://app.example.com")),
            ("https", "/x", &["APP.example.com:443"], Some("https://app.example.com")),
            ("http", "/x", &["app.example.com:443"], Some("http://app.example.com:443")),
            ("http", "/x", &["[::1]:3000"], Some("http://[::1]:3000")),
            ("http", "http://app.example.com/x", &["other.example.com"], Some("http://app.example.com")),
            ("https", "http://app.example.com/x", &[], Some("https://app.example.com")),
            ("http", "/x", &[], None),
            ("http", "/x", &["a.example.com", "b.example.com"], None),
            ("http", "/x", &["me@a.example.com"], None),
            ("http", "/x", &["a.example.com/b"], None),
            ("http", "/x", &[""], None),
        ] {
            let expected = expected.map(|expected| Origin::parse(expected.as_bytes()).unwrap());
            assert_eq!(origin(scheme, target, hosts), expected, "{scheme} {target} {hosts:?}");
        }
    }
}
