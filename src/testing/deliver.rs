//! Deliver a response on the connection: whole, slowly, in part, with padding, or not at all.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};

use super::response::{Delivery, Disconnect};

pub(super) type Body = UnsyncBoxBody<Bytes, Disconnect>;

const PADDING: usize = 40 * 1024 * 1024;
static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

pub(super) async fn deliver(delivery: Delivery) -> Result<Response<Body>, Disconnect> {
    match delivery {
        Delivery::Whole(response) => Ok(response.map(whole)),
        Delivery::Slow(response, interval) => {
            Ok(with_content_length(response).map(|body| slow(body, interval)))
        }
        Delivery::Partial(response, disconnect) => {
            Ok(with_content_length(response).map(|body| partial(body, disconnect)))
        }
        Delivery::Huge(response) => Ok(response.map(|body| huge(&body))),
        Delivery::Disconnected(disconnect) => Err(disconnect),
        Delivery::Never => std::future::pending().await,
    }
}

/// Sets `Content-Length`, which hyper cannot derive from a stream.
fn with_content_length(mut response: Response<Bytes>) -> Response<Bytes> {
    let length = response.body().len().into();
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync()
}

fn streamed(chunks: impl Stream<Item = Result<Bytes, Disconnect>> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

fn slow(body: Bytes, interval: Duration) -> Body {
    streamed(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(interval).await;
        Some((Ok(rest.split_to(1)), rest))
    }))
}

fn partial(mut body: Bytes, disconnect: Disconnect) -> Body {
    body.truncate(body.len() / 2);
    let failure = async move {
        // hyper writes what it has buffered before it polls again.
        tokio::task::yield_now().await;
        Err(disconnect)
    };
    streamed(stream::iter([Ok(body)]).chain(stream::once(failure)))
}

/// Inserts padding as the first member of a JSON object: a client that reads to the end finds a valid response.
fn huge(body: &Bytes) -> Body {
    let head = Bytes::from_static(b"{\"padding\":\"");
    let tail = [b"\",", body.get(1..).unwrap_or_default()].concat();
    let padding = stream::repeat(Bytes::from_static(&CHUNK)).take(PADDING / CHUNK.len());
    streamed(stream::iter([head]).chain(padding).chain(stream::iter([tail.into()])).map(Ok))
}
