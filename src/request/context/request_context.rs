use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::SystemTime;

use http::request::Parts;
use http::uri::Scheme;
use http::{Extensions, Method, Uri, Version};

use super::captured::{Captured, PassedOn};
use super::headers::{Headers, copy};
use super::recorded_head::RecordedHead;
use super::recorder::Recorder;
use super::settings::Settings;
use super::tenant_slot::TenantSlot;
use crate::ports::user_directory::Directory;
use crate::request::client_ip;
use crate::request::impersonation::{ActAsPolicy, Target};
use crate::request::proxy_headers::ProxyHeaders;
use crate::request::refusals::{Grpc, RequestHead};
use crate::types::credential::Credential;
use crate::types::service::ServiceIdentity;
use crate::types::user::{UserId, UserInfo};

/// A request without its body: its user, credential, client address and ids. Cheap to clone.
#[derive(Clone)]
pub struct RequestContext(pub(super) Arc<Inner>);

#[derive(Clone, Default)]
pub(super) struct Inner {
    pub(super) user: Option<UserInfo>,
    /// The user that an admin acts as. Set once, and seen by every holder of this context, such as the layer's record.
    pub(super) acting_as: OnceLock<Box<Target>>,
    /// Whose data the request is about, or why nobody's: set once it is asked for, and seen by every holder likewise.
    pub(super) tenant: TenantSlot,
    pub(super) credential: Option<Credential>,
    pub(super) peer: Option<IpAddr>,
    pub(super) headers: Captured,
    /// What a usage record says of the call; `None` if none is made.
    pub(super) recorded_head: Option<RecordedHead>,
    pub(super) settings: Option<Arc<Settings>>,
    /// What the layer's responder wants to see of the request, while that lasts.
    pub(super) head: Option<Weak<RequestHead>>,
    /// Whether it was built by hand, for a job.
    #[cfg(feature = "outbound")]
    pub(super) is_outside_request: bool,
}

/// The parts of a request that a context is made from.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) headers: &'a Headers<'a>,
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) extensions: &'a Extensions,
    /// What the layer's responder wants to see.
    pub(crate) head: Option<&'a Arc<RequestHead>>,
    /// Whether a usage record is made of it.
    pub(crate) is_recorded: bool,
}

impl RequestContext {
    pub(crate) fn new(
        request: &Request<'_>,
        settings: &Arc<Settings>,
        user: Option<UserInfo>,
        credential: Option<Credential>,
    ) -> Self {
        let Request { headers, method, uri, version, extensions, head, is_recorded } = *request;
        // Filled where it stays: made on the stack, its 400 bytes would be copied into the `Arc`.
        let mut context = Arc::<Inner>::default();
        if let Some(inner) = Arc::get_mut(&mut context) {
            inner.user = user;
            inner.credential = credential;
            if headers.content_type.is_some() {
                inner.headers.grpc = headers.grpc(method);
            }
            inner.peer = client_ip::peer(extensions, inner.headers.grpc.is_some());
            if let Some(head) = head {
                inner.head = Some(Arc::downgrade(head));
            }
            if headers.are_passed_on {
                let passed_on = inner.headers.passed_on.insert(PassedOn::default());
                headers.copy_proxy_headers(&mut passed_on.proxy_headers);
                copy(headers.request_id, &mut passed_on.request_id);
                copy(headers.trace_id, &mut passed_on.trace_id);
                copy(headers.traceparent(), &mut passed_on.traceparent);
                headers.copy_tracestate(&mut passed_on.tracestate);
            }
            copy(headers.user_agent, &mut inner.headers.user_agent);
            // In HTTP/1 a client may write `GET https://…`; from HTTP/2 on the scheme is the connection's.
            inner.headers.tls = version >= Version::HTTP_2 && uri.scheme() == Some(&Scheme::HTTPS);
            inner.settings = Some(settings.clone());
            if is_recorded {
                inner.recorded_head = Some(RecordedHead::of(method, uri, extensions, headers.content_type));
            }
        }
        Self(context)
    }

    /// The context of a request outside any layer, with the default settings.
    pub(crate) fn with_default_settings(parts: &Parts, user: Option<UserInfo>) -> Self {
        let request = Request {
            headers: &Headers::read(&parts.headers),
            method: &parts.method,
            uri: &parts.uri,
            version: parts.version,
            extensions: &parts.extensions,
            head: None,
            is_recorded: false,
        };
        Self::new(&request, &Arc::default(), user, None)
    }

