use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::direction::Direction;
use crate::types::secret::Secret;

/// The password of a new user. Its `Debug` is redacted.
#[derive(Clone, Debug)]
pub enum NewPassword {
    /// The password itself, to be hashed before it is stored.
    Plain(Secret),
    /// A hash, to be stored as it is. The auth center accepts bcrypt.
    Hashed(Secret),
}

/// Chooses the passwords of users who are created. There is no default: without a policy, no user is created.
///
/// The passwords of existing users are never changed.
///
/// ```
/// use aigc_auth::Secret;
/// use aigc_auth::user_sync::{Direction, PasswordPolicy};
///
/// // Both systems use bcrypt: the auth center takes over the hash of the row. Users from the auth center log in there,
/// // and get a hash that matches no password.
/// let policy = PasswordPolicy::mapped_hash(|user, direction| match direction {
///     Direction::ToAuth => Some(user.get("hashed_password")?.as_str()?.into()),
///     Direction::ToLegacy => Some(Secret::from("!")),
/// });
/// ```
#[derive(Clone)]
pub struct PasswordPolicy(Policy);

#[derive(Clone)]
enum Policy {
    Unified(Secret),
    Mapped(Arc<Derive>),
    MappedHash(Arc<Derive>),
}

type Derive = dyn Fn(&Map<String, Value>, Direction) -> Option<Secret> + Send + Sync;

impl PasswordPolicy {
    /// Gives all new users the same first password.
    pub fn unified(password: impl Into<Secret>) -> Self {
        Self(Policy::Unified(password.into()))
    }

    /// Derives the password from the user's unmapped fields: those of the row for [`Direction::ToAuth`], those of the auth
    /// center for [`Direction::ToLegacy`]. Users for whom it returns `None` or an empty password are not created.
    pub fn mapped(
        map: impl Fn(&Map<String, Value>, Direction) -> Option<Secret> + Send + Sync + 'static,
    ) -> Self {
        Self(Policy::Mapped(Arc::new(map)))
    }

    /// Derives a hash, like [`mapped`](Self::mapped), which the other side stores as it is.
    pub fn mapped_hash(
        map: impl Fn(&Map<String, Value>, Direction) -> Option<Secret> + Send + Sync + 'static,
    ) -> Self {
        Self(Policy::MappedHash(Arc::new(map)))
    }

    pub(super) fn choose(&self, user: &Map<String, Value>, direction: Direction) -> Option<NewPassword> {
        let password = match &self.0 {
            Policy::Unified(password) => NewPassword::Plain(password.clone()),
            Policy::Mapped(map) => NewPassword::Plain(map(user, direction)?),
            Policy::MappedHash(map) => NewPassword::Hashed(map(user, direction)?),
        };
        let (NewPassword::Plain(text) | NewPassword::Hashed(text)) = &password;
        // Anybody could log in with an empty password.
        (!text.expose().is_empty()).then_some(password)
    }
}

impl fmt::Debug for PasswordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Policy::Unified(_) => "Unified([redacted])",
            Policy::Mapped(_) => "Mapped",
            Policy::MappedHash(_) => "MappedHash",
        })
    }
}
