use serde_json::Value;

use super::super::legacy_user::LegacyUser;
use super::companion::CompanionTable;
use super::filter::{self, Condition};
use super::hash::Hasher;
use super::removal::Removal;
use crate::upstream::sql::column::Column;
use crate::upstream::sql::dialect::{Dialect, Table};
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::pool::{Pool, Texts};
use crate::upstream::sql::statements::Statement;
use crate::util::log_throttle::LogThrottle;

/// Rows that are read at a time.
const PAGE: usize = 500;

/// The table of an [`SqlStore`](super::SqlStore), and how it is read.
pub(super) struct UserTable {
    pub(super) pool: Pool,
    pub(super) dialect: Dialect,
    pub(super) name: Table,
    /// The column by which the rows are read page by page.
    pub(super) key: Column,
    pub(super) columns: Vec<Column>,
    pub(super) password: Option<Column>,
    pub(super) removal: Option<Removal>,
    /// Policies of row level security hide rows from the role.
    pub(super) hides_rows: bool,
    /// Which rows are users.
    pub(super) conditions: Vec<Condition>,
    pub(super) companions: Vec<CompanionTable>,
    pub(super) hasher: Hasher,
    /// Limits the warnings about values that are left out.
    pub(super) warnings: LogThrottle,
}

impl UserTable {
    pub(super) fn statement(&self, before: &str, after: &str) -> Statement {
        Statement::new(self.dialect, format!("{before} {}{after}", self.name.quoted(self.dialect)))
    }

