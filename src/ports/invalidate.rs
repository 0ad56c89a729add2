//! The port between those who learn that a user has changed and the caches of users.

use std::sync::Arc;

use crate::types::tenant::OrgId;
use crate::types::user::UserId;

/// What to invalidate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invalidation {
    /// One user, under all credentials. Either field may be unknown; a cache matches whichever is there.
    User {
        /// The user's id.
        id: Option<UserId>,
        /// The user's login name.
        username: Option<Box<str>>,
    },
    /// An organisation, for all of its members: cached memberships in it. Users themselves stay cached.
    Org {
        /// The organisation's id.
        id: OrgId,
    },
    /// Every user.
    All,
}

impl Invalidation {
    /// Invalidates the user of this id, this username or both; [`Invalidation::All`] where neither is known, since any
    /// user may have changed.
    ///
    /// ```
    /// use aigc_auth::invalidate::Invalidation;
    ///
    /// assert!(matches!(Invalidation::of(Some(7.into()), None), Invalidation::User { .. }));
    /// assert_eq!(Invalidation::of(None, None), Invalidation::All);
    /// ```
    pub fn of(id: Option<UserId>, username: Option<&str>) -> Self {
        match (id, username) {
            (None, None) => Self::All,
            (id, username) => Self::User { id, username: username.map(Into::into) },
        }
    }
}

/// Invalidates cached users, so that they are fetched anew.
///
/// `AuthClient` and `Cached` implement it. Implement it for a cache of your own, to have webhooks invalidate its entries.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use aigc_auth::UserId;
/// use aigc_auth::invalidate::{Invalidate, Invalidation};
///
/// struct Avatars(Mutex<HashMap<UserId, Vec<u8>>>);
///
/// impl Invalidate for Avatars {
///     fn apply(&self, invalidation: &Invalidation) {
///         let mut avatars = self.0.lock().unwrap();
///         match invalidation {
///             Invalidation::User { id: Some(id), .. } => drop(avatars.remove(id)),
///             _ => avatars.clear(),
///         }
///     }
/// }
/// ```
pub trait Invalidate: Send + Sync + 'static {
    /// Removes what is cached.
    ///
    /// An answer that is still being fetched when this is called must not be cached either.
    fn apply(&self, invalidation: &Invalidation);
}

impl<I: Invalidate> Invalidate for Arc<I> {
    fn apply(&self, invalidation: &Invalidation) {
        (**self).apply(invalidation);
    }
}
