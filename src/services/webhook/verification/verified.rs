use crate::services::webhook::signature::Tag;

/// A delivery whose signature was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedDelivery {
    /// Whether it has a `webhook-id` that is signed.
    pub(crate) has_id: bool,
    /// Identifies the event: a hash of its `webhook-id`, or else its plain signature under the first secret.
    pub(crate) key: Tag,
    /// The key that the event would have if it were replayed without the headers of Standard Webhooks.
    pub(crate) body_key: Option<Tag>,
}
