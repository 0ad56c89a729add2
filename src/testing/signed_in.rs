use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::request::auth_state;
use crate::request::context::{BoxError, Entered, InContext, RequestContext, Settings, body_in_context};
use crate::request::impersonation::ActAsPolicy;
use crate::types::user::UserInfo;
use crate::util::boxed::BoxFuture;

/// Authenticates every request as this user, in place of [`AuthLayer`](crate::AuthLayer): for tests of handlers. An admin acts
/// as a user of any id.
///
/// ```
/// use aigc_auth::{CurrentUser, testing};
/// use axum::{Router, routing::get};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let app: Router = Router::new()
///     .route("/me", get(|user: CurrentUser| async move { user.username().to_owned() }))
///     .layer(testing::signed_in(testing::user("alice")));
/// let request = http::Request::get("/me").body(axum::body::Body::empty()).unwrap();
/// assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
/// # }
/// ```
pub fn signed_in(user: impl Into<UserInfo>) -> SignedInLayer {
    SignedInLayer { user: user.into() }
}

/// The layer that [`signed_in`] returns.
#[derive(Clone, Debug)]
#[must_use]
pub struct SignedInLayer {
    user: UserInfo,
}

/// The middleware of [`SignedInLayer`].
#[derive(Clone, Debug)]
pub struct SignedIn<S> {
    inner: S,
    user: UserInfo,
}

impl<S> Layer<S> for SignedInLayer {
    type Service = SignedIn<S>;

    fn layer(&self, inner: S) -> SignedIn<S> {
        SignedIn { inner, user: self.user.clone() }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SignedIn<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    S::Future: Send + 'static,
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
        let (mut parts, body) = request.into_parts();
        // There is no verifier, and so no directory.
        let act_as = ActAsPolicy::new().insecure_any_target();
        let settings = Arc::new(Settings { act_as, ..Settings::default() });
        let context = RequestContext::with_settings(&parts, Some(self.user.clone()), &settings);
        auth_state::set(&mut parts.extensions, Ok(self.user.clone()));
        let future = {
            let mut context = Some(context.clone());
            let _entered = Entered::new(&mut context);
            self.inner.call(Request::from_parts(parts, body))
        };
        let of_body = context.clone();
        let response = async move {
            future.await.map(|response| response.map(|body| body_in_context(body, Some(of_body))))
        };
        Box::pin(response.in_context(context))
    }
}
