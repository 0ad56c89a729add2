use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::ResponseBody;
use super::decide::{Asking, Decision, Rules};
use crate::context::{Entered, RequestContext};

pin_project! {
    /// The response future of [`AuthService`](super::AuthService) and [`GuardService`](super::GuardService).
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F> {
        Refused { response: Option<Response<Bytes>> },
        Asking { rules: Arc<Rules>, asking: Asking, waiting: Option<Box<Waiting<S, B>>> },
        Inner { #[pin] future: F, context: Option<RequestContext> },
    }
}

/// What waits for the verdict. Boxed, so that requests that need not wait carry no room for it.
struct Waiting<S, B> {
    ready: S,
    request: Request<B>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn inner(service: &mut S, request: Request<B>, context: Option<RequestContext>) -> Self {
        Self { state: State::call(service, request, context) }
    }

    pub(super) fn asking(rules: Arc<Rules>, asking: Asking, ready: S, request: Request<B>) -> Self {
        let waiting = Some(Box::new(Waiting { ready, request }));
        Self { state: State::Asking { rules, asking, waiting } }
    }
}

impl<S, B> State<S, B, S::Future>
where
    S: Service<Request<B>>,
{
    /// Calls the service in the context: it may do its work before it returns a future.
    fn call(service: &mut S, request: Request<B>, mut context: Option<RequestContext>) -> Self {
        let future = {
            let _entered = Entered::new(&mut context);
            service.call(request)
        };
        Self::Inner { future, context }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future, context } => {
                    let response = {
                        let _entered = Entered::new(context);
                        ready!(future.poll(cx))?
                    };
                    let context = context.take();
                    return Poll::Ready(Ok(response.map(|body| ResponseBody::inner(body, context))));
                }
                StateProj::Refused { response } => {
                    let response = response.take().expect("polled after it was ready");
                    return Poll::Ready(Ok(response.map(ResponseBody::refusal)));
                }
                StateProj::Asking { rules, asking, waiting } => {
                    let answer = ready!(asking.as_mut().poll(cx));
                    let Waiting { mut ready, mut request } =
                        *waiting.take().expect("polled after it was ready");
                    match rules.settle(request.extensions_mut(), answer) {
                        Decision::Pass(context) => State::call(&mut ready, request, Some(context)),
                        Decision::Refuse(error) => {
                            State::Refused { response: Some(rules.settings.responder.respond(&error)) }
                        }
                        Decision::Ask(_) => unreachable!("a settled question is not asked again"),
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Refused { .. } => "refused",
            State::Asking { .. } => "asking",
            State::Inner { .. } => "inner",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
