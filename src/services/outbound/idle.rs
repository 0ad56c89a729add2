//! End an answer that pauses for too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use reqwest::{Response, ResponseBuilderExt};
use tokio::time::{Sleep, sleep};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the response with a body that fails once it pauses for longer than this.
pub(super) fn with_idle_timeout(response: Response, idle: Duration) -> Response {
    // The conversion below loses the URL, which is an extension in the other direction.
    let Ok(url) = http::Response::builder().url(response.url().clone()).body(()) else { return response };
    let (mut parts, body) = http::Response::from(response).into_parts();
    parts.extensions.extend(url.into_parts().0.extensions);
    let body = reqwest::Body::wrap(IdleBody { body, idle, pause: None });
    http::Response::from_parts(parts, body).into()
}

pin_project! {
    struct IdleBody<B> {
        #[pin]
        body: B,
        idle: Duration,
        // Runs while the next part is waited for, and not while the caller is busy with the last one.
        #[pin]
        pause: Option<Sleep>,
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for IdleBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            this.pause.set(None);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if this.pause.is_none() {
            this.pause.set(Some(sleep(*this.idle)));
        }
        if let Some(pause) = this.pause.as_pin_mut() {
            ready!(pause.poll(cx));
        }
        let message = format!("the answer paused for longer than {:?} (idle timeout)", this.idle);
        // An `io::Error`, by which `reqwest::Error::is_timeout` knows it.
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, message).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
