use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::direction::Direction;
use crate::types::error::BuildError;
use crate::types::secret::{Secret, check_ends};

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
/// // The auth center takes over the bcrypt hashes of the rows. Users from the auth center log in there, and get a hash that
/// // no password matches.
/// let policy = PasswordPolicy::locked().push_hash("hashed_password");
///
/// // The same by hand, with a first password for users from the auth center.
/// let policy = PasswordPolicy::mapped(|user, direction| match direction {
///     Direction::ToLegacy => Some(Secret::from(format!("welcome {}", user.get("username")?))),
///     Direction::ToAuth => None,
/// })
/// .push_hash("hashed_password");
/// ```
#[derive(Clone)]
pub struct PasswordPolicy {
    policy: Policy,
    /// The column whose hashes a push sends.
    pushed: Option<String>,
}

#[derive(Clone)]
enum Policy {
    Locked,
    Unified(Secret),
    Mapped(Arc<Derive>),
    MappedHash(Arc<Derive>),
}

type Derive = dyn Fn(&Map<String, Value>, Direction) -> Option<Secret> + Send + Sync;

impl PasswordPolicy {
    /// Gives each new user a random password that nobody knows, hashed as the store hashes: they cannot log in by a password
    /// before it is reset. Unlike `!` and the like in place of a hash, which some applications answer with an error, this is
    /// a hash to all of them.
    pub fn locked() -> Self {
        Policy::Locked.into()
    }

    /// Gives all new users the same first password. [`UserSync::new`](super::UserSync::new) fails if it has white space at an
    /// end.
    pub fn unified(password: impl Into<Secret>) -> Self {
        Policy::Unified(password.into()).into()
    }

    /// Derives the password from the user's unmapped fields: those of the row for [`Direction::ToAuth`], those of the auth
    /// center for [`Direction::ToLegacy`]. Users for whom it returns `None` or an empty password are not created.
    pub fn mapped(
        map: impl Fn(&Map<String, Value>, Direction) -> Option<Secret> + Send + Sync + 'static,
    ) -> Self {
        Policy::Mapped(Arc::new(map)).into()
    }

    /// Derives a hash, like [`mapped`](Self::mapped), which the other side stores as it is. The auth center verifies bcrypt
    /// only: users with another hash fail, and are not pushed.
    pub fn mapped_hash(
        map: impl Fn(&Map<String, Value>, Direction) -> Option<Secret> + Send + Sync + 'static,
    ) -> Self {
        Policy::MappedHash(Arc::new(map)).into()
    }

    /// Pushes the hash in this column of the row, which must be bcrypt, in place of a password. Rows without one fail, and so
    /// do those whose hash is of another format: the auth center could not verify it.
    pub fn push_hash(mut self, column: impl Into<String>) -> Self {
        self.pushed = Some(column.into());
        self
    }

    /// # Errors
    /// If the password of all new users has white space at an end, which nobody would type.
    pub(super) fn check(&self) -> Result<(), BuildError> {
        match &self.policy {
            Policy::Unified(password) => check_ends(password.expose(), "password of new users"),
            _ => Ok(()),
        }
    }

    pub(super) fn choose(&self, user: &Map<String, Value>, direction: Direction) -> Option<NewPassword> {
        let pushed = self.pushed.as_ref().filter(|_| direction == Direction::ToAuth);
        let password = match (pushed, &self.policy) {
            (Some(column), _) => NewPassword::Hashed(user.get(column)?.as_str()?.into()),
            (None, Policy::Locked) => NewPassword::Plain(random_password()?),
            (None, Policy::Unified(password)) => NewPassword::Plain(password.clone()),
            (None, Policy::Mapped(map)) => NewPassword::Plain(map(user, direction)?),
            (None, Policy::MappedHash(map)) => NewPassword::Hashed(map(user, direction)?),
        };
        let (NewPassword::Plain(text) | NewPassword::Hashed(text)) = &password;
        // Anybody could log in with an empty password.
        (!text.expose().is_empty()).then_some(password)
    }
}

/// 256 bits, as 64 hexadecimal digits: bcrypt reads 72 bytes. `None` if the system has no random bits.
fn random_password() -> Option<Secret> {
    let mut bits = [0; 32];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bits).ok()?;
    Some(bits.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

impl From<Policy> for PasswordPolicy {
    fn from(policy: Policy) -> Self {
        Self { policy, pushed: None }
    }
}

impl fmt::Debug for PasswordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.policy {
            Policy::Locked => "Locked",
            Policy::Unified(_) => "Unified([redacted])",
            Policy::Mapped(_) => "Mapped",
            Policy::MappedHash(_) => "MappedHash",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(password: Option<NewPassword>) -> String {
        match password {
            Some(NewPassword::Plain(secret)) => format!("plain {}", secret.expose()),
            Some(NewPassword::Hashed(secret)) => format!("hash {}", secret.expose()),
            None => "none".to_owned(),
        }
    }

    #[test]
    fn policy_chooses_by_direction() {
        let Value::Object(row) = json!({"username": "a", "hash": "$2b$", "empty": "", "none": null}) else {
            panic!()
        };
        let mapped = PasswordPolicy::mapped(|user, _| Some(user.get("username")?.as_str()?.into()));
        for (policy, to_legacy, to_auth) in [
            (PasswordPolicy::unified("first"), "plain first", "plain first"),
            (PasswordPolicy::unified("first").push_hash("hash"), "plain first", "hash $2b$"),
            (mapped.clone(), "plain a", "plain a"),
            (mapped.clone().push_hash("empty"), "plain a", "none"),
            (mapped.clone().push_hash("none"), "plain a", "none"),
            (mapped.push_hash("missing"), "plain a", "none"),
        ] {
            let chosen = [Direction::ToLegacy, Direction::ToAuth].map(|way| text(policy.choose(&row, way)));
            assert_eq!(chosen, [to_legacy, to_auth], "{policy:?}");
        }
    }

    #[test]
    fn password_of_all_new_users_has_no_white_space_at_an_end() {
        assert!(PasswordPolicy::unified("first password").check().is_ok());
        for password in ["hunter2\n", " hunter2"] {
            let error = PasswordPolicy::unified(password).check().unwrap_err().to_string();
            assert!(error.contains("the password of new users starts or ends with white space"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn locked_users_have_passwords_of_their_own() {
        let policy = PasswordPolicy::locked();
        let [one, two] = [(); 2].map(|()| text(policy.choose(&Map::new(), Direction::ToLegacy)));
        assert!(one.starts_with("plain ") && one.len() == 70 && one != two);
    }
}
