use std::time::Duration;

use serde_json::Value;

use super::super::legacy_field::LegacyField;
use super::super::legacy_user::LegacyUser;
use super::bytes_as::BytesAs;
use super::companion::Companion;
use super::filter::{Condition, Only};
use super::hash::PasswordHash;
use super::on_delete::OnDelete;
use super::store::SqlStore;
use crate::upstream::sql::dialect::Table;

/// The column that is the key unless another is named.
pub(super) const KEY: &str = "id";

/// Builds an [`SqlStore`]. Created by [`SqlStore::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SqlStoreBuilder {
    pub(super) table: Table,
    pub(super) key: Option<String>,
    pub(super) columns: Vec<LegacyField>,
    pub(super) bytes: Vec<(String, BytesAs)>,
    pub(super) conditions: Vec<Condition<String>>,
    pub(super) password: Option<String>,
    pub(super) on_delete: OnDelete,
    pub(super) companions: Vec<Companion>,
    pub(super) hash: PasswordHash,
    pub(super) allows_row_security: bool,
    pub(super) max_connections: u32,
    pub(super) timeout: Duration,
}

impl SqlStore {
    /// Starts a builder for a table, `table` or `schema.table`. Names are case-sensitive and not quoted.
    pub fn builder(table: impl AsRef<str>) -> SqlStoreBuilder {
        SqlStoreBuilder {
            table: Table::parse(table.as_ref()),
            key: None,
            columns: vec![],
            bytes: vec![],
            conditions: vec![],
            password: None,
            on_delete: OnDelete::default(),
            companions: vec![],
            hash: PasswordHash::default(),
            allows_row_security: false,
            max_connections: 10,
            timeout: Duration::from_secs(5),
        }
    }
}

