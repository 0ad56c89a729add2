use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use super::usage::Recording;
use crate::request::context::{Entered, RequestContext};

/// An error as boxed by `axum::body::Body`.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Converts the inner service's body to axum's, which is polled in the request's context and finishes the recording.
///
/// A body of known length is in memory already, and runs no code while it is sent. Unless a recording waits for its end,
/// it is passed on without a wrapper, which would cost an allocation.
pub(super) fn in_context<B>(body: B, context: Option<RequestContext>, recording: Option<Recording>) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let streams = !body.is_end_stream() && body.size_hint().exact().is_none();
    if recording.is_none() && (context.is_none() || !streams) {
        return Body::new(body);
    }
    Body::new(InContext { body, context, recording })
}

pin_project! {
    struct InContext<B> {
        #[pin]
        body: B,
        context: Option<RequestContext>,
        recording: Option<Recording>,
    }
}

/// Finishes the recording with the body. A server that knows the end in advance does not poll for it.
fn record<E>(
    polled: &Poll<Option<Result<Frame<Bytes>, E>>>,
    is_end: bool,
    recording: &mut Option<Recording>,
) {
    match polled {
        Poll::Ready(Some(Err(_))) => {
            if let Some(recording) = recording.take() {
                recording.finish_with_error("response body failed");
            }
        }
        Poll::Ready(None) => recording.take().into_iter().for_each(Recording::finish),
        Poll::Ready(Some(Ok(frame))) => {
            let sent = frame.data_ref().map_or(0, Bytes::len);
            let is_last = recording.as_mut().is_some_and(|recording| recording.add_sent(sent));
            // Nothing follows trailers, so servers do not poll again.
            if is_end || is_last || frame.is_trailers() {
                recording.take().into_iter().for_each(Recording::finish);
            }
        }
        Poll::Pending => {}
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for InContext<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = {
            let _entered = Entered::new(this.context);
            this.body.as_mut().poll_frame(cx)
        };
        if this.recording.is_some() {
            record(&polled, this.body.is_end_stream(), this.recording);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
