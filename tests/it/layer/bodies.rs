//! Bodies of responses, and the context in which they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aigc_auth::context;
use aigc_auth::testing::{self};
use aigc_auth::usage::{Record, Served};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};

use crate::layer::services::{name, request};
use crate::support::{self, center, get_as, serve};

/// Says the username of the context each time it is polled for more.
struct NameStream(usize);

impl http_body::Body for NameStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0 += 1;
        match self.0 {
            // Odd times: later, so that other requests get between.
            n if n % 2 == 1 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            n if n > 6 => Poll::Ready(None),
            _ => Poll::Ready(Some(Ok(Frame::data(Bytes::from(format!("{} ", name())))))),
        }
    }
}

#[tokio::test]
async fn streamed_body_keeps_request_context() {
    let center = center().await;
    let app = Router::new()
        .route("/stream", get(|| async { Body::new(NameStream(0)) }))
        .layer(support::auth(&center).allow_anonymous());
    let app = serve(app).await;
    let (alice, bob, anonymous) = tokio::join!(
        get_as(app.address, "alice-token", "/stream"),
        get_as(app.address, "bob-token", "/stream"),
        support::get(app.address, "/stream", &[]),
    );
    assert_eq!(alice.body, "alice alice alice ");
    assert_eq!(bob.body, "bob bob bob ");
    assert_eq!(anonymous.body, "nobody nobody nobody ");
    assert!(context::current().is_none());
}

/// A body of a known length: what it would read of the context is read too late.
struct NameOnce(bool);

impl http_body::Body for NameOnce {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = std::mem::take(&mut self.0).then(|| Frame::data(Bytes::from(name())));
        Poll::Ready(frame.map(Ok))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(6)
    }
}

/// The documented limit of the context: such a body is sent as it is, which saves an allocation for every other response.
#[tokio::test]
async fn body_of_known_length_is_sent_outside_the_context() {
    let center = center().await;
    let auth = support::auth(&center);
    // A recording that waits for the end of the body changes nothing.
    for auth in [auth.clone(), auth.with_stats(Discard).time_bodies()] {
        let app = Router::new().route("/", get(|| async { Body::new(NameOnce(true)) })).layer(auth);
        assert_eq!(get_as(serve(app).await.address, "alice-token", "/").await.body, "nobody");
    }
}

/// A recorder that keeps nothing.
struct Discard;

impl Record for Discard {
    fn record(&self, _: Box<dyn Served>) {}
}

#[tokio::test]
async fn signed_in_call_and_stream_have_the_context() {
    let named = service_fn(|_: Request<()>| {
        // Before there is a future.
        let name = name();
        async move { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(name)))) }
    });
    let signed_in = testing::signed_in(testing::user("alice"));
    let answer = signed_in.layer(named).oneshot(Request::new(())).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "alice");

    let app = Router::new().route("/", get(|| async { Body::new(NameStream(0)) })).layer(signed_in);
    let answer = support::get(serve(app).await.address, "/", &[]).await;
    assert_eq!(answer.body, "alice alice alice ");
}

#[tokio::test]
async fn body_size_hint_passes_through() {
    let center = center().await;
    let text = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("four"))))
    });
    let answer = support::auth(&center).layer(text).oneshot(request("alice-token", ())).await.unwrap();
    assert_eq!(http_body::Body::size_hint(answer.body()).exact(), Some(4));
    assert!(!http_body::Body::is_end_stream(answer.body()));
}
