//! Mark the rows of removed users.

use serde_json::Value;

use super::on_delete::OnDelete;
use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::Dialect;
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::statements::Statement;

/// The column that says who is removed.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) column: Column,
    mark: Mark,
    /// What brings a user back, if that is known.
    pub(super) restored: Option<Value>,
}

#[derive(Debug)]
enum Mark {
    Value(Value),
    /// The expression of the current time.
    Now(&'static str),
}

impl Removal {
    /// Checks that the column can hold the option's values, as far as the catalog tells. `None` where rows are deleted.
    pub(super) fn new(on_delete: OnDelete, dialect: Dialect, column: Column) -> Result<Option<Self>, String> {
        let (mark, restored) = match on_delete {
            OnDelete::Row => return Ok(None),
            OnDelete::Set { value, restored, .. } => (Mark::Value(value), restored),
            OnDelete::Now { restored, .. } => {
                let Some(now) = column.now(dialect) else {
                    let Column { name, declared, .. } = &column;
                    return Err(format!(
                        "the column `{name}` is of the type `{declared}`, and the current time needs one of a date or time: \
                         choose another, or a fixed value (OnDelete::set)"
                    ));
                };
                (Mark::Now(now), Some(restored))
            }
        };
        let removal = Self { column, mark, restored };
        for value in removal.values() {
            removal.column.check(dialect, value)?;
        }
        Ok(Some(removal))
    }

    /// The values that the column is given.
    fn values(&self) -> impl Iterator<Item = &Value> {
        let mark = match &self.mark {
            Mark::Value(value) => Some(value),
            Mark::Now(_) => None,
        };
        mark.into_iter().chain(&self.restored)
    }

    /// Statements that fail, or have a row, if the column cannot hold a value. They change nothing.
    pub(super) fn trials(&self, dialect: Dialect) -> Result<Vec<Statement>, Failure> {
        let trials = self.values().map(|value| Statement::trial(dialect, &self.column, value));
        trials.filter_map(Result::transpose).collect()
    }

    /// Appends the expression that is `1` in rows of removed users.
    pub(super) fn is_marked(&self, statement: &mut Statement) -> Result<(), Failure> {
        statement.push("CASE WHEN ");
        match &self.mark {
            Mark::Value(value) => statement.same(&self.column, value)?,
            Mark::Now(_) => {
                statement.differs(&self.column, &Value::Null)?;
                if let Some(restored) = self.restored.as_ref().filter(|restored| !restored.is_null()) {
                    statement.push(" AND ").differs(&self.column, restored)?;
                }
                statement
            }
        }
        .push(" THEN '1' ELSE '0' END");
        Ok(())
    }

    /// Appends what sets the column when a user is removed.
    pub(super) fn push_mark(&self, statement: &mut Statement, dialect: Dialect) -> Result<(), Failure> {
        statement.push(&dialect.quoted(&self.column.name)).push(" = ");
        match &self.mark {
            Mark::Value(value) => statement.value(&self.column, value)?,
            Mark::Now(now) => statement.push(now),
        };
        Ok(())
    }

    /// Appends a condition: the row is that of a user who is there. A time of removal is not written twice, for the first is
    /// the right one; a value may be, which does no harm.
    pub(super) fn push_unmarked(&self, statement: &mut Statement) -> Result<(), Failure> {
        if let Mark::Now(_) = self.mark {
            statement.push(" AND ");
            self.is_marked(statement)?;
            statement.push(" = '0'");
        }
        Ok(())
    }

    /// What a new row needs in the column, which the database leaves empty.
    pub(super) fn of_new_row(&self) -> Option<(&Column, &Value)> {
        let value = self.restored.as_ref().filter(|value| !value.is_null())?;
        self.column.must_be_filled().then_some((&self.column, value))
    }
}

impl Column {
    /// Returns the expression of the current time, in the column's type. `None` if it is of no such type.
    fn now(&self, dialect: Dialect) -> Option<&'static str> {
        let declared = self.cast.to_ascii_lowercase();
        let is_date = declared == "date";
        let is_time = match dialect {
            Dialect::Postgres => declared.starts_with("timestamp"),
            Dialect::MySql => matches!(&*declared, "datetime" | "timestamp"),
            Dialect::Sqlite => {
                self.kind == Kind::Text
                    || declared.starts_with("datetime")
                    || declared.starts_with("timestamp")
            }
        };
        match (is_date, is_time) {
            (true, _) => Some("CURRENT_DATE"),
            (false, true) => Some("CURRENT_TIMESTAMP"),
            (false, false) => None,
        }
    }
}
