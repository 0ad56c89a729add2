use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderName, SEC_WEBSOCKET_PROTOCOL};

use super::origin::Origin;
use super::origin_policy::OriginPolicy;

/// A place in a request where a credential may stand, for
/// [`AuthLayer::credentials_from`](crate::AuthLayer::credentials_from).
///
/// Everywhere but in a WebSocket's protocols, the credential may stand alone or after `Bearer` and a space. Cookies, query
/// parameters and protocols are percent-decoded first. An empty value is as if absent.
///
/// ```
/// # use aigc_auth::credential::BearerToken;
/// # use aigc_auth::Verify;
/// use aigc_auth::AuthLayer;
/// use aigc_auth::layer::CredentialSource;
///
/// # fn layer(verifier: impl Verify<BearerToken>) -> AuthLayer {
/// AuthLayer::tokens_only(verifier).credentials_from([
///     CredentialSource::authorization(),
///     CredentialSource::websocket_protocol(),
///     CredentialSource::cookie("__Host-session"),
/// ])
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct CredentialSource(pub(super) Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Authorization,
    WebSocketProtocol,
    Cookie(Box<str>, OriginPolicy),
    Header(HeaderName),
    Query(Box<str>, Requests),
}

/// The requests that a query parameter is read of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// Those whose headers a browser's script cannot set: WebSocket handshakes and event streams.
    WithoutHeaders,
    All,
}

impl CredentialSource {
    /// The header `Authorization: Bearer …`.
    pub const fn authorization() -> Self {
        Self(Kind::Authorization)
    }

    /// The protocol after `bearer` among those that a WebSocket is opened with, percent-encoded.
    ///
    /// In a browser: `new WebSocket(url, ["bearer", encodeURIComponent(token)])`. Only WebSocket handshakes have it, over
    /// HTTP/1.1 and over HTTP/2. The layer removes both entries, so that handlers and logs inside never see them, and
    /// chooses `bearer` in the response if the handler chose none: browsers fail a connection whose protocols were all
    /// ignored. Other protocols beside it reach the handler.
    pub const fn websocket_protocol() -> Self {
        Self(Kind::WebSocketProtocol)
    }

    /// The cookie of this name, of requests that come from a page of this service itself.
    ///
    /// Browsers add cookies to requests that other sites cause, too, so one counts only where the request says that none
    /// did: by `Sec-Fetch-Site` (`same-origin`, or `none` for what the user typed), without that by `Origin`, without that
    /// by `Referer`. If all of them are missing, it counts for `GET`, `HEAD`, `OPTIONS` and WebSocket handshakes only.
    /// Elsewhere, it is as if absent. `Origin` and `Referer` are compared with `Host` and with the scheme that
    /// [trusted proxies](crate::AuthLayer::trusted_proxies) report. Other origins: [`allow_origin`](Self::allow_origin).
    ///
    /// A name that starts with `__Host-` is recommended: browsers take such a cookie only over HTTPS and from this very
    /// host, so that no other subdomain can set it. It should be `HttpOnly` and `SameSite=Lax` or `Strict`. Two cookies of
    /// this name in one request are rejected with 401.
    ///
    /// # Panics
    /// If no cookie can have this name.
    #[track_caller]
    pub fn cookie(name: &str) -> Self {
        assert!(is_token(name), "cookie name {name:?} must have letters, digits and !#$%&'*+-.^_`|~ only");
        Self(Kind::Cookie(name.into(), OriginPolicy::default()))
    }

    /// The header of this name, such as `X-Forwarded-Access-Token`. Several lines of it are rejected with 401.
    ///
    /// # Panics
    /// If no header can have this name, or if it is `Authorization`, `Cookie` or `Sec-WebSocket-Protocol`, which have
    /// sources of their own.
    #[track_caller]
    pub fn header(name: &str) -> Self {
        let Ok(name) = HeaderName::try_from(name) else { panic!("{name:?} is no name of a header") };
        let own = match name {
            AUTHORIZATION => "authorization()",
            COOKIE => "cookie(name)",
            SEC_WEBSOCKET_PROTOCOL => "websocket_protocol()",
            name => return Self(Kind::Header(name)),
        };
        panic!("the header `{name}` has a source of its own: `CredentialSource::{own}`");
    }

