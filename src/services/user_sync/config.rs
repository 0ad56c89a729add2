use std::time::Duration;

use super::direction::{Direction, SyncMode};
use super::field_mapping::FieldMapping;
use super::legacy_field::LegacyField;
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
    pub(super) link_by: Option<String>,
    pub(super) mappings: Vec<FieldMapping>,
    pub(super) password_policy: Option<PasswordPolicy>,
    pub(super) update_on_login: bool,
    pub(super) only_updated_fields: bool,
    pub(super) trust_event_order: bool,
    pub(super) recheck_after: Duration,
    pub(super) await_login: bool,
    pub(super) max_logins: usize,
    pub(super) timeout: Duration,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            mode: SyncMode::default(),
            unique_field: "username".to_owned(),
            link_by: None,
            mappings: FieldMapping::defaults(),
            password_policy: None,
            update_on_login: false,
            only_updated_fields: false,
            trust_event_order: false,
            recheck_after: Duration::from_secs(1),
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
    /// (for [`PasswordPolicy::unified`]; or the file that `AIGC_AUTH_SYNC_PASSWORD_FILE` names) from the environment, or else from
    /// the `.env` file of the working directory.
    ///
    /// # Errors
    /// If `AIGC_AUTH_SYNC_ENABLED` is neither `true` nor `false` (nor `1`, `0`, `yes`, `no`, `on`, `off`), or a file
    /// cannot be read.
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let mut config = Self::new();
        let mut variables = env.reader();
        if variables.check(is_enabled(env.get("AIGC_AUTH_SYNC_ENABLED"))) == Some(false) {
            config.mode = SyncMode::Off;
        }
        if let Some(password) = variables.check(env.secret("AIGC_AUTH_SYNC_PASSWORD")).flatten() {
            config.password_policy = Some(PasswordPolicy::unified(password));
        }
        variables.finish()?;
        Ok(config)
    }

    /// Sets the directions that are enabled. Defaults to [`SyncMode::AuthToLegacy`].
    pub fn mode(mut self, mode: SyncMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the field, by its name at the auth center, that identifies a user on both sides. No two users may have the same
    /// value. Defaults to `username`. A mapping must name it.
    ///
    /// Users are found by it, and so it is never changed in a row that has it: a user whose `username` changes becomes another
    /// one. To follow renames, use `id`, a column of its own, and [`link_by`](Self::link_by).
    pub fn unique_field(mut self, auth_field: impl Into<String>) -> Self {
        self.unique_field = auth_field.into();
        self
    }

    /// Sets a second field, by its name at the auth center, for rows that have no value of the unique field yet: users are
    /// found by it among these, and the row gets their value of the unique field. From then on the unique field finds it,
    /// whatever the user is called. Defaults to none. A mapping must name it.
    ///
    /// ```
    /// use aigc_auth::user_sync::{FieldMapping, SyncConfig};
    ///
    /// // `auth_id` is a new column, empty at first.
    /// let config = SyncConfig::new()
    ///     .mappings([
    ///         FieldMapping::new("id", "auth_id").to_legacy_only(),
    ///         FieldMapping::new("username", "login").required(),
    ///     ])
    ///     .unique_field("id")
    ///     .link_by("username");
    /// ```
    pub fn link_by(mut self, auth_field: impl Into<String>) -> Self {
        self.link_by = Some(auth_field.into());
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

    /// Changes only the columns of an event's `updatedFields` in existing rows. Defaults to all fields that the event has, as
    /// the reference client does: what users have changed in the legacy application alone is then overwritten.
    pub fn only_updated_fields(mut self) -> Self {
        self.only_updated_fields = true;
        self
    }

    /// Applies events as they come, in the order in which they come, without asking the auth center.
    ///
    /// Defaults to asking it, by one call for each event that would change a row: events have no time, and one that is sent
    /// again may come after a newer one. Set this where the auth center's `/users/batch` and `/users/batch-by-ids` do not find
    /// all users whose events it sends. An older event may then undo a newer one, and bring back who was deleted.
    pub fn trust_event_order(mut self) -> Self {
        self.trust_event_order = true;
        self
    }

    /// Sets after how long the auth center is asked once more, where it says otherwise than an event. Defaults to 1 s, since an
    /// auth center may send an event before it has stored the change. Zero believes the first answer.
    pub fn recheck_after(mut self, pause: Duration) -> Self {
        self.recheck_after = pause;
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

    /// Sets the timeout of each call for one user, of the store or of the auth center. Defaults to 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the columns that the mappings name, each once, and when they are written: none is, where the
    /// [mode](Self::mode), which is to be set before, has the legacy system not follow.
    pub fn legacy_fields(&self) -> impl Iterator<Item = LegacyField> {
        let mut fields = Vec::<LegacyField>::new();
        let is_followed = self.mode.allows(Direction::ToLegacy);
        for field in self.mappings.iter().map(FieldMapping::to_legacy_field) {
            let field = if is_followed { field } else { field.read_only() };
            match fields.iter_mut().find(|known| known.name() == field.name()) {
                Some(known) => known.merge(&field),
                None => fields.push(field),
            }
        }
        fields.into_iter()
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
