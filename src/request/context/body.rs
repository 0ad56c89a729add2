use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use super::current::Entered;
use super::request_context::RequestContext;

/// An error as boxed by `axum::body::Body`.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Turns a response body into axum's, polled in the request's context.
///
/// A body whose whole length is known beforehand is in memory already, so that nothing runs while it is sent: it is passed
/// on without a wrapper, which costs an allocation.
pub(crate) fn body_in_context<B>(body: B, context: Option<RequestContext>) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    match context.filter(|_| is_stream(&body)) {
        Some(context) => Body::new(BodyInContext::new(body, context)),
        None => Body::new(body),
    }
}

/// Whether code may run while a body is sent.
pub(crate) fn is_stream(body: &impl HttpBody) -> bool {
    // Most bodies have a length, and only the others are asked the second question.
    body.size_hint().exact().is_none() && !body.is_end_stream()
}

pin_project! {
    /// A body that is polled in the request's context.
    pub(crate) struct BodyInContext<B> {
        #[pin]
        body: B,
        context: Option<RequestContext>,
    }
}

impl<B> BodyInContext<B> {
    pub(crate) fn new(body: B, context: RequestContext) -> Self {
        Self { body, context: Some(context) }
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for BodyInContext<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let _entered = Entered::new(this.context);
        this.body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
