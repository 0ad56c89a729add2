use bytes::Bytes;
use http::HeaderValue;

/// Records of one credential that are sent in one call. Its content does not change between attempts.
#[derive(Clone)]
pub(super) struct Batch {
    /// By which the auth center detects a repeated batch.
    pub(super) idempotency_key: String,
    /// Ascending in order of age.
    pub(super) number: u64,
    pub(super) authorization: HeaderValue,
    /// `{"stats": […]}`
    pub(super) body: Bytes,
    pub(super) records: u64,
    pub(super) attempts: u32,
    /// Whether the batch is on disk as well.
    pub(super) spooled: bool,
}

impl Batch {
    pub(super) fn credential(&self) -> &str {
        let value = self.authorization.to_str().unwrap_or_default();
        value.strip_prefix("Bearer ").unwrap_or(value)
    }
}
