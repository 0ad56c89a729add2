use std::time::Duration;

use super::direction::SyncMode;
use super::field_mapping::FieldMapping;
use super::password::PasswordPolicy;
use crate::types::error::BuildError;
use crate::util::env::Env;

/// Configures a [`UserSync`](super::UserSync): which users are synchronized, and how their fields are mapped.
///
/// ```
/// use aigc_auth::user_sync::{FieldMapping, PasswordPolicy, SyncConfig, SyncMode};
///
/// let config = SyncConfig::new()
///     .mode(SyncMode::Bidirectional)
///     .mappings([
///         FieldMapping::new("username", "login").required(),
///         FieldMapping::new("email", "mail"),
///     ])
///     .password_policy(PasswordPolicy::unified("to be changed at the first login"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SyncConfig {
    pub(super) mode: SyncMode,
    pub(super) unique_field: String,
    pub(super) mappings: Vec<FieldMapping>,
    pub(super) password_policy: Option<PasswordPolicy>,
    pub(super) update_on_login: bool,
    pub(super) await_login: bool,
    pub(super) max_logins: usize,
    pub(super) timeout: Duration,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            mode: SyncMode::default(),
            unique_field: "username".to_owned(),
            mappings: FieldMapping::defaults(),
            password_policy: None,
            update_on_login: false,
            await_login: false,
            max_logins: 1_000,
            timeout: Duration::from_secs(10),
        }
    }
}

impl SyncConfig {
    /// Creates a configuration with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `AIGC_AUTH_SYNC_ENABLED` (`false` sets [`SyncMode::Off`]; the default is `true`) and `AIGC_AUTH_SYNC_PASSWORD`
    /// (for [`PasswordPolicy::unified`]) from the environment, or else from the `.env` file of the working directory.
    ///
    /// # Errors
    /// If `AIGC_AUTH_SYNC_ENABLED` is neither `true` nor `false` (nor `1`, `0`, `yes`, `no`, `on`, `off`), or `.env`
    /// cannot be read.
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let mut config = Self::new();
        if !is_enabled(env.get("AIGC_AUTH_SYNC_ENABLED"))? {
            config.mode = SyncMode::Off;
        }
        if let Some(password) = env.get("AIGC_AUTH_SYNC_PASSWORD") {
            config.password_policy = Some(PasswordPolicy::unified(password));
        }
        Ok(config)
    }

    /// Sets the directions that are enabled. Defaults to [`SyncMode::AuthToLegacy`].
    pub fn mode(mut self, mode: SyncMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the field, by its name at the auth center, that identifies a user on both sides. No two users may have the same
    /// value. Defaults to `username`. A mapping must name it.
    pub fn unique_field(mut self, auth_field: impl Into<String>) -> Self {
        self.unique_field = auth_field.into();
        self
    }

    /// Sets the fields that are synchronized, and how they are mapped. Defaults to [`FieldMapping::defaults`].
    pub fn mappings(mut self, mappings: impl IntoIterator<Item = FieldMapping>) -> Self {
        self.mappings = mappings.into_iter().collect();
        self
    }

    /// Sets how the passwords of new users are chosen. Defaults to none, and then no users are created on either side.
    pub fn password_policy(mut self, policy: PasswordPolicy) -> Self {
        self.password_policy = Some(policy);
        self
    }

    /// Updates existing rows at logins. Defaults to creating missing rows only, as the reference client does: existing ones
    /// follow the auth center's events.
    pub fn update_on_login(mut self) -> Self {
        self.update_on_login = true;
        self
    }

    /// Delays the request of a login until the row has been created. Defaults to creating it in the background, so that the
    /// handler may run before.
    pub fn await_login(mut self) -> Self {
        self.await_login = true;
        self
    }

    /// Sets how many logins may be in flight or queued. Defaults to 1,000. Further ones are dropped with a warning, until
    /// the user's next verification.
    pub fn max_logins(mut self, users: usize) -> Self {
        self.max_logins = users.max(1);
        self
    }

    /// Sets the timeout of each call of the store for one user. Defaults to 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the columns that the mappings name.
    pub fn legacy_fields(&self) -> impl Iterator<Item = &str> {
        self.mappings.iter().map(FieldMapping::legacy_field)
    }
}

fn is_enabled(value: Option<&str>) -> Result<bool, BuildError> {
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
    fn enabled_is_parsed_in_any_case_and_defaults_to_true() {
        for (value, enabled) in [
            (None, Some(true)),
            (Some("TRUE"), Some(true)),
            (Some("1"), Some(true)),
            (Some("False"), Some(false)),
            (Some("off"), Some(false)),
            (Some("maybe"), None),
        ] {
            assert_eq!(is_enabled(value).ok(), enabled, "{value:?}");
        }
    }
}
