//! Capture request bodies for usage records while the handler reads them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use tower_layer::Layer;
use tower_service::Service;

use crate::ports::usage::ApiRecord;

/// Captures request bodies as handlers read them, up to 10 KiB each, for the records of
/// [`AuthLayer::with_stats`](crate::AuthLayer::with_stats). Without this layer no body is recorded.
///
/// Add it outside the `AuthLayer`, which records the captured body. JSON, forms and text are captured, and fields whose
/// name indicates a secret are masked. Longer bodies, and those that no handler reads, are left out.
///
/// ```
/// use aigc_auth::AuthLayer;
/// use aigc_auth::layer::CaptureBodyLayer;
/// use axum::Router;
///
/// fn app(routes: Router, auth: AuthLayer) -> Router {
///     routes.layer(auth).layer(CaptureBodyLayer::new())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct CaptureBodyLayer(());

impl CaptureBodyLayer {
    /// Captures bodies of up to 10 KiB.
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for CaptureBodyLayer {
    type Service = CaptureBody<S>;

    fn layer(&self, inner: S) -> CaptureBody<S> {
        CaptureBody { inner }
    }
}

/// The middleware of [`CaptureBodyLayer`].
#[derive(Clone, Debug)]
pub struct CaptureBody<S> {
    inner: S,
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for CaptureBody<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        let kind = request.headers().get(CONTENT_TYPE).and_then(Kind::of);
        if kind.is_some() && !request.body().is_end_stream() {
            let captured = CapturedBody::default();
            request.extensions_mut().insert(captured.clone());
            request = request.map(|body| Body::new(Tee { body, captured }));
        }
        self.inner.call(request)
    }
}

/// The part of a body that has been read so far.
#[derive(Clone, Debug, Default)]
pub(super) struct CapturedBody(Arc<Mutex<Captured>>);

#[derive(Debug, Default)]
struct Captured {
    bytes: Vec<u8>,
    /// The end was reached.
    complete: bool,
    /// The body is too long, or failed.
    discarded: bool,
}

impl Captured {
    fn discard(&mut self) {
        self.discarded = true;
        self.bytes = Vec::new();
    }
}

/// How a body is parsed.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Form,
    Text,
}

impl CapturedBody {
    const MAX_LEN: usize = 10 * 1024;

    fn push(&self, data: &Bytes) {
        let mut captured = self.lock();
        if captured.discarded || captured.bytes.len() + data.len() > Self::MAX_LEN {
            captured.discard();
        } else {
            captured.bytes.extend_from_slice(data);
        }
    }

    fn discard(&self) {
        self.lock().discard();
    }

    fn complete(&self) {
        self.lock().complete = true;
    }

    /// Returns how many bytes were captured so far.
    pub(super) fn len(&self) -> usize {
        self.lock().bytes.len()
    }

    /// Adds the body to a record, if all of it was read.
    pub(super) fn add_to(&self, record: ApiRecord, content_type: Option<&HeaderValue>) -> ApiRecord {
        let captured = self.lock();
        let Some(kind) = content_type.and_then(Kind::of).filter(|_| captured.complete && !captured.discarded)
        else {
            return record;
        };
        match kind {
            Kind::Form => record.form(&captured.bytes),
            Kind::Json => match serde_json::from_slice(&captured.bytes) {
                Ok(json) => record.request_body(json),
                Err(_) => record,
            },
            Kind::Text => record.request_text(&String::from_utf8_lossy(&captured.bytes)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Captured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    fn of(content_type: &HeaderValue) -> Option<Self> {
        let essence = content_type.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            json if json == "application/json" || json.ends_with("+json") => Some(Self::Json),
            text if text.starts_with("text/") => Some(Self::Text),
            _ => None,
        }
    }
}

/// A body that is copied as it is read.
struct Tee {
    body: Body,
    captured: CapturedBody,
}

impl http_body::Body for Tee {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.captured.push(data);
                }
                // A reader that knows the end in advance does not poll for it.
                if self.body.is_end_stream() {
                    self.captured.complete();
                }
            }
            Poll::Ready(None) => self.captured.complete(),
            // A reader that polls again after an error gets `None`, as if the body were complete.
            Poll::Ready(Some(Err(_))) => self.captured.discard(),
            Poll::Pending => {}
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
