//! Who is asking, anywhere below the handler.
//!
//! [`AuthLayer`](crate::AuthLayer) sets the context for everything that runs in the request's task: handlers, what they
//! call, and the body they stream. A spawned task is another task; carry the context there with
//! [`InContext::in_current_context`].
//!
//! The functions here answer `None` where there is no request, and those about the user also where the request has
//! none: below [`allow_anonymous`](crate::AuthLayer::allow_anonymous), and on excluded paths.
//!
//! ```
//! use aigc_auth::{UserInfo, context::{self, InContext, RequestContext}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! async fn two_calls_deep() -> Option<String> {
//!     context::current_username()
//! }
//!
//! // A job outside any request sets it by hand.
//! let job = RequestContext::builder().user(UserInfo::builder(7, "alice").build()).trace_id("job-42").build();
//! let name = async { tokio::spawn(two_calls_deep().in_current_context()).await.unwrap() }.in_context(job).await;
//! assert_eq!(name.as_deref(), Some("alice"));
//! assert!(context::current_user().is_none());
//! # }
//! ```

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::header::HeaderValue;
use http::request::Parts;
use http::uri::Scheme;
use http::{Extensions, Uri, Version};

use crate::act_as::{ActAsPolicy, Target};
use crate::credential::Credential;
use crate::directory::Directory;
use crate::error::{AuthError, Language};
use crate::forwarded::{self, TrustedProxies};
use crate::respond::Responder;
use crate::user::{UserId, UserInfo};

mod builder;
mod future;
mod headers;
mod recorder;
mod trace;

pub use builder::RequestContextBuilder;
pub use future::{InContext, WithContext};
pub(crate) use headers::{Authorization, Headers, is_match};
pub use recorder::Recorder;
#[cfg(feature = "stats")]
pub(crate) use recorder::with_credential;

/// What is known of a request beside its body: cheap to clone, read through methods.
#[derive(Clone)]
pub struct RequestContext(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    user: Option<UserInfo>,
    /// Whom the user acts as. Set once, and then seen by all who hold this context: the layer's record, too.
    acting_as: OnceLock<Box<Target>>,
    credential: Option<Credential>,
    peer: Option<IpAddr>,
    headers: Captured,
    settings: Option<Arc<Settings>>,
}

/// What a layer gives to every context it makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) app_id: Option<Arc<str>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) responder: Responder,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) act_as: ActAsPolicy,
    pub(crate) directory: Option<Directory>,
}

/// The headers that a context answers from. They share the request's buffer; what they mean is found out when asked.
#[derive(Clone, Default)]
struct Captured {
    forwarded_for: Option<HeaderValue>,
    forwarded_proto: Option<HeaderValue>,
    real_ip: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
    trace_id: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    tls: bool,
}

/// A request, as far as a context is made of it.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) extensions: &'a Extensions,
}

impl RequestContext {
    /// Starts a context for a job outside a request.
    pub fn builder() -> RequestContextBuilder {
        RequestContextBuilder::default()
    }

    pub(crate) fn of(
        request: Request<'_>,
        settings: &Arc<Settings>,
        user: Option<UserInfo>,
        credential: Option<Credential>,
    ) -> Self {
        let Request { headers, uri, version, extensions } = request;
        // Filled where it stays: made on the stack, its 400 bytes would be copied into the `Arc`.
        let mut context = Arc::<Inner>::default();
        if let Some(inner) = Arc::get_mut(&mut context) {
            inner.user = user;
            inner.credential = credential;
            inner.peer = forwarded::peer(extensions);
            inner.headers.forwarded_for = headers.forwarded_for.cloned();
            inner.headers.forwarded_proto = headers.forwarded_proto.cloned();
            inner.headers.real_ip = headers.real_ip.cloned();
            inner.headers.request_id = headers.request_id.cloned();
            inner.headers.trace_id = headers.trace_id.cloned();
            inner.headers.traceparent = headers.traceparent.cloned();
            inner.headers.user_agent = headers.user_agent.cloned();
            // In HTTP/1 anybody may write `GET https://…`; from HTTP/2 on it is the connection's.
            inner.headers.tls = version >= Version::HTTP_2 && uri.scheme() == Some(&Scheme::HTTPS);
            inner.settings = Some(settings.clone());
        }
        Self(context)
    }

