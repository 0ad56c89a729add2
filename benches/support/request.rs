//! The request that all are measured by, and how it is sent to a service in the process.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response};
use tower::Service;

/// A browser's headers, with a bearer token.
pub(crate) fn headers(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (HOST, HeaderValue::from_static("127.0.0.1:3000")),
        (
            USER_AGENT,
            HeaderValue::from_static("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"),
        ),
        (ACCEPT, HeaderValue::from_static("application/json")),
        (ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br")),
        (CONNECTION, HeaderValue::from_static("keep-alive")),
    ]);
    if let Some(token) = token {
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).expect("a header"));
    }
    // A server's values share the buffer that they were read into, and so do these after a clone.
    headers
}

/// The output of a future that waits for nothing.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a warm request waits for nothing"),
    }
}

/// Sends `GET /me` with these headers each time, and wants this status.
pub(crate) fn sends<S, A, B>(mut service: S, headers: HeaderMap, status: u16) -> impl FnMut() + use<S, A, B>
where
    S: Service<Request<A>, Response = Response<B>, Error = Infallible>,
    A: Default,
{
    move || {
        let mut request = Request::new(A::default());
        *request.uri_mut() = http::Uri::from_static("/me");
        *request.headers_mut() = headers.clone();
        let response = ready(service.call(black_box(request))).unwrap_or_else(|never| match never {});
        assert_eq!(response.status(), status);
        black_box(response);
    }
}
