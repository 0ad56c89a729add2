use std::fmt;
use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value};

/// A row of the legacy system's users: columns and their values. Its `Debug` shows the names of the columns only.
#[derive(Clone, Default, PartialEq)]
pub struct LegacyUser {
    columns: Map<String, Value>,
    removal: Option<Removal>,
}

/// How a row says that its user was removed.
#[derive(Clone, PartialEq)]
pub(super) struct Removal {
    pub(super) column: String,
    /// What the column is when the user is there; `None` if that is not known.
    pub(super) restored: Option<Value>,
}

impl LegacyUser {
    /// Creates a row without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks the row as that of a user who was removed by a value in this column, and says which value brings them back, if
    /// that is known.
    ///
    /// A push leaves the user out, unless a mapping sends the column. When the auth center creates the user again, or they
    /// log in, the column is set to the value.
    pub fn removed_by(mut self, column: impl Into<String>, restored: Option<Value>) -> Self {
        self.removal = Some(Removal { column: column.into(), restored });
        self
    }

    pub(super) fn removal(&self) -> Option<&Removal> {
        self.removal.as_ref()
    }
}

impl From<Map<String, Value>> for LegacyUser {
    fn from(columns: Map<String, Value>) -> Self {
        Self { columns, removal: None }
    }
}

impl From<LegacyUser> for Map<String, Value> {
    fn from(user: LegacyUser) -> Self {
        user.columns
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for LegacyUser {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(columns: I) -> Self {
        columns.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Map<_, _>>().into()
    }
}

impl Deref for LegacyUser {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.columns
    }
}

impl DerefMut for LegacyUser {
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.columns
    }
}

impl fmt::Debug for LegacyUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without values, which may be passwords or their hashes.
        f.debug_set().entries(self.columns.keys()).finish()
    }
}
