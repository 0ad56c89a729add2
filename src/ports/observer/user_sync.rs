use crate::types::labels::labels;

/// What became of users in the legacy system, or of users that were pushed from there to the auth center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncedUsers {
    /// What became of them.
    pub outcome: UserSyncOutcome,
    /// How many users: 1 unless they were pushed.
    pub users: u64,
}

labels! {
    /// What became of a user in a synchronization.
    pub enum UserSyncOutcome {
        /// Their row was created.
        Created = "created",
        /// Their row was updated.
        Updated = "updated",
        /// Their row, which was there before, was linked.
        Linked = "linked",
        /// Their row, which was removed, was restored.
        Restored = "restored",
        /// Their row was removed.
        Removed = "removed",
        /// Nothing was to be done.
        Unchanged = "unchanged",
        /// It failed.
        Failed = "failed",
        /// The auth center has taken them.
        Pushed = "pushed",
        /// The auth center has not taken them.
        PushFailed = "push_failed",
    }
}
