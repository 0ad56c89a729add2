//! From what is to be answered to bytes on the connection.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::Value;

use crate::envelope::Envelope;

pub(super) type Body = UnsyncBoxBody<Bytes, Cut>;

const HUGE: usize = 40 * 1024 * 1024;
static CHUNK: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// Ends a connection in the middle of things, as the error of a service or of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// By a TCP RST.
    Reset,
    /// As if all had been said.
    Close,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// An answer in the protocol's envelope.
pub(super) struct Reply {
    status: StatusCode,
    envelope: Envelope<Value>,
}

impl Reply {
    pub(super) fn success(data: Value) -> Self {
        Self { status: StatusCode::OK, envelope: Envelope::success(data) }
    }

    pub(super) fn failure(status: StatusCode, code: i64, message: impl Into<String>) -> Self {
        Self { status, envelope: Envelope::failure(code, message) }
    }

    pub(super) fn map_data(mut self, change: impl FnOnce(Value) -> Value) -> Self {
        self.envelope.data = self.envelope.data.map(change);
        self
    }
}

/// An answer, and how it is brought.
pub(super) enum Answer {
    Whole(Response<Bytes>),
    Slow(Response<Bytes>, Duration),
    Half(Response<Bytes>, Cut),
    Huge(Response<Bytes>),
    Nothing(Cut),
    Silence,
}

impl From<Reply> for Response<Bytes> {
    fn from(reply: Reply) -> Self {
        // A `Value` has nothing that JSON cannot say.
        let body = serde_json::to_vec(&reply.envelope).unwrap_or_default();
        page(reply.status, "application/json", body)
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Whole(reply.into())
    }
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

impl Answer {
    pub(super) fn page(content_type: &'static str, body: &'static str) -> Self {
        Self::Whole(page(StatusCode::OK, content_type, body))
    }

    pub(super) fn bare(status: StatusCode, headers: HeaderMap) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Self::Whole(response)
    }

    pub(super) async fn deliver(self) -> Result<Response<Body>, Cut> {
        match self {
            Self::Whole(response) => Ok(response.map(whole)),
            Self::Slow(response, interval) => Ok(announced(response).map(|body| slow(body, interval))),
            Self::Half(response, cut) => Ok(announced(response).map(|body| half(body, cut))),
            Self::Huge(response) => Ok(response.map(|body| huge(&body))),
            Self::Nothing(cut) => Err(cut),
            Self::Silence => std::future::pending().await,
        }
    }
}

/// Announces the length, which hyper cannot know of a stream.
fn announced(mut response: Response<Bytes>) -> Response<Bytes> {
    let length = response.body().len().into();
    response.headers_mut().insert(CONTENT_LENGTH, length);
    response
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync()
}

fn streamed(chunks: impl Stream<Item = Result<Bytes, Cut>> + Send + 'static) -> Body {
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

fn half(mut body: Bytes, cut: Cut) -> Body {
    body.truncate(body.len() / 2);
    let failure = async move {
        // hyper writes what it has before it comes back for more.
        tokio::task::yield_now().await;
        Err(cut)
    };
    streamed(stream::iter([Ok(body)]).chain(stream::once(failure)))
}

/// Pads a JSON object in front: a client that reads to the end finds nothing wrong.
fn huge(body: &Bytes) -> Body {
    let head = Bytes::from_static(b"{\"padding\":\"");
    let tail = [b"\",", body.get(1..).unwrap_or_default()].concat();
    let padding = stream::repeat(Bytes::from_static(&CHUNK)).take(HUGE / CHUNK.len());
    streamed(stream::iter([head]).chain(padding).chain(stream::iter([tail.into()])).map(Ok))
}
