use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};

use super::setup::SetupError;
use crate::server::layer::sources::search::Sources;

/// The proxy that asks, and so where the original request stands and which answers it understands.
///
/// It is not guessed from the request: a client may send the headers that another proxy would set, and the proxy in front
/// passes them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// nginx's `auth_request`, which has to set `X-Original-Method $request_method` and `X-Original-URI $request_uri`.
    ///
    /// It passes on 401 and 403 only, and makes 500 of anything else. So any other answer becomes 403 here, and
    /// `X-Auth-Status` says which one it was, from which nginx can make it again.
    Nginx,
    /// Caddy's `forward_auth`: `X-Forwarded-Method` and `X-Forwarded-Uri`. Passes on all answers.
    Caddy,
    /// Traefik's `ForwardAuth`: as with Caddy, and `X-Forwarded-Host`, for it asks by a host of its own. Without `trustForwardHeader`, or it passes on what the client sent.
    Traefik,
    /// Envoy's `ext_authz` over HTTP: the request's own method, and its path below that of the endpoint (`path_prefix`).
    Envoy,
}

impl Proxy {
    /// The headers with the original method and URI.
    fn headers(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Nginx => Some(["x-original-method", "x-original-uri"]),
            Self::Caddy | Self::Traefik => Some(["x-forwarded-method", "x-forwarded-uri"]),
            Self::Envoy => None,
        }
    }

    /// Reads the original method and URI of a request to the endpoint at `path`.
    pub(super) fn original(self, parts: &Parts, path: &str) -> Result<(Method, Uri), SetupError> {
        let Some([method, uri]) = self.headers() else {
            let target = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
            let below = target.strip_prefix(path).filter(|below| below.starts_with('/'));
            let Some(below) = below else {
                return Err(SetupError::bad_request(format!(
                    "the path is not below {path}: Envoy's `path_prefix` has to be {path}"
                )));
            };
            return Ok((parts.method.clone(), parse_uri(below.as_bytes())?));
        };
        let method = Method::from_bytes(one(&parts.headers, method)?)
            .map_err(|_| SetupError::bad_request(format!("{method} is no method")))?;
        Ok((method, parse_uri(one(&parts.headers, uri)?)?))
    }

    /// Takes the credentials out of the original URI, and so out of the header that it came in: rules and responders see
    /// that, too. The layer finds what was taken.
    pub(super) fn take_credentials<B>(self, sources: &Sources, original: &mut Request<B>) {
        let before = original.uri().clone();
        sources.remove(original);
        if let Some([_, name]) = self.headers()
            && *original.uri() != before
        {
            match HeaderValue::try_from(original.uri().to_string()) {
                Ok(uri) => original.headers_mut().insert(name, uri),
                Err(_) => original.headers_mut().remove(name),
            };
        }
    }

    /// Whether it asks by a host of the endpoint's, and says in `X-Forwarded-Host` which one the client has asked.
    pub(super) fn asks_another_host(self) -> bool {
        self == Self::Traefik
    }

    pub(super) fn is_below_endpoint(self) -> bool {
        self == Self::Envoy
    }

    /// Whether the proxy passes on no other answers than 401 and 403.
    pub(super) fn passes_on_401_and_403_only(self) -> bool {
        self == Self::Nginx
    }
}

/// Reads a header that the proxy has to set, in place of the client's.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a [u8], SetupError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        (None, _) => Err(SetupError::bad_request(format!("{name} is missing: the proxy has to set it"))),
        (Some(_), Some(_)) => Err(SetupError::bad_request(format!(
            "more than one {name}: the proxy has to replace the client's, not to add its own"
        ))),
    }
}

/// Parses what stands in a request line: a path with a query, or `*`.
fn parse_uri(text: &[u8]) -> Result<Uri, SetupError> {
    // `http` cuts a fragment off, and what is behind the proxy may not.
    let has_form = text.first() == Some(&b'/') || text == b"*";
    match PathAndQuery::try_from(text) {
        Ok(target) if has_form && !text.contains(&b'#') => Ok(Uri::from(target)),
        _ => Err(SetupError::bad_request(
            "the original URI is no path with a query, has a `#`, or is over 64 KiB long",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn original_uris() {
        let long = format!("/{}", "a".repeat(70_000));
        for (text, expected) in [
            ("/", Some("/")),
            ("/a?b=c&d", Some("/a?b=c&d")),
            ("//a//b", Some("//a//b")),
            ("/../a/%2e%2e/b", Some("/../a/%2e%2e/b")),
            ("/报表", Some("/报表")),
            ("*", Some("*")),
            ("", None),
            ("a", None),
            ("http://other/a", None),
            ("/public#/../admin", None),
            ("/a b", None),
            ("?a", None),
            (&long, None),
        ] {
            let uri = parse_uri(text.as_bytes()).ok();
            let shown = uri.as_ref().and_then(Uri::path_and_query).map(PathAndQuery::as_str);
            assert_eq!(shown, expected, "{}", text.get(..20).unwrap_or(text));
        }
    }
}
