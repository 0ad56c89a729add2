use crate::services::webhook::signature::Tag;

/// A delivery whose signature was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedDelivery {
    /// Identifies the event: the same for each delivery of it.
    pub(crate) key: Tag,
    /// The key that the event would have if it were replayed without the headers of Standard Webhooks.
    pub(crate) body_key: Option<Tag>,
}
