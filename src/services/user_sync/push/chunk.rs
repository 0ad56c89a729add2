use serde_json::Value;

use super::failure::PushFailure;
use crate::verifiers::client::SyncUser;

/// The most users of one call.
pub(super) const CHUNK_SIZE: usize = 100;

/// Users to be sent in one call, and the failures of those that cannot be mapped.
pub(super) struct Chunk {
    pub(super) users: Vec<SyncUser>,
    pub(super) failures: Vec<PushFailure>,
    /// How many users were left out, since they were removed.
    pub(super) removed: u64,
    /// The cursor of its last user.
    pub(super) cursor: Value,
}

/// The result of a chunk.
pub(super) struct ChunkOutcome {
    /// The cursor of its last user.
    pub(super) cursor: Value,
    pub(super) total: u64,
    pub(super) created: u64,
    pub(super) skipped: u64,
    pub(super) removed: u64,
    pub(super) failures: Vec<PushFailure>,
}

impl Chunk {
    pub(super) fn new() -> Self {
        Self { users: Vec::with_capacity(CHUNK_SIZE), failures: Vec::new(), removed: 0, cursor: Value::Null }
    }

    pub(super) fn len(&self) -> usize {
        self.users.len() + self.failures.len() + self.removed as usize
    }

    /// The outcome of a dry run: as if all users had been sent and created.
    pub(super) fn into_dry_run(self) -> ChunkOutcome {
        let created = self.users.len() as u64;
        self.into_outcome(created, 0, Vec::new())
    }

    /// The outcome of a delivery, with the failures of both mapping and delivery.
    pub(super) fn into_outcome(
        mut self,
        created: u64,
        skipped: u64,
        failures: Vec<PushFailure>,
    ) -> ChunkOutcome {
        let total = self.len() as u64;
        self.failures.extend(failures);
        let Self { cursor, failures, removed, .. } = self;
        ChunkOutcome { cursor, total, created, skipped, removed, failures }
    }
}
