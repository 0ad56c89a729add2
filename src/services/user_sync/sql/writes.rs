//! Create, update and remove users.

use serde_json::Value;

use super::super::legacy_user::LegacyUser;
use super::column::{Column, Fill, Kind};
use super::dialect::Dialect;
use super::failure::Failure;
use super::filter;
use super::pool::Texts;
use super::removal::Removal;
use super::statements::{Statement, Written};
use super::user_table::UserTable;

impl UserTable {
    /// Creates a user and, in the same transaction, their rows in the companion tables.
    pub(super) async fn create(&self, user: &LegacyUser, hash: Option<String>) -> Result<(), Failure> {
        let row = self.new_row(user)?;
        let mut bound = vec![];
        for (column, value) in &row {
            bound.push((*column, column.bound(self.dialect, value).map_err(Failure::new)?));
        }
        if let (Some(column), Some(hash)) = (&self.password, hash) {
            bound.push((column, column.hash(hash)));
        }
        let mut statement = Statement::insert(self.dialect, &self.name, bound);
        if self.companions.is_empty() {
            return self.pool.insert(&statement).await;
        }
        let read = self.read_back(&mut statement, &row)?;
        let companions = |rows: Vec<Texts>| {
            let [texts] = <[Texts; 1]>::try_from(rows)
                .map_err(|_| Failure::new("the new row cannot be found again, for the companion tables"))?;
            let (key, mut user) = self.row(texts);
            user.entry(self.key.name.clone()).or_insert(key);
            let rows = self.companions.iter().map(|companion| companion.insert(self.dialect, &user));
            rows.filter_map(Result::transpose).collect()
        };
        self.pool.insert_with(&statement, read.as_ref(), companions).await
    }

    /// Returns the columns of a new row, and their values.
    fn new_row<'a>(&'a self, user: &'a LegacyUser) -> Result<Vec<(&'a Column, &'a Value)>, Failure> {
        let mut row = vec![];
        for (name, value) in user.iter() {
            row.push((self.column(name)?, value));
        }
        // Null is no value: a default is better than none.
        row.retain(|(column, value)| !value.is_null() || !column.has_default());
        // What a new user needs to be one, unless the user says otherwise.
        let flag = self.removal.as_ref().and_then(Removal::of_new_row);
        for (column, value) in filter::of_new_row(&self.conditions).chain(flag) {
            if !row.iter().any(|(earlier, _)| earlier.name == column.name) {
                row.push((column, value));
            }
        }
        Ok(row)
    }

    /// Lets the insertion return the new row, or makes a statement that reads it: MySQL has no `RETURNING`.
    fn read_back(
        &self,
        insert: &mut Statement,
        row: &[(&Column, &Value)],
    ) -> Result<Option<Statement>, Failure> {
        if self.dialect != Dialect::MySql {
            insert.push(" RETURNING ").push(&self.expressions());
            return Ok(None);
        }
        let mut read = Statement::new(self.dialect, format!("SELECT {} FROM", self.expressions()));
        read.push(" ").push(&self.name.quoted(self.dialect)).push(" WHERE ");
        let mut known = row.iter().filter(|(column, value)| column.unique && !value.is_null());
        let is_counted = self.key.kind == Kind::Integer && self.key.fill != Fill::Nothing;
        let key = known.clone().find(|(column, _)| column.name == self.key.name);
        match key.or_else(|| if is_counted { None } else { known.next() }) {
            Some((column, value)) => read.equals(column, value)?,
            None if is_counted => read.push(&self.dialect.quoted(&self.key.name)).push(" = LAST_INSERT_ID()"),
            None => {
                return Err(Failure::new(format!(
                    "the new row could not be found again, for the companion tables: neither the key `{}` nor another unique \
                     column is written",
                    self.key.name
                )));
            }
        };
        Ok(Some(read))
    }

    /// Updates the columns of a user, but for the key, and for values that a column cannot be without.
    pub(super) async fn update(
        &self,
        field: &str,
        value: &Value,
        changes: &LegacyUser,
    ) -> Result<bool, Failure> {
        let mut written = vec![];
        for (name, value) in changes.iter() {
            let column = self.writable(name)?;
            match value {
                // A row without a key may be linked to its user.
                value if column.name == self.key.name && column.nullable => {
                    written.push((column, Written::IfNull(value)));
                }
                _ if column.name == self.key.name => self.warn(column, "the key is never updated"),
                Value::Null if !column.nullable => self.warn(column, "null, and the column is NOT NULL"),
                value => written.push((column, Written::Value(value))),
            }
        }
        self.set(field, value, &written).await
    }

    /// Returns a column that an update may write: a configured one, the key, or the one that says who is removed.
    fn writable(&self, name: &str) -> Result<&Column, Failure> {
        let removal = self.removal.as_ref().map(|removal| &removal.column);
        self.field(name).or_else(|error| removal.filter(|column| column.name == name).ok_or(error))
    }

    fn warn(&self, column: &Column, why: &str) {
        if self.warnings.is_due() {
            let (table, column) = (&self.name, &column.name);
            tracing::warn!(%table, column, "an update leaves the column of a user as it is: {why}");
        }
    }

    async fn set(
        &self,
        field: &str,
        value: &Value,
        changes: &[(&Column, Written<'_>)],
    ) -> Result<bool, Failure> {
        if changes.is_empty() {
            let there = self.there(field, value)?;
            return Ok(!self.pool.rows(&there.sql, &there.values).await?.is_empty());
        }
        let mut statement = self.statement("UPDATE", " SET ");
        let mut comma = "";
        for (column, written) in changes {
            statement
                .push(comma)
                .push(&self.dialect.quoted(&column.name))
                .push(" = ")
                .written(column, *written)?;
            comma = ", ";
        }
        statement.push(" WHERE ");
        self.change(statement, field, value).await
    }

    pub(super) async fn remove(&self, field: &str, value: &Value) -> Result<bool, Failure> {
        if let Some(removal) = &self.removal {
            return self.set(field, value, &[(&removal.column, removal.written())]).await;
        }
        self.change(self.statement("DELETE FROM", " WHERE "), field, value).await
    }

    /// Runs a statement for one user, and returns whether they are there.
    async fn change(&self, mut statement: Statement, field: &str, value: &Value) -> Result<bool, Failure> {
        statement.equals(self.field(field)?, value)?;
        filter::push(&self.conditions, &mut statement, " AND ")?;
        self.pool.change(&statement, &self.there(field, value)?).await
    }
}
