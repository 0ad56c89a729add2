//! A gRPC service within the layer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::layer::services::{name, request, seen, serve_with_hyper};
use crate::support::{self, center};

/// As tonic's: boxed, not `Sync`, with an error of its own.
type GrpcBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// A message, and then the status in the trailers.
struct Message(Option<String>, Option<HeaderMap>);

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let message = self.0.take().map(|text| Frame::data(Bytes::from(text)));
        Poll::Ready(message.or_else(|| self.1.take().map(Frame::trailers)).map(Ok))
    }
}

fn grpc()
-> impl Service<Request<GrpcBody>, Response = Response<GrpcBody>, Error = Infallible, Future: Send> + Clone {
    service_fn(|request: Request<GrpcBody>| async move {
        let sent = request.into_body().collect().await.unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let message = Message(Some(format!("{} sent {:?}", name(), sent.to_bytes())), Some(trailers));
        Ok::<_, Infallible>(Response::new(message.boxed_unsync()))
    })
}

fn grpc_body(text: &'static str) -> GrpcBody {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

#[tokio::test]
async fn grpc_trailers_pass_through() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let center = center().await;
    let service = support::auth(&center).layer(grpc());
    for _ in ["cold", "warm"] {
        let answer =
            sendable(service.clone().oneshot(request("alice-token", grpc_body("hi")))).await.unwrap();
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(body.to_bytes(), "alice sent b\"hi\"");
    }
    let refused = service.oneshot(request("unknown", grpc_body("hi"))).await.unwrap();
    assert_eq!(refused.status(), 401);
    let announced = http_body::Body::size_hint(refused.body()).exact();
    let body = refused.into_body().collect().await.unwrap();
    assert!(body.trailers().is_none());
    assert_eq!(announced, Some(body.to_bytes().len() as u64));
}

#[tokio::test]
async fn trailers_arrive_over_the_wire() {
    let center = center().await;
    let boxed =
        |request: Request<Incoming>| request.map(|body| body.map_err(std::io::Error::other).boxed_unsync());
    let with_names = |mut response: Response<GrpcBody>| {
        response.headers_mut().insert("trailer", HeaderValue::from_static("grpc-status"));
        response
    };
    let service = grpc().map_request(boxed).map_response(with_names);
    let address = serve_with_hyper(support::auth(&center).layer(service)).await;
    let headers = [("authorization", "Bearer alice-token"), ("te", "trailers")];
    let answer = support::get(address, "/me", &headers).await;
    assert_eq!(seen(&answer), (200, "alice sent b\"\""));
    assert_eq!(answer.trailers["grpc-status"], "0");
}
