use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::{FromRequestParts, MatchedPath, OriginalUri};
use http::Method;
use http::request::Parts;

use crate::context::{self, RequestContext};

/// What is known of the request itself: where it came from and how to find it again.
///
/// Never refuses. Below an [`AuthLayer`](crate::AuthLayer) it follows the layer's
/// [trusted proxies](crate::AuthLayer::trusted_proxies), elsewhere the default ones.
///
/// ```
/// use aigc_auth::RequestInfo;
///
/// async fn whence(info: RequestInfo) -> String {
///     format!("{} {} from {:?}, trace {:?}", info.method, info.path, info.client_ip, info.trace_id)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestInfo {
    /// The method.
    pub method: Method,
    /// The path as it was sent, also inside `nest`.
    pub path: String,
    /// The route's path, such as `/users/{id}`.
    pub matched_path: Option<String>,
    /// `http` or `https`, as the client saw it.
    pub scheme: &'static str,
    /// The client's address; `None` if the server was started without connect info.
    pub client_ip: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `X-Request-ID` header.
    pub request_id: Option<String>,
    /// The `X-Trace-ID` header, else the trace id of `traceparent`.
    pub trace_id: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let context = context::current().unwrap_or_else(|| RequestContext::by_default(parts, None));
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
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
