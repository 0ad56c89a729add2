use serde_json::Value;

/// What an [`SqlStore`](super::SqlStore) does where a user is to be removed.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum OnDelete {
    /// Deletes his row. The default.
    #[default]
    Row,
    /// Sets a column to a value, as `is_active` to `false`, and leaves the row.
    Set {
        /// The column, which need not be among the store's columns.
        column: String,
        /// What it is set to.
        value: Value,
    },
}

impl OnDelete {
    /// Sets a column to a value, and leaves the row.
    pub fn set(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set { column: column.into(), value: value.into() }
    }
}
