use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::body::ResponseBody;
use super::future::ResponseFuture;
use crate::context;
use crate::error::AuthError;
use crate::identity;
use crate::user::UserInfo;

/// Guards routes by codes known only at run time, below an [`AuthLayer`](super::AuthLayer).
///
/// Refuses with 403, and where no layer looked with 500. For codes known at compile time,
/// `from_extractor::<RequirePermission<P>>()` does the same.
///
/// ```
/// use aigc_auth::GuardLayer;
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
    /// Lets users through whom this function accepts.
    pub fn new(check: impl Fn(&UserInfo) -> Result<(), AuthError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(check))
    }

    /// Lets users with this permission through.
    pub fn permission(code: impl Into<String>) -> Self {
        let code = code.into();
        Self::new(move |user| user.require(&code))
    }

    /// Lets users with at least one of these permissions through; of none: nobody.
    pub fn any_permission<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        let codes: Vec<String> = codes.into_iter().map(Into::into).collect();
        let needed = format!("({})", codes.join(" or "));
        Self::demand(needed, move |user| user.has_any_permission(&codes))
    }

    /// Lets users with all of these permissions through; of none: everybody.
    pub fn all_permissions<C: Into<String>>(codes: impl IntoIterator<Item = C>) -> Self {
        let codes: Vec<String> = codes.into_iter().map(Into::into).collect();
        let needed = format!("({})", codes.join(" and "));
        Self::demand(needed, move |user| user.has_all_permissions(&codes))
    }

    /// Lets users with this role through.
    pub fn role(code: impl Into<String>) -> Self {
        let code = code.into();
        Self::demand(format!("role {code}"), move |user| user.has_role(&code))
    }

    /// Lets admins through.
    pub fn admin() -> Self {
        Self::demand("the admin flag".to_owned(), |user| user.is_admin)
    }

    fn demand(needed: String, granted: impl Fn(&UserInfo) -> bool + Send + Sync + 'static) -> Self {
        Self::new(
            move |user| {
                if granted(user) { Ok(()) } else { Err(AuthError::missing_permission(needed.clone())) }
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
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match identity::required(request.extensions()).and_then(|user| (self.check)(user)) {
            Ok(()) => ResponseFuture::inner(&mut self.inner, request, None, None),
            Err(error) => ResponseFuture::refused(context::responder().unwrap_or_default().respond(&error)),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for GuardService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
