use http::header::HeaderValue;

use crate::request::proxy_headers::ProxyHeaders;
use crate::request::refusals::Grpc;

/// The headers that a context is read from. They share the request's buffer, and are parsed on demand.
#[derive(Clone, Default)]
pub(super) struct Captured {
    pub(super) user_agent: Option<HeaderValue>,
    /// `None` if none of them came: then there is one thing to set and to drop, in place of six.
    pub(super) passed_on: Option<PassedOn>,
    pub(super) tls: bool,
    /// Whether it is a gRPC call, whose errors are answered otherwise.
    pub(super) grpc: Option<Grpc>,
}

/// The headers that proxies and other services add.
#[derive(Clone, Default)]
pub(super) struct PassedOn {
    pub(super) proxy_headers: ProxyHeaders,
    pub(super) request_id: Option<HeaderValue>,
    pub(super) trace_id: Option<HeaderValue>,
    pub(super) traceparent: Option<HeaderValue>,
    /// In a box, for few requests have one.
    pub(super) tracestate: Option<Box<HeaderValue>>,
}
