//! Tell an observer what became of users.

use super::engine::{Engine, Outcome};
use super::error::{SyncError, SyncErrorKind};
use crate::ports::observer::{Event, SyncedUsers, UserSyncOutcome};

impl Engine {
    /// Tells what became of one user, and returns it. Not if their direction is switched off.
    pub(super) fn told(&self, outcome: Result<Outcome, SyncError>) -> Result<Outcome, SyncError> {
        let told = match &outcome {
            Ok(Outcome::Created) => UserSyncOutcome::Created,
            Ok(Outcome::Updated) => UserSyncOutcome::Updated,
            Ok(Outcome::Linked) => UserSyncOutcome::Linked,
            Ok(Outcome::Restored) => UserSyncOutcome::Restored,
            Ok(Outcome::Removed) => UserSyncOutcome::Removed,
            Ok(Outcome::Unchanged | Outcome::NotFound | Outcome::Absent | Outcome::Present) => {
                UserSyncOutcome::Unchanged
            }
            Err(error) if error.kind() == SyncErrorKind::Off => return outcome,
            Err(_) => UserSyncOutcome::Failed,
        };
        self.tell(told, 1);
        outcome
    }

    /// Tells what became of users who were pushed.
    pub(super) fn told_push(&self, pushed: u64, unchanged: u64, failed: u64) {
        self.tell(UserSyncOutcome::Pushed, pushed);
        self.tell(UserSyncOutcome::Unchanged, unchanged);
        self.tell(UserSyncOutcome::PushFailed, failed);
    }

    fn tell(&self, outcome: UserSyncOutcome, users: u64) {
        if users > 0 {
            self.client.watch().tell(|| Event::UserSync(SyncedUsers { outcome, users }));
        }
    }
}
