use std::time::Duration;

use super::mapping::FieldMapping;
use super::password::{PasswordPolicy, Way};
use crate::config::Env;
use crate::error::BuildError;

/// Which ways users go. What is off does nothing, and says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The legacy system follows the auth center. The default.
    #[default]
    AuthToLegacy,
    /// The auth center is given the legacy system's users, and nothing comes back.
    LegacyToAuth,
    /// Both.
    Bidirectional,
    /// Neither.
    Off,
}

impl Direction {
    pub(super) fn allows(self, way: Way) -> bool {
        match self {
            Self::Bidirectional => true,
            Self::AuthToLegacy => way == Way::ToLegacy,
            Self::LegacyToAuth => way == Way::ToAuth,
            Self::Off => false,
        }
    }
}

/// How the legacy system's users and the auth center's belong together.
///
/// ```
/// use aigc_auth::sync::{Direction, FieldMapping, PasswordPolicy, SyncConfig};
///
/// let config = SyncConfig::new()
///     .direction(Direction::Bidirectional)
///     .mappings([
///         FieldMapping::new("username", "login").required(),
///         FieldMapping::new("email", "mail"),
///     ])
///     .passwords(PasswordPolicy::unified("to be changed at the first log-in"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SyncConfig {
    pub(super) direction: Direction,
    pub(super) unique_field: String,
    pub(super) mappings: Vec<FieldMapping>,
    pub(super) passwords: Option<PasswordPolicy>,
    pub(super) update_on_login: bool,
    pub(super) await_login: bool,
    pub(super) max_logins: usize,
    pub(super) timeout: Duration,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            unique_field: "username".to_owned(),
            mappings: FieldMapping::defaults(),
            passwords: None,
            update_on_login: false,
            await_login: false,
            max_logins: 1_000,
            timeout: Duration::from_secs(10),
        }
    }
}

impl SyncConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `AIGC_AUTH_SYNC_ENABLED` (`false` turns everything off; the default is `true`) and `AIGC_AUTH_SYNC_PASSWORD`
    /// (the same first password for everybody) from the environment, or else from the `.env` file of the working
    /// directory.
    ///
    /// # Errors
    /// If `AIGC_AUTH_SYNC_ENABLED` is neither `true` nor `false` (nor `1`, `0`, `yes`, `no`, `on`, `off`), or `.env`
    /// cannot be read.
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let mut config = Self::new();
        if !is_on(env.get("AIGC_AUTH_SYNC_ENABLED"))? {
            config.direction = Direction::Off;
        }
        if let Some(password) = env.get("AIGC_AUTH_SYNC_PASSWORD") {
            config.passwords = Some(PasswordPolicy::unified(password));
        }
        Ok(config)
    }

    /// Sets which ways users go. Defaults to [`Direction::AuthToLegacy`].
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// Sets the field, by the auth center's name for it, that users are told apart by. Defaults to `username`. A mapping
    /// has to name it.
    pub fn unique_field(mut self, auth_field: impl Into<String>) -> Self {
        self.unique_field = auth_field.into();
        self
    }

    /// Sets which fields go over, and how. Defaults to [`FieldMapping::defaults`].
    pub fn mappings(mut self, mappings: impl IntoIterator<Item = FieldMapping>) -> Self {
        self.mappings = mappings.into_iter().collect();
        self
    }

    /// Sets which password new users get. Defaults to none, and then no users are created on either side.
    pub fn passwords(mut self, policy: PasswordPolicy) -> Self {
        self.passwords = Some(policy);
        self
    }

    /// Brings rows that exist up to date at log-ins, too. Defaults to creating those that are missing, and leaving changes
    /// to the auth center's events, as the reference client does.
    pub fn update_on_login(mut self) -> Self {
        self.update_on_login = true;
        self
    }

    /// Lets the request of a log-in wait until the row is there. Defaults to doing it off the request's path, so that a
    /// handler may run before.
    pub fn await_login(mut self) -> Self {
        self.await_login = true;
        self
    }

    /// Sets how many log-ins may wait to be worked off. Defaults to 1,000; more are dropped with a warning, and come again
    /// at the user's next verification.
    pub fn max_logins(mut self, users: usize) -> Self {
        self.max_logins = users.max(1);
        self
    }

    /// Sets how long the legacy system may take for one user. Defaults to 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The legacy system's columns that the mappings name.
    pub fn legacy_fields(&self) -> impl Iterator<Item = &str> {
        self.mappings.iter().map(FieldMapping::legacy_field)
    }
}

fn is_on(value: Option<&str>) -> Result<bool, BuildError> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true" | "1" | "yes" | "on") => Ok(true),
        Some("false" | "0" | "no" | "off") => Ok(false),
        Some(other) => {
            let what = format!("AIGC_AUTH_SYNC_ENABLED is `{other}`, and must be `true` or `false`");
            Err(BuildError::new(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches() {
        for (value, on) in [
            (None, Some(true)),
            (Some("TRUE"), Some(true)),
            (Some("1"), Some(true)),
            (Some("False"), Some(false)),
            (Some("off"), Some(false)),
            (Some("maybe"), None),
        ] {
            assert_eq!(is_on(value).ok(), on, "{value:?}");
        }
    }

    #[test]
    fn directions() {
        for (direction, to_legacy, to_auth) in [
            (Direction::default(), true, false),
            (Direction::AuthToLegacy, true, false),
            (Direction::LegacyToAuth, false, true),
            (Direction::Bidirectional, true, true),
            (Direction::Off, false, false),
        ] {
            assert_eq!(
                (direction.allows(Way::ToLegacy), direction.allows(Way::ToAuth)),
                (to_legacy, to_auth)
            );
        }
    }
}
