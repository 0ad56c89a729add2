use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::ResponseBody;
use super::decide::{Asking, Decision, Rules};
use super::recording::Recording;
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
        Inner { #[pin] future: F, context: Option<RequestContext>, recorded: Option<Recorded> },
    }
}

/// What waits for the verdict. Boxed, so that requests that need not wait carry no room for it.
struct Waiting<S, B> {
    ready: S,
    request: Request<B>,
    recording: Option<Recording>,
}

/// What is recorded, and whether the time of the body is part of it.
type Recorded = (Recording, bool);

/// Ends a recording in the panic itself. Who catches it drops this future later, when nothing tells of it any more.
/// To be forgotten after a poll.
struct EndsInPanic<'a, T>(&'a mut Option<T>);

impl<T> Drop for EndsInPanic<'_, T> {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self { state: State::Refused { response: Some(response) } }
    }

    pub(super) fn inner(
        service: &mut S,
        request: Request<B>,
        context: Option<RequestContext>,
        recorded: Option<Recorded>,
    ) -> Self {
        Self { state: State::call(service, request, context, recorded) }
    }

    pub(super) fn asking(
        rules: Arc<Rules>,
        asking: Asking,
        recording: Option<Recording>,
        ready: S,
        request: Request<B>,
    ) -> Self {
        let waiting = Some(Box::new(Waiting { ready, request, recording }));
        Self { state: State::Asking { rules, asking, waiting } }
    }
}

impl<S, B> State<S, B, S::Future>
where
    S: Service<Request<B>>,
{
    /// Calls the service in the context: it may do its work before it returns a future.
    fn call(
        service: &mut S,
        request: Request<B>,
        mut context: Option<RequestContext>,
        recorded: Option<Recorded>,
    ) -> Self {
        let future = {
            let _entered = Entered::new(&mut context);
            service.call(request)
        };
        Self::Inner { future, context, recorded }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Inner { future, context, recorded } => {
                    let polled = {
                        let recording = EndsInPanic(recorded);
                        let _entered = Entered::new(context);
                        let polled = future.poll(cx);
                        mem::forget(recording);
                        polled
                    };
                    let result = ready!(polled);
                    let (context, recorded) = (context.take(), recorded.take());
                    let response = match (result, recorded) {
                        (Ok(response), recorded) => {
                            let recording = recorded
                                .and_then(|(recording, time_body)| recording.answer(&response, time_body));
                            response.map(|body| ResponseBody::inner(body, context, recording))
                        }
                        (Err(error), recorded) => {
                            if let Some((recording, _)) = recorded {
                                recording.fail();
                            }
                            return Poll::Ready(Err(error));
                        }
                    };
                    return Poll::Ready(Ok(response));
                }
                StateProj::Refused { response } => {
                    let response = response.take().expect("polled after it was ready");
                    return Poll::Ready(Ok(response.map(ResponseBody::refusal)));
                }
                StateProj::Asking { rules, asking, waiting } => {
                    let recording = waiting.as_deref_mut().map(|waiting| EndsInPanic(&mut waiting.recording));
                    let polled = asking.as_mut().poll(cx);
                    mem::forget(recording);
                    let answer = ready!(polled);
                    let Waiting { mut ready, mut request, recording } =
                        *waiting.take().expect("polled after it was ready");
                    match rules.settle(request.extensions_mut(), answer, recording) {
                        Decision::Pass(context, recording) => {
                            let recorded = recording.map(|recording| (recording, rules.time_bodies));
                            State::call(&mut ready, request, Some(context), recorded)
                        }
                        Decision::Refuse(error, recording) => {
                            State::Refused { response: Some(rules.refuse(&error, recording)) }
                        }
                        Decision::Ask(..) => unreachable!("a settled question is not asked again"),
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
