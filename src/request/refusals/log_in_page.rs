//! Send people who open a page to the page where they can log in.

use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use http::{Method, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::refusal::Refusal;
use crate::types::error::ErrorKind;

/// RFC 3986 section 2.3, and `/`, which stands for itself in a query.
const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Longest path and query to come back to, in bytes. Servers and browsers take no `Location` of any length.
const MAX_NEXT_LEN: usize = 2 * 1024;

/// Where to log in.
#[derive(Debug)]
pub(super) struct LogInPage {
    location: Box<str>,
    /// The path of the page, if it is one of this service.
    path: Option<Box<str>>,
}

impl LogInPage {
    /// Panics if this is no location.
    #[track_caller]
    pub(super) fn new(location: &str) -> Self {
        let uri = location.parse::<Uri>().ok().filter(|_| location.is_ascii() && !location.contains('#'));
        let is_own = location.starts_with('/') && !location.starts_with("//");
        let is_absolute = uri.as_ref().is_some_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")));
        let Some(uri) = uri.filter(|_| is_own || is_absolute) else {
            panic!(
                "the location of the log-in page {location:?} is neither a path nor a URL: write it as /login?next= or \
                 https://id.example.com/login?next="
            );
        };
        Self { location: location.into(), path: is_own.then(|| uri.path().into()) }
    }

    /// Returns the redirect, for the refusals that logging in helps with and the requests that a person sees the answer of.
    pub(super) fn redirect(&self, refusal: &Refusal<'_>) -> Option<Response> {
        let is_unauthenticated = matches!(
            refusal.error.kind(),
            ErrorKind::MissingCredential | ErrorKind::InvalidCredential | ErrorKind::Expired
        );
        let opens_page =
            matches!(*refusal.method(), Method::GET | Method::HEAD) && is_navigation(refusal.headers());
        // A page that needs a log-in itself would redirect for ever.
        let is_the_page = self.path.as_deref() == Some(refusal.uri().path());
        if !is_unauthenticated || !opens_page || is_the_page {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(LOCATION, HeaderValue::try_from(self.location(refusal.uri())).ok()?);
        Some(response)
    }

    fn location(&self, uri: &Uri) -> String {
        if !self.location.ends_with('=') {
            return self.location.to_string();
        }
        // Never a host: neither one that the request names, nor one that a browser reads in `//host`.
        let next = uri.path_and_query().map_or("/", |path| path.as_str());
        let is_path = next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/\\");
        let next = if is_path && next.len() <= MAX_NEXT_LEN { next } else { "/" };
        format!("{}{}", self.location, utf8_percent_encode(next, UNRESERVED))
    }
}

/// Whether a browser shows the answer as a page. `Sec-Fetch-Mode` says it; where a browser does not send that, `Accept` does.
fn is_navigation(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => headers.get_all(ACCEPT).iter().any(|accept| {
            let ranges = accept.as_bytes().split(|&byte| byte == b',');
            ranges.map(media_type).any(|range| range.eq_ignore_ascii_case(b"text/html"))
        }),
    }
}

fn media_type(range: &[u8]) -> &[u8] {
    range.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_to_a_path_of_this_service_only() {
        let page = LogInPage::new("/login?next=");
        for (uri, next) in [
            ("/reports?year=2026&q=a%20b", "/reports%3Fyear%3D2026%26q%3Da%2520b"),
            ("/", "/"),
            ("http://evil.example/reports", "/reports"),
            ("//evil.example/x", "/"),
            ("http://a.example//evil.example/x", "/"),
            ("*", "/"),
            ("evil.example:443", "/"),
            ("/%0d%0aset-cookie:a=b", "/%250d%250aset-cookie%3Aa%3Db"),
            (&format!("/{}", "x".repeat(2048)), "/"),
        ] {
            assert_eq!(page.location(&uri.parse().unwrap()), format!("/login?next={next}"), "{uri}");
        }
        let without = LogInPage::new("https://id.example.com/login");
        assert_eq!(without.location(&"/a".parse().unwrap()), "https://id.example.com/login");
    }

    #[test]
    fn locations_that_are_none_panic() {
        for location in [
            "",
            "login",
            "//evil.example/login",
            "javascript:alert(1)",
            "/a b",
            "/登录",
            "/login#a",
            "ftp://a/b",
        ] {
            assert!(std::panic::catch_unwind(|| LogInPage::new(location)).is_err(), "{location}");
        }
    }
}
