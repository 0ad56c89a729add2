use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::rejection::WebhookRejection;

/// The size limit, in bytes. Events are much smaller.
const MAX_SIZE: usize = 256 * 1024;
/// The timeout for the whole body, since the caller is not authenticated yet.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the raw bytes that were signed.
pub(super) async fn read(body: Body) -> Result<Bytes, WebhookRejection> {
    let too_large = || WebhookRejection::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is over 256 KiB");
    // Known from `Content-Length`, without reading.
    if body.size_hint().lower() > MAX_SIZE as u64 {
        return Err(too_large());
    }
    let read = Limited::new(body, MAX_SIZE).collect();
    match tokio::time::timeout(TIMEOUT, read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(WebhookRejection::bad_request("The body is incomplete")),
        Err(_) => {
            Err(WebhookRejection::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive within 10 s"))
        }
    }
}
