use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::body::response_body;
use crate::request::context::{self, BoxError};
use crate::request::refusals::{Grpc, Head};
use crate::request::tenant;
use crate::types::error::AuthError;
use crate::types::tenant::check::{check_org, check_team};
use crate::types::tenant::{OrgAction, TeamAction, Tenant};
use crate::util::boxed::BoxFuture;

/// Requires a tenant, and what its roles have to hold, for a router below an [`AuthLayer`](crate::AuthLayer) with
/// [`tenants`](crate::AuthLayer::tenants).
///
/// Rejects as the extractors do: see [`CurrentTenant`](crate::tenant::CurrentTenant). Handlers below get the same tenant, by
/// the same look-up.
///
/// ```
/// use aigc_auth::layer::TenantGuardLayer;
/// use aigc_auth::org_actions;
/// use axum::{Router, routing::get};
///
/// org_actions! {
///     pub enum OrgRole { Owner = "owner", BillingManager = "billing_manager" }
///     pub ManageBilling = "MANAGE_BILLING": Owner, BillingManager;
/// }
///
/// let billing: Router = Router::new()
///     .route("/invoices", get(|| async { "…" }))
///     .route_layer(TenantGuardLayer::org::<ManageBilling>());
/// ```
#[derive(Clone)]
#[must_use]
pub struct TenantGuardLayer(Arc<Check>);

type Check = dyn Fn(&Tenant) -> Result<(), AuthError> + Send + Sync;

impl TenantGuardLayer {
    /// Allows tenants that this function accepts, such as by a role that is known only at run time.
    pub fn new(check: impl Fn(&Tenant) -> Result<(), AuthError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Allows users whose roles in the organisation hold this action.
    pub fn org<A: OrgAction>() -> Self {
        Self::new(check_org::<A>)
    }

    /// Allows users whose roles in the team hold this action. Without a team: 400.
    pub fn team<A: TeamAction>() -> Self {
        Self::new(check_team::<A>)
    }
}

impl<S> Layer<S> for TenantGuardLayer {
    type Service = TenantGuardService<S>;

    fn layer(&self, inner: S) -> TenantGuardService<S> {
        TenantGuardService { inner, check: self.0.clone() }
    }
}

impl fmt::Debug for TenantGuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantGuardLayer").finish_non_exhaustive()
    }
}

/// The middleware that [`TenantGuardLayer`] puts around a service.
#[derive(Clone)]
pub struct TenantGuardService<S> {
    inner: S,
    check: Arc<Check>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TenantGuardService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The clone may not be ready: it stays, and the service that was polled ready is called.
        let clone = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, clone);
        let check = self.check.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let checked = tenant::required(&mut parts).await.and_then(|tenant| check(&tenant));
            let request = Request::from_parts(parts, body);
            match checked {
                Ok(()) => {
                    let response = ready.call(request).await?;
                    Ok(response.map(|inner| response_body(inner, None, None)))
                }
                Err(error) => {
                    let request = (Head::of(&request), Grpc::of_request(&request));
                    Ok(context::refuse(&error, Some(request)))
                }
            }
        })
    }
}

impl<S: fmt::Debug> fmt::Debug for TenantGuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantGuardService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
