use super::chunk::ChunkOutcome;
use super::failure::PushFailure;

/// The totals of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct PushSummary {
    /// How many users were read.
    pub total: u64,
    /// How many users were created at the auth center. In a dry run, how many would have been sent.
    pub created: u64,
    /// How many users existed at the auth center already, and were left unchanged.
    pub skipped: u64,
    /// How many users were left out, since they were removed
    /// ([`LegacyUser::removed_by`](crate::user_sync::LegacyUser::removed_by)).
    #[serde(default)]
    pub removed: u64,
    /// How many users failed, each with a reason of its own.
    pub failed: u64,
    /// The first 1,000 failures. [`PushEvent::Failed`](super::PushEvent::Failed) reports all of them.
    pub failures: Vec<PushFailure>,
}

impl PushSummary {
    const MAX_FAILURES: usize = 1_000;

    /// Adds the users of a chunk.
    pub(super) fn add(&mut self, chunk: &ChunkOutcome) {
        self.total += chunk.total;
        self.created += chunk.created;
        self.skipped += chunk.skipped;
        self.removed += chunk.removed;
        self.failed += chunk.failures.len() as u64;
        let room = Self::MAX_FAILURES.saturating_sub(self.failures.len());
        self.failures.extend(chunk.failures.iter().take(room).cloned());
    }
}
