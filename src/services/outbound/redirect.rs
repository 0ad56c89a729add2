//! Decide where a redirect leads, and which headers and body may follow it.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LOCATION, RANGE, TRANSFER_ENCODING, USER_AGENT,
};
use http::{Method, StatusCode, Uri};
use reqwest::Response;
use url::Url;

use super::origin::Origin;
use super::usage::without_query;

/// The caller's headers that follow a redirect to another origin: any other may be a secret of the first one.
const CROSS_ORIGIN_HEADERS: [HeaderName; 11] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    RANGE,
    USER_AGENT,
];

/// Headers that are dropped along with the body.
const BODY_HEADERS: [HeaderName; 6] =
    [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, TRANSFER_ENCODING];

/// A redirect that may be followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) url: Url,
    pub(super) method: Method,
    /// Whether the body is sent again.
    pub(super) keeps_body: bool,
    pub(super) is_cross_origin: bool,
    /// From `https` to `http`.
    pub(super) is_downgrade: bool,
}

/// Reads the redirect of an answer, as RFC 9110 section 15.4 has it: at 301 and 302, a `POST` becomes a `GET` for historical
/// reasons, and no other method changes. `None` for other answers, and for targets that must not be followed: other schemes,
/// and URLs with a user or password.
pub(super) fn redirect(
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
    method: &Method,
) -> Option<Redirect> {
    let keeps_method = match status.as_u16() {
        301 | 302 => *method != Method::POST,
        303 => *method == Method::HEAD,
        307 | 308 => true,
        _ => return None,
    };
    // From bytes, since some servers do not percent-encode non-ASCII characters.
    let url = from.join(std::str::from_utf8(headers.get(LOCATION)?.as_bytes()).ok()?).ok()?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || has_user {
        return None;
    }
    // A URL that is too long, or otherwise cannot be sent.
    Uri::try_from(url.as_str()).ok()?;
    Some(Redirect {
        method: if keeps_method { method.clone() } else { Method::GET },
        keeps_body: keeps_method,
        is_cross_origin: Origin::of(from) != Origin::of(&url),
        is_downgrade: from.scheme() == "https" && url.scheme() == "http",
        url,
    })
}

impl Redirect {
    /// Removes the headers that must not follow the redirect.
    pub(super) fn filter(&self, headers: &mut HeaderMap) {
        let names: Vec<HeaderName> = headers.keys().cloned().collect();
        for name in names {
            let may_pass = !self.is_cross_origin || CROSS_ORIGIN_HEADERS.contains(&name);
            if !may_pass || (!self.keeps_body && BODY_HEADERS.contains(&name)) {
                headers.remove(name);
            }
        }
    }
}

/// Logs an error if the HTTP client has followed a redirect itself: reqwest sends custom headers to any host.
pub(super) fn warn_if_redirected(sent_to: &Url, answer: Result<&Response, &reqwest::Error>) {
    let was_redirected = match answer {
        // Not the whole URLs, since the answer's has no fragment.
        Ok(response) => {
            let url = response.url();
            without_query(url) != without_query(sent_to) || url.query() != sent_to.query()
        }
        Err(error) => error.is_redirect(),
    };
    if was_redirected {
        tracing::error!(
            host = sent_to.host_str(),
            "the HTTP client followed a redirect, and may have sent the app's secret to another host; build it with \
             redirect(Policy::none())"
        );
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn status_location_and_method_decide_the_redirect() {
        let from: Url = "https://a.example/x/y?q=1".parse().unwrap();
        for (status, location, method, expected) in [
            (301, Some("/z"), Method::GET, Some(("https://a.example/z", Method::GET, true, false, false))),
            (302, Some("z"), Method::POST, Some(("https://a.example/x/z", Method::GET, false, false, false))),
            (
                303,
                Some("?p"),
                Method::PUT,
                Some(("https://a.example/x/y?p", Method::GET, false, false, false)),
            ),
            (303, Some("/"), Method::HEAD, Some(("https://a.example/", Method::HEAD, true, false, false))),
            (
                307,
                Some("//b.example/"),
                Method::POST,
                Some(("https://b.example/", Method::POST, true, true, false)),
            ),
            (
                308,
                Some("http://a.example/"),
                Method::PUT,
                Some(("http://a.example/", Method::PUT, true, true, true)),
            ),
            (
                302,
                Some("https://a.example:8443/"),
                Method::GET,
                Some(("https://a.example:8443/", Method::GET, true, true, false)),
            ),
            (
                302,
                Some("/z"),
                Method::DELETE,
                Some(("https://a.example/z", Method::DELETE, true, false, false)),
            ),
            (
                301,
                Some("/爱"),
                Method::GET,
                Some(("https://a.example/%E7%88%B1", Method::GET, true, false, false)),
            ),
            (302, Some("https://u:p@a.example/"), Method::GET, None),
            (302, Some("ftp://a.example/"), Method::GET, None),
            (302, Some("file:///etc/passwd"), Method::GET, None),
            (302, Some("javascript:alert(1)"), Method::GET, None),
            (302, Some("http://"), Method::GET, None),
            (302, None, Method::GET, None),
            (200, Some("/z"), Method::GET, None),
            (304, Some("/z"), Method::GET, None),
            (300, Some("/z"), Method::GET, None),
        ] {
            let location = location.map(|location| HeaderValue::from_bytes(location.as_bytes()).unwrap());
            let headers = location.clone().map(|location| (LOCATION, location)).into_iter().collect();
            let found = redirect(StatusCode::from_u16(status).unwrap(), &headers, &from, &method);
            let found = found.map(|to| {
                (to.url.to_string(), to.method, to.keeps_body, to.is_cross_origin, to.is_downgrade)
            });
            let expected =
                expected.map(|(url, method, body, other, down)| (url.to_owned(), method, body, other, down));
            assert_eq!(found, expected, "{status} {location:?} {method}");
        }
    }
}
