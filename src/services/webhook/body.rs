use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::rejection::WebhookRejection;

/// The size limit, in bytes. Events are much smaller.
const MAX_LEN: usize = 256 * 1024;
/// Up to this length a body takes no place. It costs no more than its head, and holding the places must not keep ordinary
/// events out.
const SMALL_LEN: usize = 16 * 1024;
/// How many longer bodies are read at a time.
const PLACES: usize = 64;
/// How long one waits for a place.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// The timeout for the whole body, since the caller is not authenticated yet.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the raw bytes that were signed. Clones share the places.
#[derive(Clone)]
pub(super) struct BodyReader {
    places: Arc<Semaphore>,
}

impl BodyReader {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }

    pub(super) async fn read(&self, body: Body) -> Result<Bytes, WebhookRejection> {
        timeout(TIMEOUT, self.collect(body)).await.unwrap_or_else(|_| {
            Err(WebhookRejection::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive within 10 s"))
        })
    }

    async fn collect(&self, mut body: Body) -> Result<Bytes, WebhookRejection> {
        // A frame shares the buffer of its connection, which is larger: its bytes are copied.
        let mut bytes = Vec::new();
        let mut place = None;
        // Known from `Content-Length`, without reading.
        let mut len = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        loop {
            if len > MAX_LEN {
                return Err(WebhookRejection::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is over 256 KiB"));
            }
            if len > SMALL_LEN && place.is_none() {
                place = Some(self.place().await?);
                // Grown step by step, it would leave garbage of the same size.
                bytes.reserve_exact(MAX_LEN - bytes.len());
            }
            let Some(frame) = body.frame().await else { return Ok(bytes.into()) };
            let frame = frame.map_err(|_| WebhookRejection::bad_request("The body is incomplete"))?;
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
            len = len.max(bytes.len());
        }
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, WebhookRejection> {
        match timeout(MAX_WAIT, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(WebhookRejection::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many large bodies are being read",
            )),
        }
    }
}
