use std::sync::Arc;
use std::time::Duration;

use super::super::legacy_field::LegacyField;
use super::catalog;
use super::column::{Bound, Column, Kind};
use super::dialect::{Dialect, Table};
use super::hash::{Hasher, PasswordHash};
use super::on_delete::OnDelete;
use super::pool::Pool;
use super::store::SqlStore;
use super::user_table::UserTable;
use crate::types::error::BuildError;

/// Builds an [`SqlStore`]. Created by [`SqlStore::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SqlStoreBuilder {
    table: Table,
    key: String,
    columns: Vec<LegacyField>,
    password: Option<String>,
    on_delete: OnDelete,
    hash: PasswordHash,
    max_connections: u32,
    timeout: Duration,
}

impl SqlStore {
    /// Starts a builder for a table, `table` or `schema.table`. Names are case-sensitive and not quoted.
    pub fn builder(table: impl AsRef<str>) -> SqlStoreBuilder {
        SqlStoreBuilder {
            table: Table::parse(table.as_ref()),
            key: "id".to_owned(),
            columns: vec![],
            password: None,
            on_delete: OnDelete::default(),
            hash: PasswordHash::default(),
            max_connections: 10,
            timeout: Duration::from_secs(5),
        }
    }
}

impl SqlStoreBuilder {
    /// Sets the column by which all users are read, page by page: the primary key, or another column with unique values. It
    /// need not be among the columns. Defaults to `id`.
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = column.into();
        self
    }

    /// Sets the columns that are read and written: at least those of the mappings
    /// ([`SyncConfig::legacy_fields`](crate::user_sync::SyncConfig::legacy_fields)). There is no default.
    pub fn columns<C: Into<LegacyField>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.columns = columns.into_iter().map(Into::into).collect();
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

    /// Connects, and checks that the table is as configured.
    ///
    /// The URL is `postgres://`, `mysql://` or `mariadb://` with `user:password@host/database`, special characters
    /// percent-encoded, or `sqlite:file`. The file must exist, unless `?mode=rwc` follows. Connections use TLS as the URL
    /// says (`sslmode`, `ssl-mode`). Without TLS, MySQL's `caching_sha2_password` needs the feature `mysql-rsa` of sqlx 0.9
    /// in your dependencies.
    ///
    /// # Errors
    /// If the feature of the database is not enabled (the error names it), the database cannot be reached within the
    /// timeout, the table or a column is missing or unsuitable, or an option is invalid. The error does not show the URL.
    pub async fn connect(self, url: impl AsRef<str>) -> Result<SqlStore, BuildError> {
        self.check()?;
        let connected = Pool::connect(url.as_ref(), self.max_connections, self.timeout).await;
        let (pool, dialect) = connected.map_err(|error| {
            BuildError::new(format!("cannot connect to the database of the table `{}`: {error}", self.table))
        })?;
        let bound = |name: Option<String>| name.map_or(Bound::Null, Bound::Text);
        let names: Vec<_> = catalog::names(dialect, &self.table).into_iter().map(bound).collect();
        let rows = pool.rows(catalog::statement(dialect), &names).await.map_err(|error| {
            BuildError::new(format!("cannot look up the columns of the table `{}`: {error}", self.table))
        })?;
        let present: Vec<_> = rows.into_iter().map(|row| catalog::column(dialect, row)).collect();
        let table = self.into_table(pool, dialect, &present)?;
        table
            .check_readable()
            .await
            .map_err(|error| BuildError::new(format!("cannot read the table `{}`: {error}", table.name)))?;
        Ok(SqlStore { table: Arc::new(table) })
    }

    /// Checks the options as far as that needs no database.
    fn check(&self) -> Result<(), BuildError> {
        self.hash.check()?;
        let fail = |why: &str| Err(BuildError::new(format!("table `{}`: {why}", self.table)));
        let flag = match &self.on_delete {
            OnDelete::Set { column, .. } => Some(column),
            OnDelete::Row => None,
        };
        let columns = self.columns.iter().map(LegacyField::name);
        let others = self.password.iter().chain([&self.key]).chain(flag);
        let others = others.chain([&self.table.name]).chain(&self.table.schema).map(String::as_str);
        let mut names = columns.chain(others);
        if self.columns.is_empty() {
            return fail("no columns are configured (SqlStoreBuilder::columns)");
        }
        if names.any(|name| name.is_empty() || name.contains('\0')) {
            return fail("the name of a table or column is empty, or has a NUL character");
        }
        let Some(password) = &self.password else { return Ok(()) };
        if self.columns.iter().any(|column| column.name() == password) {
            let why = "is the password's, and must not be among the columns: updates would overwrite it";
            return fail(&format!("the column `{password}` {why}"));
        }
        if flag == Some(password) {
            return fail(&format!(
                "the column `{password}` is the password's, and cannot say who is removed"
            ));
        }
        Ok(())
    }

    /// Checks the options against the columns that are present.
    fn into_table(self, pool: Pool, dialect: Dialect, present: &[Column]) -> Result<UserTable, BuildError> {
        let table = self.table;
        if present.is_empty() {
            return Err(BuildError::new(format!("the database has no table `{table}`, or does not show it")));
        }
        let find = |name: &str| find(&table, present, name);
        let mut columns = Vec::<Column>::new();
        for name in self.columns.iter().map(LegacyField::name) {
            if !columns.iter().any(|column| column.name == *name) {
                columns.push(find(name)?);
            }
        }
        let key = find(&self.key)?;
        if !key.unique {
            let key = &key.name;
            return Err(BuildError::new(format!(
                "the table `{table}` may have the same value in `{key}` twice: choose a column for \
                 SqlStoreBuilder::key that has a unique index of its own"
            )));
        }
        let password = self.password.as_deref().map(find).transpose()?;
        if let Some(column) = &password
            && !matches!(column.kind, Kind::Text | Kind::Bytes)
        {
            let name = &column.name;
            return Err(BuildError::new(format!(
                "the column `{name}` of the table `{table}` cannot hold a hash"
            )));
        }
        let flag = match self.on_delete {
            OnDelete::Row => None,
            OnDelete::Set { column, value } => {
                let column = find(&column)?;
                column
                    .bound(dialect, &value)
                    .map_err(|why| BuildError::new(format!("table `{table}`, OnDelete: {why}")))?;
                Some((column, value))
            }
        };
        let hasher = Hasher::new(self.hash);
        Ok(UserTable { pool, dialect, name: table, key, columns, password, flag, hasher })
    }
}

fn find(table: &Table, present: &[Column], name: &str) -> Result<Column, BuildError> {
    if let Some(column) = present.iter().find(|column| column.name == name) {
        return Ok(column.clone());
    }
    let similar = present.iter().find(|column| column.name.to_lowercase() == name.to_lowercase());
    let hint = similar.map(|column| format!("; it has `{}`", column.name)).unwrap_or_default();
    Err(BuildError::new(format!("the table `{table}` has no column `{name}`{hint}")))
}
