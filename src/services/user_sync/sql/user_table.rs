use serde_json::Value;

use super::super::legacy_user::LegacyUser;
use super::column::Column;
use super::dialect::{Dialect, Table};
use super::failure::Failure;
use super::hash::Hasher;
use super::pool::{Pool, Texts};
use super::statements::Statement;

/// Rows that are read at a time.
const PAGE: usize = 500;

/// The table of an [`SqlStore`](super::SqlStore), and the statements on it.
pub(super) struct UserTable {
    pub(super) pool: Pool,
    pub(super) dialect: Dialect,
    pub(super) name: Table,
    /// The column by which the rows are read page by page.
    pub(super) key: Column,
    pub(super) columns: Vec<Column>,
    pub(super) password: Option<Column>,
    /// The column that marks a user as removed, and its value.
    pub(super) flag: Option<(Column, Value)>,
    pub(super) hasher: Hasher,
}

impl UserTable {
    fn statement(&self, before: &str, after: &str) -> Statement {
        Statement::new(self.dialect, format!("{before} {}{after}", self.name.quoted(self.dialect)))
    }

    /// Returns a configured column.
    fn column(&self, name: &str) -> Result<&Column, Failure> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            Failure::new(format!("`{name}` is not among the columns (SqlStoreBuilder::columns)"))
        })
    }

    /// Returns a column by which users may be found: a configured one or the key.
    fn field(&self, name: &str) -> Result<&Column, Failure> {
        self.column(name).or_else(|error| if self.key.name == name { Ok(&self.key) } else { Err(error) })
    }

    /// Selects the key, the columns and the password's hash.
    fn select(&self) -> Statement {
        let read = [&self.key].into_iter().chain(&self.columns).map(|column| column.read(self.dialect));
        let hash = self.password.iter().map(|column| column.read_hash(self.dialect));
        let read: Vec<_> = read.chain(hash).collect();
        self.statement(&format!("SELECT {} FROM", read.join(", ")), "")
    }

    /// Converts a row of `select` to its cursor and user.
    fn row(&self, texts: Texts) -> (Value, LegacyUser) {
        let mut texts = texts.into_iter();
        let cursor = self.key.value(texts.next().flatten());
        let mut row = LegacyUser::new();
        for column in &self.columns {
            row.insert(column.name.clone(), column.value(texts.next().flatten()));
        }
        if let Some(column) = &self.password {
            row.insert(column.name.clone(), texts.next().flatten().into());
        }
        (cursor, row)
    }

    pub(super) async fn find(&self, field: &str, value: &Value) -> Result<Option<LegacyUser>, Failure> {
        let mut statement = self.select();
        statement.push(" WHERE ").equals(self.field(field)?, value)?.push(" LIMIT 2");
        let mut rows = self.pool.rows(&statement.sql, &statement.values).await?;
        if rows.len() > 1 {
            return Err(Failure::new(format!("more than one row has this value in `{field}`")));
        }
        Ok(rows.pop().map(|texts| self.row(texts).1))
    }

    pub(super) async fn create(&self, user: &LegacyUser, hash: Option<String>) -> Result<(), Failure> {
        let mut statement = self.statement("INSERT INTO", " (");
        let mut values = Statement::new(self.dialect, "");
        let mut comma = "";
        for (name, value) in user.iter() {
            let column = self.column(name)?;
            statement.push(comma).push(&self.dialect.quoted(name));
            values.push(comma).value(column, value)?;
            comma = ", ";
        }
        if let (Some(column), Some(hash)) = (&self.password, hash) {
            statement.push(comma).push(&self.dialect.quoted(&column.name));
            values.push(comma).bound(column, column.hash(hash));
        }
        statement.push(") VALUES (").push(&values.sql).push(")");
        statement.values = values.values;
        self.pool.insert(&statement).await
    }

    pub(super) async fn update(
        &self,
        field: &str,
        value: &Value,
        changes: &LegacyUser,
    ) -> Result<bool, Failure> {
        let changes: Result<Vec<_>, Failure> =
            changes.iter().map(|(name, value)| Ok((self.column(name)?, value))).collect();
        self.set(field, value, &changes?).await
    }

    async fn set(&self, field: &str, value: &Value, changes: &[(&Column, &Value)]) -> Result<bool, Failure> {
        if changes.is_empty() {
            return Ok(self.find(field, value).await?.is_some());
        }
        let mut statement = self.statement("UPDATE", " SET ");
        let mut comma = "";
        for (column, value) in changes {
            statement
                .push(comma)
                .push(&self.dialect.quoted(&column.name))
                .push(" = ")
                .value(column, value)?;
            comma = ", ";
        }
        statement.push(" WHERE ").equals(self.field(field)?, value)?;
        self.pool.change(&statement, &self.there(field, value)?).await
    }

    /// Selects whether there is a row with this value.
    fn there(&self, field: &str, value: &Value) -> Result<Statement, Failure> {
        let mut statement = self.statement("SELECT '1' FROM", " WHERE ");
        statement.equals(self.field(field)?, value)?.push(" LIMIT 1");
        Ok(statement)
    }

    pub(super) async fn remove(&self, field: &str, value: &Value) -> Result<bool, Failure> {
        if let Some((column, flag)) = &self.flag {
            return self.set(field, value, &[(column, flag)]).await;
        }
        let mut statement = self.statement("DELETE FROM", " WHERE ");
        statement.equals(self.field(field)?, value)?;
        self.pool.change(&statement, &self.there(field, value)?).await
    }

    /// Reads the next page of users, each with its cursor. Empty after the last user.
    pub(super) async fn page(&self, after: Option<&Value>) -> Result<Vec<(Value, LegacyUser)>, Failure> {
        // Qualified by the table: in PostgreSQL, the bare name means the output column, which is text, and sorts 10 before
        // 9.
        let key = format!("{}.{}", self.name.quoted(self.dialect), self.dialect.quoted(&self.key.name));
        let mut statement = self.select();
        match after {
            Some(after) => statement.push(&format!(" WHERE {key} > ")).value(&self.key, after)?,
            None if self.key.nullable => {
                self.check_keys(&key).await?;
                &mut statement
            }
            None => &mut statement,
        };
        statement.push(&format!(" ORDER BY {key} LIMIT {PAGE}"));
        let rows = self.pool.rows(&statement.sql, &statement.values).await?;
        Ok(rows.into_iter().map(|texts| self.row(texts)).collect())
    }

    /// Checks that the columns can be read.
    pub(super) async fn check_readable(&self) -> Result<(), Failure> {
        let mut statement = self.select();
        statement.push(" LIMIT 0");
        self.pool.rows(&statement.sql, &[]).await.map(drop)
    }

    /// Checks that no row lacks a key, since no page would have it.
    async fn check_keys(&self, key: &str) -> Result<(), Failure> {
        let statement = self.statement("SELECT '1' FROM", &format!(" WHERE {key} IS NULL LIMIT 1"));
        match self.pool.rows(&statement.sql, &[]).await?.is_empty() {
            true => Ok(()),
            false => {
                Err(Failure::new(format!("there are rows without a value in the key, `{}`", self.key.name)))
            }
        }
    }

    pub(super) async fn count(&self) -> Result<Option<u64>, Failure> {
        let text = self.dialect.text("count(*)");
        let statement = self.statement(&format!("SELECT {text} FROM"), "");
        let rows = self.pool.rows(&statement.sql, &[]).await?;
        Ok(rows.into_iter().flatten().next().flatten().and_then(|count| count.parse().ok()))
    }
}
