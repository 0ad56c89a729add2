use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::rejection::WebhookRejection;

/// No event comes near it; what is larger is not read on.
const LARGEST: usize = 256 * 1024;
/// For the whole body: whoever has not proved anything yet may not hold the connection for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// The raw bytes, which is what was signed.
pub(super) async fn read(body: Body) -> Result<Bytes, WebhookRejection> {
    let too_large = || WebhookRejection::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is over 256 KiB");
    // Announced, and not worth waiting for.
    if body.size_hint().lower() > LARGEST as u64 {
        return Err(too_large());
    }
    let read = Limited::new(body, LARGEST).collect();
    match tokio::time::timeout(DEADLINE, read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(WebhookRejection::bad_request("The body broke off")),
        Err(_) => {
            Err(WebhookRejection::new(StatusCode::REQUEST_TIMEOUT, "The body did not come within 10 s"))
        }
    }
}
