use serde_json::Value;

/// How an [`SqlStore`](super::SqlStore) removes a user, and how it sees that one was removed.
///
/// ```
/// use aigc_auth::user_sync::OnDelete;
///
/// // `is_active` says who is removed; users whom the auth center creates again get `true`.
/// let flag = OnDelete::set("is_active", false).restore(true);
/// // `deleted_at` is null, or the time of the removal.
/// let time = OnDelete::now("deleted_at");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum OnDelete {
    /// Deletes the row. The default.
    #[default]
    Row,
    /// Sets a column to a value, such as `is_active` to `false`, and keeps the row. A row with the value is that of a removed
    /// user.
    #[non_exhaustive]
    Set {
        /// The column, which need not be among the store's columns.
        column: String,
        /// The value.
        value: Value,
        /// The value that brings the user back, if there is one.
        restored: Option<Value>,
    },
    /// Sets a column to the current time, and keeps the row. A row whose column is neither null nor `restored` is that of a
    /// removed user.
    #[non_exhaustive]
    Now {
        /// The column, which need not be among the store's columns.
        column: String,
        /// The value that brings the user back: null, unless set.
        restored: Value,
    },
}

impl OnDelete {
    /// Sets a column to a value, and keeps the row. The value is compared by the database, as one of the column's type.
    pub fn set(column: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::Set { column: column.into(), value: value.into(), restored: None }
    }

    /// Sets a column to the database's current time, and keeps the row; a time that is there already stays. The column is a date, or a date with a time; in SQLite
    /// it may be text, which gets `2024-02-29 12:34:56`. Where it has no time zone, the time is in the one in which the
    /// table's own defaults are evaluated: the server's, and UTC in SQLite.
    pub fn now(column: impl Into<String>) -> Self {
        Self::Now { column: column.into(), restored: Value::Null }
    }

    /// Sets the value by which a user is brought back whom the auth center creates again, or who logs in. Without it, the rows
    /// of [`set`](Self::set) stay removed; those of [`now`](Self::now) get null. A row that was deleted cannot be brought back:
    /// [`Row`](Self::Row) stays as it is.
    ///
    /// The value does not say who removed a user. Where the application bans users by the same column, a login lifts its bans:
    /// leave this out there, or remove users by a column of its own.
    #[must_use]
    pub fn restore(self, value: impl Into<Value>) -> Self {
        match self {
            Self::Row => Self::Row,
            Self::Set { column, value: removed, .. } => {
                Self::Set { column, value: removed, restored: Some(value.into()) }
            }
            Self::Now { column, .. } => Self::Now { column, restored: value.into() },
        }
    }

    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::Row => None,
            Self::Set { column, .. } | Self::Now { column, .. } => Some(column),
        }
    }
}
