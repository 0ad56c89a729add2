use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::recording::Recording;
use crate::context::{Entered, RequestContext};

pin_project! {
    /// The body of an answer: the inner service's, polled in the request's context, or a refusal's.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    #[derive(Debug)]
    enum Kind<B> {
        Inner { #[pin] body: B, context: Option<RequestContext>, recording: Option<Recording> },
        Refusal { text: Option<Bytes> },
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn inner(body: B, context: Option<RequestContext>, recording: Option<Recording>) -> Self {
        Self { kind: Kind::Inner { body, context, recording } }
    }

    pub(super) fn refusal(text: Bytes) -> Self {
        Self { kind: Kind::Refusal { text: Some(text).filter(|text| !text.is_empty()) } }
    }
}

/// Ends the recording with the body. Who sees the end coming does not poll for it.
fn record<E>(
    polled: &Poll<Option<Result<Frame<Bytes>, E>>>,
    is_end: bool,
    recording: &mut Option<Recording>,
) {
    match polled {
        Poll::Ready(Some(Err(_))) => {
            if let Some(recording) = recording.take() {
                recording.end_with("the answer broke off");
            }
        }
        Poll::Ready(None) => recording.take().into_iter().for_each(Recording::end),
        Poll::Ready(Some(Ok(frame))) => {
            let sent = frame.data_ref().map_or(0, Bytes::len);
            let is_last = recording.as_mut().is_some_and(|recording| recording.sent(sent));
            // After trailers nothing comes, so servers do not ask.
            if is_end || is_last || frame.is_trailers() {
                recording.take().into_iter().for_each(Recording::end);
            }
        }
        Poll::Pending => {}
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Inner { mut body, context, recording } => {
                let polled = {
                    let _entered = Entered::new(context);
                    body.as_mut().poll_frame(cx)
                };
                if recording.is_some() {
                    record(&polled, body.is_end_stream(), recording);
                }
                polled
            }
            KindProj::Refusal { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body, .. } => body.is_end_stream(),
            Kind::Refusal { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body, .. } => body.size_hint(),
            Kind::Refusal { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}
