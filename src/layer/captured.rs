//! Request bodies, kept for statistics while the handler reads them.

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

use crate::record::ApiRecord;

/// Keeps what handlers read of request bodies, up to 10 KiB each, for the records of
/// [`AuthLayer::with_stats`](crate::AuthLayer::with_stats). Off unless this is added.
///
/// Goes around the `AuthLayer`, which takes over what is kept. JSON, forms and text are kept, fields whose name speaks of
/// a secret are masked, longer bodies are left out, and so is what no handler reads.
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
    /// Keeps up to 10 KiB of each body.
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

/// What has been read of a body so far.
#[derive(Clone, Debug, Default)]
pub(super) struct CapturedBody(Arc<Mutex<Captured>>);

#[derive(Debug, Default)]
struct Captured {
    bytes: Vec<u8>,
    /// The end was reached.
    whole: bool,
    /// It is too long, or broke off.
    left_out: bool,
}

impl Captured {
    fn leave_out(&mut self) {
        self.left_out = true;
        self.bytes = Vec::new();
    }
}

/// How a body is to be read.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Form,
    Text,
}

impl CapturedBody {
    const LONGEST: usize = 10 * 1024;

    fn push(&self, data: &Bytes) {
        let mut captured = self.lock();
        if captured.left_out || captured.bytes.len() + data.len() > Self::LONGEST {
            captured.leave_out();
        } else {
            captured.bytes.extend_from_slice(data);
        }
    }

    fn break_off(&self) {
        self.lock().leave_out();
    }

    fn end(&self) {
        self.lock().whole = true;
    }

    /// Adds the body to a record, if all of it was read.
    pub(super) fn add_to(self, record: ApiRecord, content_type: Option<&HeaderValue>) -> ApiRecord {
        let captured = self.lock();
        let Some(kind) = content_type.and_then(Kind::of).filter(|_| captured.whole && !captured.left_out)
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

/// A body that leaves a copy behind as it is read.
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
                // Who sees the end coming does not ask again.
                if self.body.is_end_stream() {
                    self.captured.end();
                }
            }
            Poll::Ready(None) => self.captured.end(),
            // Whoever reads on is told of an end all the same.
            Poll::Ready(Some(Err(_))) => self.captured.break_off(),
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