    pub(crate) fn signed_in(mut self, user: UserInfo, credential: Credential) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.user = Some(user);
        inner.credential = Some(credential);
        self
    }

    /// The user that the request is for; `None` for anonymous requests.
    ///
    /// Once an admin [acts as](crate::ActAsUser) another user, it is that user, or `None` if only the id is known.
    pub fn user(&self) -> Option<&UserInfo> {
        match self.acting_as() {
            None => self.actor(),
            Some(target) => target.user.as_ref(),
        }
    }

    /// The id of the user that the request is for.
    pub fn user_id(&self) -> Option<&UserId> {
        match self.acting_as() {
            None => self.actor().map(UserInfo::id),
            Some(target) => Some(&target.id),
        }
    }

    /// The verified user who made the request: the admin, while an admin acts as another user.
    pub fn actor(&self) -> Option<&UserInfo> {
        self.verified().filter(|user| !user.is_service())
    }

    /// Whom the credential is of: a user, or a service in the form in which verifiers return one.
    pub(crate) fn verified(&self) -> Option<&UserInfo> {
        self.0.user.as_ref()
    }

    /// Whether an admin acts as another user.
    pub fn is_impersonating(&self) -> bool {
        self.acting_as().is_some()
    }

    pub(crate) fn acting_as(&self) -> Option<&Target> {
        self.0.acting_as.get().map(|target| &**target)
    }

    /// Makes this user the one that the request is for.
    pub(crate) fn act_as(&self, target: Target) {
        // The first target stays: a request has one header.
        let _ = self.0.acting_as.set(Box::new(target));
    }

    pub(crate) fn act_as_policy(&self) -> ActAsPolicy {
        self.settings().map(|settings| settings.act_as.clone()).unwrap_or_default()
    }

    pub(crate) fn refuses_act_as_elsewhere(&self) -> bool {
        self.settings().is_some_and(|settings| settings.act_as.refuses_elsewhere())
            && !self.is_impersonating()
    }

    pub(crate) fn directory(&self) -> Option<&Directory> {
        self.settings()?.directory.as_ref()
    }

    /// The credential that the request was verified by. It is not redacted: send it only to services you trust.
    pub fn credential(&self) -> Option<&Credential> {
        self.0.credential.as_ref()
    }

    /// When the credential ends, if the verifier says so: [`UserInfo::valid_until`] of the [actor](Self::actor),
    /// or the same of a service.
    ///
    /// A stream or socket that lives longer has to end by itself: see `AuthClient::revoked`.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.verified()?.valid_until()
    }

    /// The client's address, seen through [trusted](crate::layer::TrustedProxies) proxies. `None` if the server was started without
    /// connect info (`into_make_service_with_connect_info::<SocketAddr>()`).
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.settings()?.trusted_proxies.client_ip(self.0.peer, self.proxy_headers())
    }

    /// `http` or `https`, as the client saw it: `x-forwarded-proto` if the peer is trusted
    /// [for it](crate::layer::TrustedProxies::with_forwarded_proto), else `http` unless it is HTTP/2 or later and the
    /// connection's scheme is `https`.
    pub fn scheme(&self) -> &'static str {
        let headers = &self.0.headers;
        self.settings()
            .and_then(|settings| settings.trusted_proxies.scheme(self.0.peer, self.proxy_headers()))
            .unwrap_or(if headers.tls { "https" } else { "http" })
    }

    /// The `User-Agent` header; `None` if it has characters beyond visible ASCII.
    pub fn user_agent(&self) -> Option<&str> {
        self.0.headers.user_agent.as_ref()?.to_str().ok()
    }

    /// Whether it was built by hand, for a job that no request has caused.
    #[cfg(feature = "outbound")]
    pub(crate) fn is_outside_request(&self) -> bool {
        self.0.is_outside_request
    }

    /// The id that this service has at the auth center.
    pub fn app_id(&self) -> Option<&str> {
        self.settings()?.app_id.as_deref()
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.settings()?.recorder.as_ref()
    }

    /// Which gRPC call it is, if any.
    pub(crate) fn grpc(&self) -> Option<Grpc> {
        self.0.headers.grpc
    }

    pub(super) fn passed_on(&self) -> Option<&PassedOn> {
        self.0.headers.passed_on.as_ref()
    }

    fn proxy_headers(&self) -> &ProxyHeaders {
        self.passed_on().map_or(ProxyHeaders::NONE, |passed_on| &passed_on.proxy_headers)
    }

    pub(super) fn settings(&self) -> Option<&Settings> {
        self.0.settings.as_deref()
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("user", &self.user_id())
            .field("actor", &self.actor().map(UserInfo::id))
            .field("service", &self.service().as_ref().map(ServiceIdentity::name))
            .field("tenant", &self.tenant())
            .field("credential", &self.credential())
            .field("client_ip", &self.client_ip())
            .field("trace_id", &self.trace_id())
            .field("request_id", &self.request_id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;

    use super::*;

    fn context(peer: &str, headers: &[(&'static str, &str)]) -> RequestContext {
        let mut request = http::Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(*name, http::header::HeaderValue::from_str(value).unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        RequestContext::with_default_settings(&request.into_parts().0, None)
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
        assert_eq!(all.scheme(), "http", "nobody said that the proxy sets the scheme");
        assert_eq!((all.request_id(), all.trace_id()), (Some("r-1"), Some("t-1")));

        let w3c = context("8.8.8.8", &[("traceparent", traceparent)]);
        assert_eq!(w3c.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));

        let odd = context("8.8.8.8", &[("x-trace-id", &"x".repeat(129)), ("x_forwarded_for", "1.2.3.4")]);
        assert_eq!((odd.trace_id(), odd.client_ip()), (None, Some("8.8.8.8".parse().unwrap())));
    }

    #[test]
    fn debug_shows_no_credential() {
        let context = RequestContext::builder().credential(Credential::new("hunter2").unwrap()).build();
        assert!(!format!("{context:?}").contains("hunter2"));
    }
}
