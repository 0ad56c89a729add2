//! The groups of the app.

use crate::types::user::{UserGroup, UserId};

#[derive(Default)]
pub(super) struct Groups(Vec<UserGroup>);

impl Groups {
    /// Adds a group, or replaces the one of the same code. Without an id, it keeps that of the replaced one, or gets a new
    /// one.
    pub(super) fn put(&mut self, group: UserGroup) {
        let same_code = |known: &UserGroup| known.code().is_some() && known.code() == group.code();
        let at = self.0.iter().position(same_code);
        let replaced = at.map(|at| self.0.remove(at));
        let group = match group.id() {
            Some(_) => group,
            None => {
                let id = replaced.and_then(|replaced| replaced.id().cloned());
                group.with_id(id.unwrap_or_else(|| self.unused_id()))
            }
        };
        self.0.insert(at.unwrap_or(self.0.len()), group);
    }

    /// Returns whether there was one.
    pub(super) fn remove(&mut self, code: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|group| group.code() != Some(code));
        self.0.len() < before
    }

    pub(super) fn all(&self) -> &[UserGroup] {
        &self.0
    }

    fn unused_id(&self) -> UserId {
        let largest = self.0.iter().filter_map(|group| group.id()?.as_i64()).max().unwrap_or(0);
        largest.max(0).saturating_add(1).into()
    }
}