impl SqlStoreBuilder {
    /// Sets the column by which all users are read, page by page: the primary key, or another column with unique values. It
    /// need not be among the columns. Defaults to `id`.
    ///
    /// An update never writes it, even where a mapping does: other tables refer to it. So [`connect`](Self::connect) refuses
    /// fields that would write it at each update, if the database counts or makes it, or if it is the default key:
    /// [`FieldMapping::on_create_only`](crate::user_sync::FieldMapping::on_create_only) is for those. A key that is named
    /// here may be the column of the unique field, and the values of that are never updated anyway.
    ///
    /// ```
    /// use aigc_auth::user_sync::{LegacyField, SqlStore};
    ///
    /// // Users are told apart by their name, and the application makes the id.
    /// let by_name = SqlStore::builder("people").key("name").columns(["name", "email"]);
    /// let by_id = SqlStore::builder("users")
    ///     .columns([LegacyField::from("id").on_create_only(), "username".into(), "email".into()]);
    /// ```
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// Sets the columns that are read and written: at least those of the mappings
    /// ([`SyncConfig::legacy_fields`](crate::user_sync::SyncConfig::legacy_fields)). There is no default.
    pub fn columns<C: Into<LegacyField>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Says what is in columns of bytes: `bytea`, `varbinary`, `blob` and the like. It has to be said of each such column among
    /// the [columns](Self::columns), for nobody can tell from outside. There is no default.
    ///
    /// ```
    /// use aigc_auth::user_sync::{BytesAs, SqlStore};
    ///
    /// // MediaWiki has its names as bytes in MySQL.
    /// let store = SqlStore::builder("user")
    ///     .key("user_id")
    ///     .columns(["user_name", "user_email", "user_token"])
    ///     .bytes(["user_name", "user_email"], BytesAs::Text)
    ///     .bytes(["user_token"], BytesAs::Hex);
    /// ```
    pub fn bytes<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>, are: BytesAs) -> Self {
        self.bytes.extend(columns.into_iter().map(|column| (column.into(), are)));
        self
    }

    /// Takes only rows with this value for users: the others are neither found nor pushed, counted, changed or removed. Null
    /// stands for a column without a value. Called several times, all conditions must hold. Values are compared by the
    /// database, as those of the column's type. Defaults to all rows.
    ///
    /// New users get the value, unless a mapping fills the column; a new row that would not pass is an error. A new user whose name one of the other rows has is an
    /// error of the database where the name is unique.
    ///
    /// ```
    /// use aigc_auth::user_sync::SqlStore;
    /// use serde_json::Value;
    ///
    /// // The users of one tenant who are not deleted, but for the two that belong to the product.
    /// let store = SqlStore::builder("users")
    ///     .columns(["username", "email"])
    ///     .only("tenant", "acme")
    ///     .only("deleted_at", Value::Null)
    ///     .except("username", "guest")
    ///     .except("username", "system");
    /// ```
    pub fn only(self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        self.condition(column.into(), value.into(), Only::These)
    }

    /// Takes only rows without this value for users, as [`only`](Self::only) does. Rows without a value in the column are
    /// users, unless the value is null.
    pub fn except(self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        self.condition(column.into(), value.into(), Only::Others)
    }

    fn condition(mut self, column: String, value: Value, kind: Only) -> Self {
        self.conditions.push(Condition { column, value, kind });
        self
    }

    /// Sets the column of the password hashes. It is written for new users, and never updated. It is read with each user, so
    /// that a push can send the hash to the auth center. Defaults to none, and then the passwords of new users are
    /// discarded.
    pub fn password_column(mut self, column: impl Into<String>) -> Self {
        self.password = Some(column.into());
        self
    }

    /// Sets how the passwords of new users are hashed. Defaults to [`PasswordHash::bcrypt`] with a cost of 12.
    pub fn hash(mut self, hash: PasswordHash) -> Self {
        self.hash = hash;
        self
    }

    /// Sets how users are removed. Defaults to [`OnDelete::Row`].
    pub fn on_delete(mut self, on_delete: OnDelete) -> Self {
        self.on_delete = on_delete;
        self
    }

    /// Inserts a row into another table, `table` or `schema.table`, for each new user: a profile, an account, the link to a
    /// role. It is made from the user's row as the database has it, with the columns, the [key](Self::key) and the password's
    /// hash; for `None`, there is none. It may be called several times; the rows are inserted in that order.
    ///
    /// Both rows are inserted in one transaction: if one fails, there is neither; [`connect`](Self::connect) refuses MySQL's
    /// engines that have none, such as MyISAM. The transaction waits for the closure, which should only compute. The rows are not changed later, nor removed
    /// with the user: foreign keys and `ON DELETE CASCADE` do that. Values are converted to the types of the table's columns;
    /// of its columns of bytes, [`bytes`](Self::bytes) says what is in them, by `table.column`.
    ///
    /// In MySQL, which returns no rows from an insertion, the row is found by a key that is `AUTO_INCREMENT` or written, or else by
    /// another unique column that is written.
    ///
    /// ```
    /// use aigc_auth::user_sync::{BytesAs, LegacyUser, SqlStore};
    /// use serde_json::json;
    ///
    /// // Without its `actor`, a user of MediaWiki is nobody.
    /// let store = SqlStore::builder("user")
    ///     .key("user_id")
    ///     .columns(["user_name", "user_email"])
    ///     .bytes(["user_name", "user_email", "actor.actor_name"], BytesAs::Text)
    ///     .companion("actor", |user| {
    ///         let (id, name) = (user["user_id"].clone(), user["user_name"].clone());
    ///         Some(LegacyUser::from_iter([("actor_user", id), ("actor_name", name)]))
    ///     });
    /// ```
    pub fn companion(
        mut self,
        table: impl AsRef<str>,
        row: impl Fn(&LegacyUser) -> Option<LegacyUser> + Send + Sync + 'static,
    ) -> Self {
        self.companions.push(Companion::new(Table::parse(table.as_ref()), row));
        self
    }

    /// Accepts that policies of PostgreSQL's row level security hide rows from the role: the rows that it sees are the users.
    /// By default, [`connect`](Self::connect) refuses that, since a role that sees no row looks like a table without users.
    pub fn allow_row_level_security(mut self) -> Self {
        self.allows_row_security = true;
        self
    }

    /// Sets how many connections may be open. Defaults to 10; at least 1.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets the timeout to get a connection, and again to get an answer. Defaults to 5 s, so that both fit into
    /// [`SyncConfig::timeout`](crate::user_sync::SyncConfig::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
