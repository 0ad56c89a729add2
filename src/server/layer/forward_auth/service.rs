use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{MatchedPath, NestedPath, OriginalUri};
use axum::response::IntoResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::hop;
use super::identity::{Identified, IdentityHeaders};
use super::proxy::Proxy;
use super::rules::Rules;
use super::setup::SetupError;
use crate::request::auth_state::{self, Unauthenticated};
use crate::request::client_ip;
use crate::request::target_header::X_ACT_AS_USER_ID;
use crate::request::tenant;
use crate::server::layer::layer::AuthLayer;
use crate::server::layer::preflight::is_preflight;
use crate::server::layer::service::AuthService;
use crate::types::error::AuthError;
use crate::util::boxed::BoxFuture;

/// What nginx would have passed on, if it could.
const X_AUTH_STATUS: HeaderName = HeaderName::from_static("x-auth-status");

/// The endpoint.
#[derive(Clone)]
pub(super) struct Endpoint {
    auth: AuthLayer,
    service: AuthService<Answer>,
    proxy: Proxy,
    path: Arc<str>,
}

impl Endpoint {
    pub(super) fn new(
        auth: AuthLayer,
        proxy: Proxy,
        rules: Rules,
        identity: IdentityHeaders,
        path: &str,
    ) -> Self {
        let passes_preflights = auth.passes_preflights();
        let knows_tenants = auth.knows_tenants();
        let answer = Answer(Arc::new(Answers { rules, identity, passes_preflights, knows_tenants }));
        let service = auth.layer(answer);
        Self { auth, service, proxy, path: path.into() }
    }

    /// Makes the original request of one to the endpoint.
    fn original(&self, request: Request<Body>) -> Result<Request<Body>, SetupError> {
        let (mut parts, _) = request.into_parts();
        // Proxies ask by plain HTTP.
        match client_ip::peer(&parts.extensions, false) {
            peer if self.auth.proxies().is_trusted(peer) => {}
            Some(peer) => {
                return Err(SetupError::new(
                    StatusCode::FORBIDDEN,
                    format!("{peer} is no trusted proxy (`AuthLayer::trusted_proxies`)"),
                ));
            }
            None => {
                return Err(SetupError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the peer is unknown: serve with `into_make_service_with_connect_info::<SocketAddr>()`, or, on a Unix \
                     socket, trust it (`TrustedProxies::with_unix_socket`)",
                ));
            }
        }
        let (method, uri) = self.proxy.original(&parts, &self.path)?;
        hop::restore(&mut parts, self.proxy, method, uri);
        // What there is no body for. Without a type, a rejection is no gRPC answer either, whose status would be 200.
        for name in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        // What the router and the layers in front of the endpoint have said is about the endpoint.
        parts.extensions.remove::<OriginalUri>();
        parts.extensions.remove::<MatchedPath>();
        parts.extensions.remove::<NestedPath>();
        auth_state::clear(&mut parts.extensions);
        let mut original = Request::from_parts(parts, Body::empty());
        if let Some(sources) = self.auth.sources() {
            self.proxy.take_credentials(sources, &mut original);
        }
        Ok(original)
    }
}

impl Service<Request<Body>> for Endpoint {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let proxy = self.proxy;
        match self.original(request) {
            Ok(original) => {
                let answer = self.service.call(original);
                Box::pin(async move { answer.await.map(|response| finish(response, proxy)) })
            }
            Err(error) => Box::pin(ready(Ok(finish(error.respond(), proxy)))),
        }
    }
}

/// Marks the answers that let a request pass.
#[derive(Clone)]
struct Allowed;

/// Makes sure that the proxy understands an answer as it is meant.
fn finish(mut response: Response<Body>, proxy: Proxy) -> Response<Body> {
    let is_allowed = response.extensions_mut().remove::<Allowed>().is_some();
    if !is_allowed && response.status().is_success() {
        tracing::error!(
            status = response.status().as_u16(),
            "forward auth: a rejection has a status of success (`AuthLayer::error_responder`), with which the proxy would let \
             the request pass: answered 403"
        );
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    if proxy.passes_on_401_and_403_only() && !is_allowed {
        let status = response.status();
        response.headers_mut().insert(X_AUTH_STATUS, HeaderValue::from(status.as_u16()));
        if status != StatusCode::UNAUTHORIZED {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
    }
    response
}

/// Answers the requests that the layer lets through.
#[derive(Clone)]
struct Answer(Arc<Answers>);

struct Answers {
    rules: Rules,
    identity: IdentityHeaders,
    passes_preflights: bool,
    knows_tenants: bool,
}

impl Answers {
    async fn answer(&self, mut parts: Parts) -> Result<Response<Body>, AuthError> {
        let is_preflight = self.passes_preflights && is_preflight(&parts.method, &parts.headers);
        self.rules.check(&parts.method, &parts.uri, &parts.headers, &parts.extensions, is_preflight)?;
        let caller = auth_state::optional(&parts.extensions)?;
        let service = caller.err().and_then(Unauthenticated::service).cloned();
        let user = caller.ok().cloned();
        let tenant = match user {
            Some(_) if self.knows_tenants => {
                // The user in the answer is the caller, and so is the tenant's.
                parts.headers.remove(X_ACT_AS_USER_ID);
                tenant::optional(&mut parts).await?
            }
            _ => None,
        };
        let tenant = self.knows_tenants.then_some(tenant.as_ref());
        let mut response = Response::new(Body::empty());
        let identified = Identified { user: user.as_ref(), service: service.as_ref(), tenant };
        self.identity.write(identified, response.headers_mut())?;
        response.extensions_mut().insert(Allowed);
        Ok(response)
    }
}

impl Service<Request<Body>> for Answer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answers, (parts, _)) = (self.0.clone(), request.into_parts());
        Box::pin(async move { Ok(answers.answer(parts).await.unwrap_or_else(IntoResponse::into_response)) })
    }
}
