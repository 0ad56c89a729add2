use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

use super::usage::Recording;
use crate::request::context::{BodyInContext, BoxError, RequestContext, body_in_context, is_stream};

/// Converts the inner service's body to axum's, which is polled in the request's context if it streams, and finishes the
/// recording.
pub(super) fn response_body<B>(body: B, context: Option<RequestContext>, recording: Option<Recording>) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if recording.is_none() {
        return body_in_context(body, context);
    }
    // Whether a recording waits for the end does not change which bodies see the context.
    match context.filter(|_| is_stream(&body)) {
        Some(context) => Body::new(RecordedBody { body: BodyInContext::new(body, context), recording }),
        None => Body::new(RecordedBody { body, recording }),
    }
}

pin_project! {
    struct RecordedBody<B> {
        #[pin]
        body: B,
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

impl<B: HttpBody<Data = Bytes>> HttpBody for RecordedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let polled = this.body.as_mut().poll_frame(cx);
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
