//! Create, update and remove users.

use serde_json::Value;

use super::super::legacy_user::LegacyUser;
use super::filter;
use super::removal::Removal;
use super::user_table::UserTable;
use crate::upstream::sql::column::{Column, Fill, Kind};
use crate::upstream::sql::dialect::Dialect;
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::pool::{Proof, Texts};
use crate::upstream::sql::statements::{Statement, Written};

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
        let check = self.passes(&row)?;
        if self.companions.is_empty() {
            return self.pool.insert(&statement, check.as_ref()).await;
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
        self.pool.insert_with(&statement, check.as_ref(), read.as_ref(), companions).await
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

    /// Selects `1` if the new row is one of the users, and `0` if it is not: the store would not find it again, and would
    /// insert one more at each event. Rows are those with the same texts and integers, since no other values are certain to
    /// be read as they were written.
    fn passes(&self, row: &[(&Column, &Value)]) -> Result<Option<Statement>, Failure> {
        let is_comparable = |column: &Column| matches!(column.kind, Kind::Text | Kind::Integer);
        if self.conditions.is_empty() || !row.iter().any(|(column, _)| is_comparable(column)) {
            return Ok(None);
        }
        let mut statement = Statement::new(self.dialect, "SELECT CASE WHEN ");
        filter::push(&self.conditions, &mut statement, "")?;
        statement.push(" THEN '1' ELSE '0' END AS passes FROM ").push(&self.name.quoted(self.dialect));
        let mut before = " WHERE ";
        for (column, value) in row.iter().filter(|(column, _)| is_comparable(column)) {
            statement.push(before).same(column, value)?;
            before = " AND ";
        }
        statement.push(" ORDER BY passes DESC LIMIT 1");
        Ok(Some(statement))
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
        let is_counted =
            self.key.kind == Kind::Integer && matches!(self.key.fill, Fill::Counted | Fill::Perhaps);
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
        let written = self.written(changes)?;
        if written.is_empty() {
            let there = self.there(field, value)?;
            return Ok(!self.pool.rows(&there.sql, &there.values).await?.is_empty());
        }
        self.change(self.assignments(&written)?, field, value).await
    }

    /// Returns what an update writes of these changes.
    fn written<'a>(&'a self, changes: &'a LegacyUser) -> Result<Vec<(&'a Column, Written<'a>)>, Failure> {
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
        Ok(written)
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

    /// Begins an update of these columns, up to its conditions.
    fn assignments(&self, changes: &[(&Column, Written<'_>)]) -> Result<Statement, Failure> {
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
        Ok(statement)
    }

    pub(super) async fn remove(&self, field: &str, value: &Value) -> Result<bool, Failure> {
        let Some(removal) = &self.removal else {
            return self.change(self.statement("DELETE FROM", " WHERE "), field, value).await;
        };
        let mut statement = self.statement("UPDATE", " SET ");
        removal.push_mark(&mut statement, self.dialect)?;
        self.push_user(statement.push(" WHERE "), field, value)?;
        removal.push_unmarked(&mut statement)?;
        // Policies and triggers may leave the row as it is, and a removed user must not stay.
        let mut marked = Statement::new(self.dialect, "SELECT ");
        removal.is_marked(&mut marked)?;
        marked.push(" FROM ").push(&self.name.quoted(self.dialect));
        self.push_user(marked.push(" WHERE "), field, value)?;
        self.pool.change(&statement, &self.there(field, value)?, self.proof(Some(&marked))).await
    }

    /// Runs a statement for one user, and returns whether they are there.
    async fn change(&self, mut statement: Statement, field: &str, value: &Value) -> Result<bool, Failure> {
        self.push_user(&mut statement, field, value)?;
        self.pool.change(&statement, &self.there(field, value)?, self.proof(None)).await
    }

    /// What shows that a change was made which the database does not count.
    fn proof<'a>(&self, shown: Option<&'a Statement>) -> Proof<'a> {
        match shown {
            Some(shown) => Proof::Shown(shown),
            // A policy lets the role see the row, and not change it.
            None if self.hides_rows => Proof::Count,
            None => Proof::Row,
        }
    }

    /// Appends conditions: the row is that of this user, and one of a user.
    pub(super) fn push_user(
        &self,
        statement: &mut Statement,
        field: &str,
        value: &Value,
    ) -> Result<(), Failure> {
        statement.equals(self.field(field)?, value)?;
        filter::push(&self.conditions, statement, " AND ")
    }

    /// Updates a row without a value in `unlinked`, and no other: it may have got one since it was read.
    pub(super) async fn link(
        &self,
        field: &str,
        value: &Value,
        unlinked: &str,
        changes: &LegacyUser,
    ) -> Result<bool, Failure> {
        let unlinked = self.field(unlinked)?;
        let written = self.written(changes)?;
        let mut statement = self.assignments(&written)?;
        let mut there = self.there(field, value)?;
        self.push_user(&mut statement, field, value)?;
        for statement in [&mut statement, &mut there] {
            statement.push(" AND ").lacks(unlinked)?;
        }
        self.pool.change(&statement, &there, self.proof(None)).await
    }
}
