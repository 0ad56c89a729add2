use bytes::Bytes;
use http::HeaderValue;

use super::lane::Lane;
use crate::types::user::UserInfo;

/// Records of one credential that are sent in one call. Its content does not change between attempts.
#[derive(Clone)]
pub(super) struct Batch {
    /// By which the auth center detects a repeated batch.
    pub(super) idempotency_key: String,
    pub(super) lane: Lane,
    pub(super) position: Position,
    pub(super) authorization: HeaderValue,
    /// Whose credential it is, if known. For people: the auth center asks the credential.
    #[cfg_attr(not(feature = "spool"), allow(dead_code))]
    pub(super) user: Option<UserInfo>,
    /// `{"stats": […]}`
    pub(super) body: Bytes,
    pub(super) records: u64,
    pub(super) attempts: u32,
    /// Whether the batch is on disk as well.
    pub(super) spooled: bool,
}

/// The place of a batch in order of age. No two batches in memory have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// Ascending.
    pub(super) number: u64,
    /// Which part of that batch it is, after it was too large for one call: 1 for all of it, 2n and 2n + 1 for the halves
    /// of the part n.
    pub(super) part: u64,
}

impl Position {
    pub(super) fn whole(number: u64) -> Self {
        Self { number, part: 1 }
    }
}

impl Batch {
    pub(super) fn credential(&self) -> &str {
        let value = self.authorization.to_str().unwrap_or_default();
        value.strip_prefix("Bearer ").unwrap_or(value)
    }

    /// Returns how many bytes of memory its content takes.
    pub(super) fn bytes(&self) -> usize {
        self.authorization.len() + self.body.len()
    }
}