    /// Returns a configured column.
    pub(super) fn column(&self, name: &str) -> Result<&Column, Failure> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            Failure::new(format!("`{name}` is not among the columns (SqlStoreBuilder::columns)"))
        })
    }

    /// Returns a column by which users may be found: a configured one or the key.
    pub(super) fn field(&self, name: &str) -> Result<&Column, Failure> {
        self.column(name).or_else(|error| if self.key.name == name { Ok(&self.key) } else { Err(error) })
    }

    /// The expressions that read a row: the key, the columns and the password's hash.
    pub(super) fn expressions(&self) -> String {
        let read = [&self.key].into_iter().chain(&self.columns).map(|column| column.read(self.dialect));
        let hash = self.password.iter().map(|column| column.read_hash(self.dialect));
        read.chain(hash).collect::<Vec<_>>().join(", ")
    }

    /// Selects rows, whether they are those of removed users, and whether they have exactly this value.
    fn select(&self, exactly: Option<(&Column, &Value)>) -> Result<Statement, Failure> {
        let mut statement = Statement::new(self.dialect, format!("SELECT {}", self.expressions()));
        if let Some(removal) = &self.removal {
            removal.is_marked(statement.push(", "))?;
        }
        if let Some((column, value)) = exactly {
            statement.push(", CASE WHEN ").exactly(column, value)?.push(" THEN '1' ELSE '0' END AS is_exact");
        }
        statement.push(" FROM ").push(&self.name.quoted(self.dialect));
        Ok(statement)
    }

    /// Converts a row of `select` to its cursor and user.
    pub(super) fn row(&self, texts: Texts) -> (Value, LegacyUser) {
        let mut texts = texts.into_iter();
        let cursor = self.key.value(texts.next().flatten());
        let mut row = LegacyUser::new();
        for column in &self.columns {
            row.insert(column.name.clone(), column.value(texts.next().flatten()));
        }
        if let Some(column) = &self.password {
            row.insert(column.name.clone(), texts.next().flatten().into());
        }
        if let Some(removal) = &self.removal
            && texts.next().flatten().as_deref() == Some("1")
        {
            row = row.removed_by(&removal.column.name, removal.restored.clone());
        }
        (cursor, row)
    }

    /// Finds the user with exactly this value. It is an error if the column's collation takes another value for the same: the
    /// application could not tell the two users apart.
    pub(super) async fn find(&self, field: &str, value: &Value) -> Result<Option<LegacyUser>, Failure> {
        let column = self.field(field)?;
        if value.is_null() {
            return Ok(None);
        }
        let is_text = Statement::new(self.dialect, "").needs_exact(column, value);
        let mut statement = self.select(is_text.then_some((column, value)))?;
        statement.push(" WHERE ").same(column, value)?;
        filter::push(&self.conditions, &mut statement, " AND ")?;
        statement.push(if is_text { " ORDER BY is_exact DESC LIMIT 2" } else { " LIMIT 2" });
        let mut rows = self.pool.rows(&statement.sql, &statement.values).await?;
        let is_exact = |texts: &Texts| !is_text || texts.last().is_some_and(|is| is.as_deref() == Some("1"));
        if rows.get(1).is_some_and(is_exact) {
            return Err(Failure::new(format!("more than one row has this value in `{field}`")));
        }
        rows.truncate(1);
        match rows.pop() {
            None => Ok(None),
            Some(texts) if is_exact(&texts) => Ok(Some(self.row(texts).1)),
            Some(texts) => {
                let row = self.row(texts);
                let other = if column.name == self.key.name { row.0 } else { row.1[&column.name].clone() };
                Err(Failure::new(format!(
                    "the column `{field}` takes {value} for {other}, the user of another row"
                )))
            }
        }
    }

    /// Selects whether there is a user with exactly this value.
    pub(super) fn there(&self, field: &str, value: &Value) -> Result<Statement, Failure> {
        let mut statement = self.statement("SELECT '1' FROM", " WHERE ");
        self.push_user(&mut statement, field, value)?;
        Ok(statement)
    }

    /// Reads the next page of users, each with its cursor. Empty after the last user.
    pub(super) async fn page(&self, after: Option<&Value>) -> Result<Vec<(Value, LegacyUser)>, Failure> {
        // Qualified by the table: in PostgreSQL, the bare name means the output column, which is text, and sorts 10 before
        // 9.
        let key = format!("{}.{}", self.name.quoted(self.dialect), self.dialect.quoted(&self.key.name));
        let mut statement = self.select(None)?;
        let mut before = " WHERE ";
        match after {
            Some(after) => {
                statement.push(&format!(" WHERE {key} > ")).value(&self.key, after)?;
                before = " AND ";
            }
            None if self.key.nullable => self.check_keys(&key).await?,
            None => {}
        }
        filter::push(&self.conditions, &mut statement, before)?;
        statement.push(&format!(" ORDER BY {key} LIMIT {PAGE}"));
        let rows = self.pool.rows(&statement.sql, &statement.values).await?;
        Ok(rows.into_iter().map(|texts| self.row(texts)).collect())
    }

    /// Checks that the columns can be read.
    pub(super) async fn check_readable(&self) -> Result<(), Failure> {
        let mut statement = self.select(None)?;
        filter::push(&self.conditions, &mut statement, " WHERE ")?;
        statement.push(" LIMIT 0");
        self.pool.rows(&statement.sql, &statement.values).await.map(drop)
    }

    /// Checks that the database takes the values of the column that says who is removed.
    pub(super) async fn try_removal(&self) -> Result<(), Failure> {
        let Some(removal) = &self.removal else { return Ok(()) };
        let name = &removal.column.name;
        for trial in removal.trials(self.dialect)? {
            let rows = self.pool.rows(&trial.sql, &trial.values).await;
            let rows = rows.map_err(|error| error.context(format_args!("the value for `{name}`")))?;
            if !rows.is_empty() {
                let declared = &removal.column.declared;
                return Err(Failure::new(format!("the value for `{name}` is no {declared}")));
            }
        }
        Ok(())
    }

    /// Checks that no row lacks a key, since no page would have it.
    async fn check_keys(&self, key: &str) -> Result<(), Failure> {
        let mut statement = self.statement("SELECT '1' FROM", &format!(" WHERE {key} IS NULL"));
        filter::push(&self.conditions, &mut statement, " AND ")?;
        statement.push(" LIMIT 1");
        match self.pool.rows(&statement.sql, &statement.values).await?.is_empty() {
            true => Ok(()),
            false => {
                Err(Failure::new(format!("there are rows without a value in the key, `{}`", self.key.name)))
            }
        }
    }

    pub(super) async fn count(&self) -> Result<Option<u64>, Failure> {
        let text = self.dialect.text("count(*)");
        let mut statement = self.statement(&format!("SELECT {text} FROM"), "");
        filter::push(&self.conditions, &mut statement, " WHERE ")?;
        let rows = self.pool.rows(&statement.sql, &statement.values).await?;
        Ok(rows.into_iter().flatten().next().flatten().and_then(|count| count.parse().ok()))
    }
}
