/// A column of the legacy system's users, and when it is written.
///
/// [`SyncConfig::legacy_fields`](super::SyncConfig::legacy_fields) makes them from the mappings, and a name alone is a column
/// that is written whenever there is a value.
///
/// ```
/// use aigc_auth::user_sync::{FieldMapping, LegacyField, SyncConfig};
///
/// let config = SyncConfig::new().mappings([
///     FieldMapping::new("username", "login"),
///     FieldMapping::new("id", "id").on_create_only(),
/// ]);
/// let fields: Vec<_> = config.legacy_fields().collect();
/// assert_eq!(fields, [LegacyField::from("login"), LegacyField::from("id").on_create_only()]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct LegacyField {
    name: String,
    on_create: bool,
    on_update: bool,
}

impl LegacyField {
    /// Writes the column for new users only.
    pub fn on_create_only(self) -> Self {
        Self { on_create: true, on_update: false, ..self }
    }

    /// Never writes the column.
    pub fn read_only(self) -> Self {
        Self { on_create: false, on_update: false, ..self }
    }

    /// Returns the name of the column.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the column is written for new users.
    pub fn is_written_on_create(&self) -> bool {
        self.on_create
    }

    /// Returns whether the column is written for existing users.
    pub fn is_written_on_update(&self) -> bool {
        self.on_update
    }

    /// Writes the column whenever one of the two does.
    pub(super) fn merge(&mut self, other: &Self) {
        self.on_create |= other.on_create;
        self.on_update |= other.on_update;
    }
}

impl<N: Into<String>> From<N> for LegacyField {
    fn from(name: N) -> Self {
        Self { name: name.into(), on_create: true, on_update: true }
    }
}
