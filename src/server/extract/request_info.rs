use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, MatchedPath};
use http::Method;
use http::request::Parts;

use crate::request::context::{self, RequestContext};
use crate::request::original_uri::original_uri;

/// Extracts the request's origin and ids: method, path, client address, request id and trace id.
///
/// Never rejects. Below an [`AuthLayer`](crate::AuthLayer) it uses the layer's
/// [trusted proxies](crate::AuthLayer::trusted_proxies), elsewhere the default ones.
///
/// ```
/// use aigc_auth::extract::RequestInfo;
///
/// async fn origin(info: RequestInfo) -> String {
///     format!("{} {} from {:?}, trace {:?}", info.method, info.path, info.client_ip, info.trace_id)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestInfo {
    /// The method.
    pub method: Method,
    /// The full path as it was sent, also inside `nest`.
    pub path: String,
    /// The route's path, such as `/users/{id}`.
    pub matched_path: Option<String>,
    /// `http` or `https`, as the client saw it.
    pub scheme: &'static str,
    /// The client's address. `None` if the server was started without connect info.
    pub client_ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `X-Request-ID` header.
    pub request_id: Option<String>,
    /// The `X-Trace-ID` header, or else the trace id of `traceparent`.
    pub trace_id: Option<String>,
}

impl RequestInfo {
    /// Creates that of a request of which no more is known, to call a handler as a function: `http`, and nothing else.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            matched_path: None,
            scheme: "http",
            client_ip: None,
            user_agent: None,
            request_id: None,
            trace_id: None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let context =
            context::current().unwrap_or_else(|| RequestContext::with_default_settings(parts, None));
        let uri = original_uri(&parts.extensions, &parts.uri);
        Ok(Self {
            method: parts.method.clone(),
            path: uri.path().to_owned(),
            matched_path: parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()),
            scheme: context.scheme(),
            client_ip: context.client_ip(),
            user_agent: context.user_agent().map(str::to_owned),
            request_id: context.request_id().map(str::to_owned),
            trace_id: context.trace_id().map(str::to_owned),
        })
    }
}
