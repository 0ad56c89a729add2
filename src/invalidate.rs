//! The port between those who hear that a user has changed and those who remember users.

use std::sync::Arc;

use crate::user::UserId;

/// Forgets what it remembers of a user, so that he is asked about anew.
///
/// `AuthClient` is one. Implement it for a cache of your own, to have it forget when a webhook says so.
pub trait Invalidate: Send + Sync + 'static {
    /// Forgets a user by his id, his username or both; everybody, if neither is known.
    ///
    /// What is still being fetched when this is called must not be remembered either.
    fn forget(&self, id: Option<&UserId>, username: Option<&str>);
}

impl<I: Invalidate> Invalidate for Arc<I> {
    fn forget(&self, id: Option<&UserId>, username: Option<&str>) {
        (**self).forget(id, username);
    }
}