    /// The context of a request that no layer saw, by the default settings.
    pub(crate) fn by_default(parts: &Parts, user: Option<UserInfo>) -> Self {
        let request = Request {
            headers: &Headers::read(&parts.headers),
            uri: &parts.uri,
            version: parts.version,
            extensions: &parts.extensions,
        };
        Self::of(request, &Arc::default(), user, None)
    }

    pub(crate) fn signed_in(mut self, user: UserInfo, credential: Credential) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.user = Some(user);
        inner.credential = Some(credential);
        self
    }

    /// The user that the request is for; `None` for anonymous requests.
    ///
    /// Once an admin [acts as](crate::ActAsUser) another user it is that one, or `None` if only his id is known.
    pub fn user(&self) -> Option<&UserInfo> {
        match self.acting_as() {
            None => self.actor(),
            Some(target) => target.user.as_ref(),
        }
    }

    /// The id of the user that the request is for.
    pub fn user_id(&self) -> Option<&UserId> {
        match self.acting_as() {
            None => self.actor().map(|actor| &actor.id),
            Some(target) => Some(&target.id),
        }
    }

    /// The verified user, who is really asking: an admin, while he acts as another user.
    pub fn actor(&self) -> Option<&UserInfo> {
        self.0.user.as_ref()
    }

    /// Whether an admin acts as another user.
    pub fn is_impersonating(&self) -> bool {
        self.acting_as().is_some()
    }

    pub(crate) fn acting_as(&self) -> Option<&Target> {
        self.0.acting_as.get().map(|target| &**target)
    }

    /// From now on, the request is for this user.
    pub(crate) fn act_as(&self, target: Target) {
        // Once decided it stays: a request has one header.
        let _ = self.0.acting_as.set(Box::new(target));
    }

    pub(crate) fn act_as_policy(&self) -> ActAsPolicy {
        self.settings().map(|settings| settings.act_as.clone()).unwrap_or_default()
    }

    pub(crate) fn directory(&self) -> Option<&Directory> {
        self.settings()?.directory.as_ref()
    }

    /// The credential that the request was verified by. It is the real one: send it only to services you trust.
    pub fn credential(&self) -> Option<&Credential> {
        self.0.credential.as_ref()
    }

    /// The client's address, seen through [trusted](TrustedProxies) proxies. `None` if the server was started without
    /// connect info (`into_make_service_with_connect_info::<SocketAddr>()`).
    pub fn client_ip(&self) -> Option<IpAddr> {
        let headers = &self.0.headers;
        let trusted = &self.settings()?.trusted_proxies;
        trusted.client_ip(self.0.peer, headers.real_ip.as_ref(), headers.forwarded_for.as_ref())
    }

    /// `http` or `https`, as the client saw it: `x-forwarded-proto` if the peer is trusted, else `http` unless it is
    /// HTTP/2 or later and the connection's scheme is `https`.
    pub fn scheme(&self) -> &'static str {
        let headers = &self.0.headers;
        let trusted =
            self.0.peer.zip(self.settings()).is_some_and(|(peer, s)| s.trusted_proxies.contains(peer));
        let proto = headers.forwarded_proto.as_ref().filter(|_| trusted).map(HeaderValue::as_bytes);
        // Of several, the first is what the client spoke.
        match proto.and_then(|proto| proto.split(|&byte| byte == b',').next()).map(<[u8]>::trim_ascii) {
            Some(proto) if proto.eq_ignore_ascii_case(b"https") => "https",
            Some(proto) if proto.eq_ignore_ascii_case(b"http") => "http",
            _ if headers.tls => "https",
            _ => "http",
        }
    }

    /// The `User-Agent` header; `None` if it has characters beyond visible ASCII.
    pub fn user_agent(&self) -> Option<&str> {
        self.0.headers.user_agent.as_ref()?.to_str().ok()
    }

    /// The `X-Request-ID` header: at most 128 visible characters, otherwise `None`.
    pub fn request_id(&self) -> Option<&str> {
        trace::id(self.0.headers.request_id.as_ref()?)
    }

    /// The `X-Trace-ID` header (at most 128 visible characters), else the trace id of a W3C `traceparent`.
    pub fn trace_id(&self) -> Option<&str> {
        let headers = &self.0.headers;
        let own = headers.trace_id.as_ref().and_then(trace::id);
        own.or_else(|| trace::id_of_traceparent(headers.traceparent.as_ref()?))
    }

    /// The `traceparent` header as it came.
    #[cfg(feature = "outbound")]
    pub(crate) fn traceparent(&self) -> Option<&HeaderValue> {
        let traceparent = self.0.headers.traceparent.as_ref()?;
        trace::id_of_traceparent(traceparent).and(Some(traceparent))
    }

    /// The id of the app that this service is at the auth center.
    pub fn app_id(&self) -> Option<&str> {
        self.settings()?.app_id.as_deref()
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.settings()?.recorder.as_ref()
    }

    /// The headers that statistics are told of, as they came; but the client's address as it is believed.
    pub(crate) fn recorded_headers(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let headers = &self.0.headers;
        let as_they_came = [
            ("user-agent", &headers.user_agent),
            ("x-forwarded-for", &headers.forwarded_for),
            ("x-request-id", &headers.request_id),
            ("x-trace-id", &headers.trace_id),
        ];
        let client_ip = self.client_ip().map(|ip| ("x-real-ip", Cow::Owned(ip.to_string())));
        as_they_came
            .into_iter()
            .filter_map(|(name, value)| Some((name, String::from_utf8_lossy(value.as_ref()?.as_bytes()))))
            .chain(client_ip)
    }

    /// What the caller is told of a refusal, unless the service words its refusals itself.
    pub(crate) fn refusal_message(&self, error: &AuthError) -> &'static str {
        let language =
            self.settings().map_or_else(Language::default, |settings| settings.responder.language());
        error.message(language)
    }

    fn settings(&self) -> Option<&Settings> {
        self.0.settings.as_deref()
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("user", &self.user_id())
            .field("actor", &self.actor().map(|actor| &actor.id))
            .field("credential", &self.credential())
            .field("client_ip", &self.client_ip())
            .field("trace_id", &self.trace_id())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

/// The context is this one until dropped, also when the code in between panics. `None` leaves it as it is.
///
/// Not `tokio::task_local!`: a layer calls its inner service and later polls its future, both inside the context, and
/// a swap of one pointer each time costs neither a copy nor a count.
pub(crate) struct Entered<'a>(Option<&'a mut Option<RequestContext>>);

