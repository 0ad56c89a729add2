use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use super::decision::{AuthConfig, Decision};
use super::future::{ResponseFuture, State, Waiting};
use crate::request::context::BoxError;

/// The middleware that [`AuthLayer`](crate::AuthLayer) puts around a service.
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    config: Arc<AuthConfig>,
}

impl<S> AuthService<S> {
    pub(super) fn new(inner: S, config: Arc<AuthConfig>) -> Self {
        Self { inner, config }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for AuthService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    // Inlined, the future would be copied once more where axum boxes it.
    #[inline(never)]
    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match self.config.decide(&mut request) {
            Decision::Pass(context, recording, head) => {
                let at_end = self.config.at_end(&request, recording, head);
                ResponseFuture { state: State::call(&mut self.inner, request, Some(context), at_end) }
            }
            Decision::Reject(error, recording, grpc) => {
                ResponseFuture::rejected(self.config.reject(&error, &request, recording, grpc))
            }
            Decision::Verify(verifying, recording, head) => {
                // The clone may not be ready: it stays, and the service that was polled ready is called.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let waiting = Waiting { ready, request, recording, head };
                ResponseFuture::verifying(self.config.clone(), verifying, waiting)
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
