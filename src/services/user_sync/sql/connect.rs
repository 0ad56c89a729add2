//! Connect to a database, and check that the table is as configured.

use std::sync::Arc;
use std::time::Duration;

use super::super::legacy_field::LegacyField;
use super::builder::{KEY, SqlStoreBuilder};
use super::bytes_as::BytesAs;
use super::companion::{Companion, CompanionTable};
use super::filter::Condition;
use super::forecast;
use super::hash::Hasher;
use super::removal::Removal;
use super::store::SqlStore;
use super::user_table::UserTable;
use crate::types::error::BuildError;
use crate::upstream::sql::catalog::Catalog;
use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::Dialect;
use crate::upstream::sql::pool::Pool;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

impl SqlStoreBuilder {
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
    ///
    /// What would fail later is an error here, and one error lists all of it:
    ///
    /// - columns that are `NOT NULL`, have no default, and that nothing fills for new users; not if no column is written for
    ///   new users, or a trigger runs before the insertion;
    /// - generated columns that a field writes;
    /// - columns of bytes of which [`bytes`](Self::bytes) says nothing;
    /// - a [key](Self::key) that a field writes at each update;
    /// - row level security, unless it is [allowed](Self::allow_row_level_security);
    /// - values of [`OnDelete`](crate::user_sync::OnDelete) that the column cannot hold.
    ///
    /// `CHECK` constraints, foreign keys and triggers are not known, and of a view only the names and types of its columns.
    pub async fn connect(self, url: impl AsRef<str>) -> Result<SqlStore, BuildError> {
        self.check()?;
        let connected = Pool::connect(url.as_ref(), self.max_connections, self.timeout).await;
        let (pool, dialect) = connected.map_err(|error| {
            BuildError::new(format!("cannot connect to the database of the table `{}`: {error}", self.table))
        })?;
        let catalog = Catalog::of_table(&pool, dialect, &self.table).await?;
        let pool = pool.looking_first(catalog.engine_without_transactions.is_some());
        let mut companions = vec![];
        for companion in &self.companions {
            let theirs = Catalog::of_table(&pool, dialect, &companion.table).await?;
            for (table, catalog) in [(&self.table, &catalog), (&companion.table, &theirs)] {
                if let Some(engine) = &catalog.engine_without_transactions {
                    return Err(BuildError::new(format!(
                        "the table `{table}` is of the engine {engine}, which has no transactions: a user whose row in a \
                         companion table fails would be left half-made; ALTER TABLE … ENGINE=InnoDB, or make such rows \
                         elsewhere"
                    )));
                }
            }
            companions.push(self.companion_table(companion, theirs.columns));
        }
        let mut table = self.into_table(pool, dialect, &catalog)?;
        table.companions = companions;
        table
            .try_removal()
            .await
            .map_err(|error| BuildError::new(format!("table `{}`, OnDelete: {error}", table.name)))?;
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
        let flag = self.on_delete.column();
        let columns = self.columns.iter().map(LegacyField::name).chain(flag);
        let others = self.password.iter().chain(&self.key);
        let others = others.chain(self.conditions.iter().map(|condition| &condition.column));
        let others = others.chain(self.bytes.iter().map(|(column, _)| column));
        let tables =
            [&self.table].into_iter().chain(self.companions.iter().map(|companion| &companion.table));
        let tables = tables.flat_map(|table| [&table.name].into_iter().chain(&table.schema));
        let others = others.chain(tables).map(String::as_str);
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

    /// Checks the options against the table.
    fn into_table(self, pool: Pool, dialect: Dialect, catalog: &Catalog) -> Result<UserTable, BuildError> {
        let table = &self.table;
        let find = |name: &str| {
            let mut column = catalog.column(table, name)?;
            if column.kind == Kind::Bytes && self.bytes_of(name) == Some(BytesAs::Text) {
                column.kind = Kind::TextInBytes;
            }
            Ok::<_, BuildError>(column)
        };
        let mut fields = Vec::<(LegacyField, Column)>::new();
        for field in &self.columns {
            match fields.iter_mut().find(|(earlier, _)| earlier.name() == field.name()) {
                Some((earlier, _)) => earlier.merge(field),
                None => fields.push((field.clone(), find(field.name())?)),
            }
        }
        let key = find(self.key.as_deref().unwrap_or(KEY)).map_err(|error| match self.key {
            Some(_) => error,
            None => BuildError::new(format!(
                "{error} (the default key: SqlStoreBuilder::key names another column)"
            )),
        })?;
        if !key.unique {
            let key = &key.name;
            return Err(BuildError::new(format!(
                "the table `{table}` may have the same value in `{key}` twice: choose a column for \
                 SqlStoreBuilder::key that has a unique index of its own"
            )));
        }
        let password = self.password.as_deref().map(&find).transpose()?;
        if let Some(column) = &password
            && !matches!(column.kind, Kind::Text | Kind::Bytes | Kind::TextInBytes)
        {
            let name = &column.name;
            return Err(BuildError::new(format!(
                "the column `{name}` of the table `{table}` cannot hold a hash"
            )));
        }
        for (name, _) in self.bytes.iter().filter(|(name, _)| !self.is_of_companion(name)) {
            let kind = find(name)?.kind;
            if !matches!(kind, Kind::Bytes | Kind::TextInBytes) {
                let why = "is not one of bytes (SqlStoreBuilder::bytes)";
                return Err(BuildError::new(format!("table `{table}`: the column `{name}` {why}")));
            }
        }
        let removal = match self.on_delete.column() {
            None => None,
            Some(column) => Removal::new(self.on_delete.clone(), dialect, find(column)?)
                .map_err(|why| BuildError::new(format!("table `{table}`, OnDelete: {why}")))?,
        };
        let mut conditions = vec![];
        for Condition { column, value, kind } in &self.conditions {
            let column = find(column)?;
            column
                .bound(dialect, value)
                .map_err(|why| BuildError::new(format!("table `{table}`, SqlStoreBuilder::only: {why}")))?;
            conditions.push(Condition { column, value: value.clone(), kind: *kind });
        }
        let plan = forecast::Plan {
            catalog,
            fields: &fields,
            key: &key,
            is_default_key: self.key.is_none(),
            password: password.as_ref(),
            removal: removal.as_ref(),
            conditions: &conditions,
            says_bytes: &|name| self.bytes_of(name).is_some(),
            allows_row_security: self.allows_row_security,
        };
        let failures = plan.failures();
        if !failures.is_empty() {
            return Err(BuildError::new(format!("table `{table}`: {}", failures.join("; "))));
        }
        plan.warn(table);
        Ok(UserTable {
            pool,
            dialect,
            key,
            columns: fields.into_iter().map(|(_, column)| column).collect(),
            password,
            removal,
            hides_rows: catalog.hides_rows,
            conditions,
            companions: vec![],
            hasher: Hasher::new(self.hash),
            warnings: LogThrottle::new(Clock::default(), Duration::from_secs(60)),
            name: self.table,
        })
    }

    fn companion_table(&self, companion: &Companion, mut columns: Vec<Column>) -> CompanionTable {
        let mut unsaid_bytes = vec![];
        for column in columns.iter_mut().filter(|column| column.kind == Kind::Bytes) {
            match self.bytes_of(&format!("{}.{}", companion.table, column.name)) {
                Some(BytesAs::Text) => column.kind = Kind::TextInBytes,
                Some(BytesAs::Hex) => {}
                None => unsaid_bytes.push(column.name.clone()),
            }
        }
        CompanionTable { companion: companion.clone(), columns, unsaid_bytes }
    }

    /// Whether a name is `table.column` of a companion table.
    fn is_of_companion(&self, name: &str) -> bool {
        let tables = self.companions.iter().map(|companion| companion.table.to_string());
        tables.into_iter().any(|table| name.strip_prefix(&table).is_some_and(|rest| rest.starts_with('.')))
    }

    fn bytes_of(&self, column: &str) -> Option<BytesAs> {
        self.bytes.iter().rev().find(|(name, _)| name == column).map(|(_, are)| *are)
    }
}
