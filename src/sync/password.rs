use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::secret::Secret;

/// Which way a user goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the auth center into the legacy system.
    ToLegacy,
    /// From the legacy system to the auth center.
    ToAuth,
}

/// The password of a new user. Its `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub enum NewPassword {
    /// The password itself, to be hashed by whoever keeps it.
    Plain(Secret),
    /// Its hash, to be kept as it is. The auth center takes bcrypt.
    Hashed(Secret),
}

/// Which password a user gets where he is created. There is no default: without a policy, nobody is created.
///
/// Users who exist keep theirs, whatever happens.
///
/// ```
/// use aigc_auth::Secret;
/// use aigc_auth::sync::{PasswordPolicy, Way};
///
/// // Both systems hash alike: rows bring their hash along. Users from the auth center, who log in there, get a hash that
/// // is no password's.
/// let policy = PasswordPolicy::mapped_hash(|user, way| match way {
///     Way::ToAuth => Some(user.get("hashed_password")?.as_str()?.into()),
///     Way::ToLegacy => Some(Secret::from("!")),
/// });
/// ```
#[derive(Clone)]
pub struct PasswordPolicy(Policy);

#[derive(Clone)]
enum Policy {
    Unified(Secret),
    Mapped(Arc<Choose>),
    MappedHash(Arc<Choose>),
}

type Choose = dyn Fn(&Map<String, Value>, Way) -> Option<Secret> + Send + Sync;

impl PasswordPolicy {
    /// The same first password for everybody.
    pub fn unified(password: impl Into<Secret>) -> Self {
        Self(Policy::Unified(password.into()))
    }

    /// A password made from the user's fields as they come: of the row on the way to the auth center, of the auth center's
    /// user on the way back. `None` for users who get none, and are not created.
    pub fn mapped(map: impl Fn(&Map<String, Value>, Way) -> Option<Secret> + Send + Sync + 'static) -> Self {
        Self(Policy::Mapped(Arc::new(map)))
    }

    /// The same, but what is made is a hash, which the other side keeps as it is.
    pub fn mapped_hash(
        map: impl Fn(&Map<String, Value>, Way) -> Option<Secret> + Send + Sync + 'static,
    ) -> Self {
        Self(Policy::MappedHash(Arc::new(map)))
    }

    pub(super) fn password(&self, user: &Map<String, Value>, way: Way) -> Option<NewPassword> {
        let password = match &self.0 {
            Policy::Unified(password) => NewPassword::Plain(password.clone()),
            Policy::Mapped(map) => NewPassword::Plain(map(user, way)?),
            Policy::MappedHash(map) => NewPassword::Hashed(map(user, way)?),
        };
        let (NewPassword::Plain(text) | NewPassword::Hashed(text)) = &password;
        // An empty one would let everybody in.
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
