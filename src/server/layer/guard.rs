use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::future::{ResponseFuture, State};
use crate::request::auth_state;
use crate::request::context::{self, BoxError};
use crate::request::refusals::{Grpc, Head};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;

/// Requires permissions, roles or groups that are known only at run time, below an [`AuthLayer`](crate::AuthLayer).
///
/// Rejects with 403, and without an `AuthLayer` with 500. For codes that are known at compile time,
/// `from_extractor::<RequirePermission<P>>()` does the same.
///
/// ```
/// use aigc_auth::layer::GuardLayer;
/// use axum::{Router, routing::get};
///
/// let code = std::env::var("EXPORT_PERMISSION").unwrap_or("report:export".into());
/// let exports: Router = Router::new()
///     .route("/export", get(|| async { "…" }))
///     .route_layer(GuardLayer::permission(code));
/// ```
#[derive(Clone)]
#[must_use]
pub struct GuardLayer(Arc<Check>);

type Check = dyn Fn(&UserInfo) -> Result<(), AuthError> + Send + Sync;

impl GuardLayer {
    /// Allows users that this function accepts.
    pub fn new(check: impl Fn(&UserInfo) -> Result<(), AuthError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Allows users with this permission.
    pub fn permission(code: impl Into<String>) -> Self {
        let code = code.into();
        Self::new(move |user| user.require(&code))
    }

    /// Allows users with at least one of these permissions. An empty list allows no user.
    pub fn any_permission<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        let codes: Vec<String> = codes.into_iter().map(Into::into).collect();
        let needed = format!("({})", codes.join(" or "));
        Self::require(needed, move |user| user.has_any_permission(&codes))
    }

    /// Allows users with all of these permissions. An empty list allows every user.
    pub fn all_permissions<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        let codes: Vec<String> = codes.into_iter().map(Into::into).collect();
        let needed = format!("({})", codes.join(" and "));
        Self::require(needed, move |user| user.has_all_permissions(&codes))
    }

    /// Allows users with this role.
    pub fn role(code: impl Into<String>) -> Self {
        let code = code.into();
        Self::require(format!("role {code}"), move |user| user.has_role(&code))
    }

    /// Allows users in the group of this code.
    pub fn group(code: impl Into<String>) -> Self {
        let code = code.into();
        Self::require(format!("group {code}"), move |user| user.has_group(&code))
    }

    /// Allows users in at least one of these groups. An empty list allows no user.
    pub fn any_group<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        let codes: Vec<String> = codes.into_iter().map(Into::into).collect();
        let needed = format!("group ({})", codes.join(" or "));
        Self::require(needed, move |user| user.has_any_group(&codes))
    }

    /// Allows users in all of these groups. An empty list allows every user.
    pub fn all_groups<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        let codes: Vec<String> = codes.into_iter().map(Into::into).collect();
        let needed = format!("group ({})", codes.join(" and "));
        Self::require(needed, move |user| user.has_all_groups(&codes))
    }

    /// Allows admins.
    pub fn admin() -> Self {
        Self::require("the admin flag".to_owned(), |user| user.is_admin())
    }

    fn require(needed: String, is_granted: impl Fn(&UserInfo) -> bool + Send + Sync + 'static) -> Self {
        Self::new(
            move |user| {
                if is_granted(user) { Ok(()) } else { Err(AuthError::missing_permission(needed.clone())) }
            },
        )
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { inner, check: self.0.clone() }
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer").finish_non_exhaustive()
    }
}

/// The middleware that [`GuardLayer`] puts around a service.
#[derive(Clone)]
pub struct GuardService<S> {
    inner: S,
    check: Arc<Check>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for GuardService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match auth_state::required(request.extensions()).and_then(|user| (self.check)(user)) {
            Ok(()) => ResponseFuture { state: State::call(&mut self.inner, request, None, None) },
            Err(error) => {
                let request = (Head::of(&request), Grpc::of_request(&request));
                ResponseFuture::rejected(context::refuse(&error, Some(request)))
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for GuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
