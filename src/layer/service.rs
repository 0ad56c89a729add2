use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::ResponseBody;
use super::decide::{Decision, Rules};
use super::future::ResponseFuture;

/// The middleware that [`AuthLayer`](super::AuthLayer) puts around a service.
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> AuthService<S> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self { inner, rules }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for AuthService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: Body,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match self.rules.decide(&mut request) {
            Decision::Pass(context, recording) => {
                let recorded = recording.map(|recording| (recording, self.rules.time_bodies));
                ResponseFuture::inner(&mut self.inner, request, Some(context), recorded)
            }
            Decision::Refuse(error, recording) => {
                ResponseFuture::refused(self.rules.refuse(&error, recording))
            }
            Decision::Ask(asking, recording) => {
                // The clone may not be ready, so it stays and the one that was polled ready goes along.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::asking(self.rules.clone(), asking, recording, ready, request)
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for AuthService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}
