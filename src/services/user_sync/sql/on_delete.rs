use serde_json::Value;

/// How an [`SqlStore`](super::SqlStore) removes a user.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum OnDelete {
    /// Deletes the row. The default.
    #[default]
    Row,
    /// Sets a column to a value, such as `is_active` to `false`, and keeps the row.
    Set {
        /// The column, which need not be among the store's columns.
        column: String,
        /// The value.
        value: Value,
    },
}

impl OnDelete {
    /// Sets a column to a value, and keeps the row.
    pub fn set(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set { column: column.into(), value: value.into() }
    }
}
