use http::header::{HeaderName, HeaderValue, ORIGIN, REFERER};
use http::{HeaderMap, Method};

use super::handshake::is_websocket;
use super::origin::Origin;

/// Fetch Metadata, which browsers add to requests for HTTPS and for this machine. Scripts cannot set them.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

const ANOTHER: &str = "the request comes from another origin (`Sec-Fetch-Site`)";
const NOT_OWN: &str = "the request comes from another origin: `Origin` or `Referer` is not that of this service, by `Host` and \
                       the scheme. A proxy has to pass `Host` on, and `trusted_proxies` has to say that it sets \
                       `X-Forwarded-Proto`; `allow_origin` admits others";
const UNKNOWN: &str = "the request may change something, and does not say which origin it comes from";
const SEVERAL: &str = "the request has several headers that say which origin it comes from";

/// The requests whose cookies count: by default, those that this service's own pages cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OriginPolicy {
    pub(super) allowed: Vec<Origin>,
    pub(super) navigation: bool,
    pub(super) any: bool,
}

impl OriginPolicy {
    /// Returns why the cookies of a request do not count, if so. The scheme is that of the request.
    pub(super) fn admit<B>(
        &self,
        request: &http::Request<B>,
        scheme: impl FnOnce() -> &'static str,
    ) -> Result<(), &'static str> {
        if self.any {
            return Ok(());
        }
        let headers = request.headers();
        let (origin, site) = (only(headers, &ORIGIN)?, only(headers, &SEC_FETCH_SITE)?);
        if !self.allowed.is_empty()
            && origin.and_then(Origin::parse).is_some_and(|origin| self.allows(&origin))
        {
            return Ok(());
        }
        match site {
            Some(b"same-origin") => return Ok(()),
            // What the user typed. No page typed a WebSocket.
            Some(b"none") if origin.is_none() || !is_websocket(request) => return Ok(()),
            Some(b"none") | None => {}
            Some(_) if self.navigation && is_navigation(request)? => return Ok(()),
            Some(_) => return Err(ANOTHER),
        }
        let sender = match (origin, only(headers, &REFERER)?) {
            (Some(origin), _) => Origin::parse(origin),
            (None, Some(referer)) => Origin::of_url(referer),
            (None, None) => {
                let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
                return if is_safe || is_websocket(request) { Ok(()) } else { Err(UNKNOWN) };
            }
        };
        let is_known = sender.is_some_and(|sender| {
            self.allows(&sender) || Origin::of_request(scheme(), request.uri(), headers) == Some(sender)
        });
        if is_known { Ok(()) } else { Err(NOT_OWN) }
    }

    fn allows(&self, origin: &Origin) -> bool {
        self.allowed.contains(origin)
    }
}

/// Whether a request is for a page of its own, not for a frame, and changes nothing.
fn is_navigation<B>(request: &http::Request<B>) -> Result<bool, &'static str> {
    let (mode, dest) = (only(request.headers(), &SEC_FETCH_MODE)?, only(request.headers(), &SEC_FETCH_DEST)?);
    Ok(*request.method() == Method::GET && mode == Some(b"navigate") && dest == Some(b"document"))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a [u8]>, &'static str> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(SEVERAL),
    }
}
