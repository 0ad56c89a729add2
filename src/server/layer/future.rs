use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::at_end::AtEnd;
use super::body::response_body;
use super::decision::{AuthConfig, Decision, Verifying};
use super::usage::Recording;
use crate::request::context::{BoxError, Entered, RequestContext};
use crate::request::refusals::RequestHead;

pin_project! {
    /// The response future of [`AuthService`](super::AuthService) and [`GuardService`](super::GuardService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        pub(super) state: State<S, B, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    pub(super) enum State<S, B, F> {
        Rejected { response: Option<Response<Body>> },
        Verifying { config: Arc<AuthConfig>, verifying: Verifying, waiting: Option<Box<Waiting<S, B>>> },
        Inner { #[pin] future: F, context: Option<RequestContext>, at_end: Option<AtEnd> },
    }
}

/// What waits for the verification. Boxed, so that the future of requests with a cached credential stays small.
pub(super) struct Waiting<S, B> {
    pub(super) ready: S,
    pub(super) request: Request<B>,
    pub(super) recording: Option<Recording>,
    pub(super) head: Option<Arc<RequestHead>>,
}

/// Finishes a recording while a panic unwinds. A layer that catches the panic drops this future later, when
/// `thread::panicking` is false again. To be passed to `mem::forget` after a poll.
struct FinishOnPanic<'a, T>(&'a mut Option<T>);

impl<T> Drop for FinishOnPanic<'_, T> {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn rejected(response: Response<Body>) -> Self {
        Self { state: State::Rejected { response: Some(response) } }
    }

    pub(super) fn verifying(config: Arc<AuthConfig>, verifying: Verifying, waiting: Waiting<S, B>) -> Self {
        Self { state: State::Verifying { config, verifying, waiting: Some(Box::new(waiting)) } }
    }
}

impl<S, B> State<S, B, S::Future>
where
    S: Service<Request<B>>,
{
    /// Calls the service in the context: it may run code before it returns a future.
    #[inline(never)]
    pub(super) fn call(
        service: &mut S,
        request: Request<B>,
        mut context: Option<RequestContext>,
        at_end: Option<AtEnd>,
    ) -> Self {
        let future = {
            let _entered = Entered::new(&mut context);
            service.call(request)
        };
        Self::Inner { future, context, at_end }
    }
}

/// Polls the inner service's future in its context. A function of its own, which returns the response to where it is used.
fn poll_inner<F: Future>(
    future: Pin<&mut F>,
    context: &mut Option<RequestContext>,
    at_end: &mut Option<AtEnd>,
    cx: &mut Context<'_>,
) -> Poll<F::Output> {
    let recording = FinishOnPanic(at_end);
    let _entered = Entered::new(context);
    let polled = future.poll(cx);
    mem::forget(recording);
    polled
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    ResBody: HttpBody<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    type Output = Result<Response<Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future, context, at_end } => {
                    let mut polled = poll_inner(future, context, at_end, cx);
                    let recording = match &mut polled {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok(response)) => {
                            at_end.take().and_then(|at_end| at_end.respond(response))
                        }
                        Poll::Ready(Err(_)) => {
                            at_end.take().into_iter().for_each(AtEnd::fail);
                            None
                        }
                    };
                    let context = context.take();
                    return polled
                        .map_ok(|response| response.map(|body| response_body(body, context, recording)));
                }
                StateProj::Rejected { response } => {
                    let response = response.take().expect("polled after completion");
                    return Poll::Ready(Ok(response));
                }
                StateProj::Verifying { config, verifying, waiting } => {
                    let recording =
                        waiting.as_deref_mut().map(|waiting| FinishOnPanic(&mut waiting.recording));
                    let polled = verifying.as_mut().poll(cx);
                    mem::forget(recording);
                    let verified = ready!(polled);
                    let Waiting { mut ready, mut request, recording, head } =
                        *waiting.take().expect("polled after completion");
                    match config.settle(&mut request, verified, recording, head) {
                        Decision::Pass(context, recording, head) => {
                            let at_end = config.at_end(&request, recording, head);
                            State::call(&mut ready, request, Some(context), at_end)
                        }
                        Decision::Reject(error, recording, grpc) => State::Rejected {
                            response: Some(config.reject(&error, &request, recording, grpc)),
                        },
                        Decision::Verify(..) => unreachable!("settle never verifies again"),
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
            State::Rejected { .. } => "rejected",
            State::Verifying { .. } => "verifying",
            State::Inner { .. } => "inner",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