impl<'a> Entered<'a> {
    pub(crate) fn new(context: &'a mut Option<RequestContext>) -> Self {
        if context.is_none() {
            return Self(None);
        }
        swap(context);
        Self(Some(context))
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(outer) = self.0.as_deref_mut() {
            swap(outer);
        }
    }
}

fn swap(context: &mut Option<RequestContext>) {
    // Fails only while the thread itself is being torn down, when no task is polled any more.
    let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), context));
}

fn read<T>(from: impl FnOnce(&RequestContext) -> Option<T>) -> Option<T> {
    CURRENT.try_with(|current| current.borrow().as_ref().and_then(from)).ok().flatten()
}

/// The whole context, if there is one.
pub fn current() -> Option<RequestContext> {
    read(|context| Some(context.clone()))
}

/// The user that the current request is for: see [`RequestContext::user`].
pub fn current_user() -> Option<UserInfo> {
    read(|context| context.user().cloned())
}

/// The id of the current user.
pub fn current_user_id() -> Option<UserId> {
    read(|context| context.user_id().cloned())
}

/// The verified user of the current request, who is really asking: an admin, while he acts as the current user.
pub fn actor() -> Option<UserInfo> {
    read(|context| context.actor().cloned())
}

/// The log-in name of the current user.
pub fn current_username() -> Option<String> {
    read(|context| Some(context.user()?.username.as_ref().to_owned()))
}

