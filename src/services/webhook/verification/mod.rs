//! Verify the signatures of a request: `X-Webhook-Signature`, or those of Standard Webhooks.

mod claims;
mod headers;
#[cfg(test)]
mod tests;
mod timestamp;
mod verified;

pub(super) use claims::SignatureClaims;
pub(super) use headers::{
    WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, X_WEBHOOK_EVENT, X_WEBHOOK_SIGNATURE,
};
pub(super) use verified::VerifiedDelivery;
