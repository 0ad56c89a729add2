use std::fmt;
use std::ops::{Deref, DerefMut};

use serde_json::{Map, Value};

/// A row of the legacy system's users: columns and their values. Its `Debug` shows the names of the columns only.
#[derive(Clone, Default, PartialEq)]
pub struct LegacyUser(Map<String, Value>);

impl LegacyUser {
    /// Creates a row without columns.
    pub fn new() -> Self {
        Self::default()
    }
}

impl From<Map<String, Value>> for LegacyUser {
    fn from(columns: Map<String, Value>) -> Self {
        Self(columns)
    }
}

impl From<LegacyUser> for Map<String, Value> {
    fn from(user: LegacyUser) -> Self {
        user.0
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for LegacyUser {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(columns: I) -> Self {
        Self(columns.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Deref for LegacyUser {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl DerefMut for LegacyUser {
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }
}

impl fmt::Debug for LegacyUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without values, which may be passwords or their hashes.
        f.debug_set().entries(self.0.keys()).finish()
    }
}