/// Whether there is a current user who is an admin.
pub fn is_current_user_admin() -> bool {
    read(|context| Some(context.user()?.is_admin)).unwrap_or(false)
}

/// [`RequestContext::client_ip`] of the current request.
pub fn client_ip() -> Option<IpAddr> {
    read(RequestContext::client_ip)
}

/// [`RequestContext::user_agent`] of the current request.
pub fn user_agent() -> Option<String> {
    read(|context| Some(context.user_agent()?.to_owned()))
}

/// [`RequestContext::request_id`] of the current request.
pub fn request_id() -> Option<String> {
    read(|context| Some(context.request_id()?.to_owned()))
}

/// [`RequestContext::trace_id`] of the current request.
pub fn trace_id() -> Option<String> {
    read(|context| Some(context.trace_id()?.to_owned()))
}

/// The credential that the current request was verified by, to call other services on the user's behalf.
///
/// It is the real one: send it only to services you trust.
pub fn token() -> Option<Credential> {
    read(|context| context.credential().cloned())
}

/// The id of the app that this service is at the auth center.
pub fn app_id() -> Option<Arc<str>> {
    read(|context| context.settings()?.app_id.clone())
}

/// The usage statistics that the current request is recorded in, to record other calls as well; `None` where the layer
/// has none ([`AuthLayer::with_stats`](crate::AuthLayer::with_stats)).
pub fn stats() -> Option<Recorder> {
    read(|context| context.recorder().cloned())
}

pub(crate) fn responder() -> Option<Responder> {
    read(|context| Some(context.settings()?.responder.clone()))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;

    use super::*;

    fn context(peer: &str, headers: &[(&'static str, &str)]) -> RequestContext {
        let mut request = http::Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        RequestContext::by_default(&request.into_parts().0, None)
    }

    #[test]
    fn headers_of_a_request() {
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let all = context(
            "127.0.0.1",
            &[
                ("user-agent", "curl/8"),
                ("x-forwarded-for", "1.2.3.4"),
                ("x-forwarded-proto", "https"),
                ("x-request-id", "r-1"),
                ("x-trace-id", "t-1"),
                ("traceparent", traceparent),
            ],
        );
        assert_eq!(all.user_agent(), Some("curl/8"));
        assert_eq!(all.client_ip(), Some("1.2.3.4".parse().unwrap()));
        assert_eq!(all.scheme(), "https");
        assert_eq!((all.request_id(), all.trace_id()), (Some("r-1"), Some("t-1")));

        let w3c = context("8.8.8.8", &[("traceparent", traceparent), ("x-forwarded-proto", "https")]);
        assert_eq!(w3c.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(w3c.scheme(), "http", "a stranger's word about the scheme does not count");
        assert_eq!(context("127.0.0.1", &[("x-forwarded-proto", "https, http")]).scheme(), "https");

        let odd = context("8.8.8.8", &[("x-trace-id", &"x".repeat(129)), ("x_forwarded_for", "1.2.3.4")]);
        assert_eq!((odd.trace_id(), odd.client_ip()), (None, Some("8.8.8.8".parse().unwrap())));
    }

    #[test]
    fn scopes_nest_and_survive_a_panic() {
        let named = |name: &str| Some(RequestContext::builder().user(UserInfo::builder(1, name)).build());
        let (mut outer, mut inner) = (named("outer"), named("inner"));
        assert_eq!(current_username(), None);
        {
            let _outer = Entered::new(&mut outer);
            assert_eq!(current_username().as_deref(), Some("outer"));
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _inner = Entered::new(&mut inner);
                assert_eq!(current_username().as_deref(), Some("inner"));
                panic!("in a handler");
            }));
            assert!(panicked.is_err());
            assert_eq!(current_username().as_deref(), Some("outer"));
        }
        assert_eq!(current_username(), None);
        assert!(outer.is_some() && inner.is_some());
    }

    #[test]
    fn debug_shows_no_credential() {
        let context = RequestContext::builder().credential(Credential::new("hunter2").unwrap()).build();
        assert!(!format!("{context:?}").contains("hunter2"));
    }
}
