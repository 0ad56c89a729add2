use std::time::Duration;

use crate::types::labels::labels;

/// A webhook request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// What became of it.
    pub outcome: WebhookOutcome,
    /// The name of the event, such as `user.updated`; `None` where the signature was not valid, or the body not readable.
    pub event: Option<String>,
    /// The status of the answer. Of a refusal it tells the reason: 401 for the signature, 400 for a body that is no event, 408 for
    /// one that took too long, 413 for one that is too large, 503 at capacity and while other replicas cannot be told.
    pub status: u16,
    /// How long it took, its handler included.
    pub took: Duration,
}

labels! {
    /// What became of a webhook request.
    pub enum WebhookOutcome {
        /// Its handler ran, here or for another delivery of the same at the same time.
        Accepted = "accepted",
        /// It had been handled before.
        Replayed = "replayed",
        /// Another process is handling it.
        Busy = "busy",
        /// Its handler failed.
        Failed = "failed",
        /// It was refused before its handler.
        Refused = "refused",
    }
}
