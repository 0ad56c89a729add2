//! Create, update and remove users.

use serde_json::Value;

use super::super::legacy_user::LegacyUser;
use super::column::{Column, Fill};
use super::failure::Failure;
use super::filter;
use super::removal::Removal;
use super::statements::{Statement, Written};
use super::user_table::UserTable;

impl UserTable {
    pub(super) async fn create(&self, user: &LegacyUser, hash: Option<String>) -> Result<(), Failure> {
        let statement = self.insert(user, hash)?;
        self.pool.insert(&statement).await
    }

    fn insert(&self, user: &LegacyUser, hash: Option<String>) -> Result<Statement, Failure> {
        let mut row = vec![];
        for (name, value) in user.iter() {
            row.push((self.column(name)?, value));
        }
        // Null is no value: a default is better than none.
        row.retain(|(column, value)| column.nullable || column.fill == Fill::Nothing || !value.is_null());
        // What a new user needs to be one, unless the user says otherwise.
        let flag = self.removal.as_ref().and_then(Removal::of_new_row);
        for (column, value) in filter::of_new_row(&self.conditions).chain(flag) {
            if !row.iter().any(|(earlier, _)| earlier.name == column.name) {
                row.push((column, value));
            }
        }
        let mut statement = self.statement("INSERT INTO", " (");
        let mut values = Statement::new(self.dialect, "");
        let mut comma = "";
        for (column, value) in row {
            statement.push(comma).push(&self.dialect.quoted(&column.name));
            values.push(comma).value(column, value)?;
            comma = ", ";
        }
        if let (Some(column), Some(hash)) = (&self.password, hash) {
            statement.push(comma).push(&self.dialect.quoted(&column.name));
            values.push(comma).bound(column, column.hash(hash));
        }
        statement.push(") VALUES (").push(&values.sql).push(")");
        statement.values = values.values;
        Ok(statement)
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