    /// The query parameter of this name, of WebSocket handshakes and of requests that accept `text/event-stream`.
    ///
    /// URLs end up in logs and histories: prefer the other sources, or give out credentials that are short-lived. The layer
    /// always removes the parameter from the request's URI and from axum's `OriginalUri`, also on excluded paths and where
    /// it is not read, so that handlers, spans and usage records inside do not see it. Layers and proxies outside do. A
    /// parameter that is repeated is rejected with 401.
    ///
    /// # Panics
    /// If the name is empty, or has characters that are sent percent-encoded: only letters, digits and `-._~` may be in it.
    #[track_caller]
    pub fn query(name: &str) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_valid = !name.is_empty() && name.bytes().all(is_plain);
        assert!(is_valid, "query parameter {name:?} must have letters, digits and -._~ only");
        Self(Kind::Query(name.into(), Requests::WithoutHeaders))
    }

    /// Reads the query parameter of every request.
    ///
    /// A page that was opened by such a URL passes it on in `Referer` to what it loads, and a link with somebody else's
    /// credential signs the reader in as them.
    ///
    /// # Panics
    /// If this is no query parameter.
    #[track_caller]
    pub fn any_request(mut self) -> Self {
        let Kind::Query(_, requests) = &mut self.0 else {
            panic!("`any_request` is for query parameters, not for {self}")
        };
        *requests = Requests::All;
        self
    }

    /// Reads the cookie also of requests from pages of this origin, such as `https://app.example.com`. May be repeated.
    ///
    /// Scripts of that origin then act for the user. They can read the response only if a CORS layer outside allows that,
    /// with credentials.
    ///
    /// # Panics
    /// If it is not written as browsers send it in `Origin`: a scheme, a host and a port unless it is the usual one, in
    /// lower case, with no path and no `/` at the end. If this is no cookie.
    #[track_caller]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        let Some(parsed) = Origin::parse(origin.as_bytes()) else {
            panic!(
                "origin {origin:?} must be written as browsers send it, as in \"https://app.example.com:8443\""
            );
        };
        self.policy_mut("allow_origin").allowed.push(parsed);
        self
    }

    /// Reads the cookie also of navigations from other sites: `GET` requests for a page of its own, by links and
    /// redirections there. Frames, scripts and images are none.
    ///
    /// For services that answer with pages. Their `GET` must change nothing.
    ///
    /// # Panics
    /// If this is no cookie.
    #[track_caller]
    pub fn allow_navigation(mut self) -> Self {
        self.policy_mut("allow_navigation").navigation = true;
        self
    }

    /// Reads the cookie of every request, whichever site has caused it.
    ///
    /// Any page that a user opens can then act for them, unless something else prevents cross-site request forgery.
    ///
    /// # Panics
    /// If this is no cookie.
    #[track_caller]
    pub fn insecure_any_origin(mut self) -> Self {
        self.policy_mut("insecure_any_origin").any = true;
        self
    }

    #[track_caller]
    fn policy_mut(&mut self, setter: &str) -> &mut OriginPolicy {
        if !matches!(self.0, Kind::Cookie(..)) {
            panic!("`{setter}` is for cookies, not for {self}");
        }
        match &mut self.0 {
            Kind::Cookie(_, policy) => policy,
            _ => unreachable!("checked above"),
        }
    }

    /// Whether both are the same place.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Cookie(name, _), Kind::Cookie(other, _))
            | (Kind::Query(name, _), Kind::Query(other, _)) => name == other,
            (one, other) => one == other,
        }
    }
}

/// RFC 9110 section 5.6.2, which RFC 6265 has for names of cookies.
fn is_token(name: &str) -> bool {
    let is_token_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token_char)
}

/// As errors name it.
impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Authorization => f.write_str("`Authorization`"),
            Kind::WebSocketProtocol => f.write_str("the WebSocket protocol after `bearer`"),
            Kind::Cookie(name, _) => write!(f, "the cookie `{name}`"),
            Kind::Header(name) => write!(f, "the header `{name}`"),
            Kind::Query(name, _) => write!(f, "the query parameter `{name}`"),
        }
    }
}
