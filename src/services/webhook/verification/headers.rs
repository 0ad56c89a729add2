use http::HeaderMap;

use crate::services::webhook::rejection::WebhookRejection;

pub(crate) const X_WEBHOOK_SIGNATURE: &str = "x-webhook-signature";
pub(crate) const X_WEBHOOK_EVENT: &str = "x-webhook-event";
// The headers of Standard Webhooks 1.0.0.
pub(crate) const WEBHOOK_ID: &str = "webhook-id";
pub(crate) const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
pub(crate) const WEBHOOK_SIGNATURE: &str = "webhook-signature";

/// Returns the value of a header that must not be repeated: of two values, it would be ambiguous which one counts.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, WebhookRejection> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(WebhookRejection::unauthorized("A signature header is repeated or not ASCII")),
    }
}
