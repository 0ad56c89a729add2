//! Tell which rows of the table are users.

use serde_json::Value;

use crate::upstream::sql::column::Column;
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::statements::Statement;

/// A condition on a column, as configured or of the table.
#[derive(Clone, Debug)]
pub(super) struct Condition<C = Column> {
    pub(super) column: C,
    pub(super) value: Value,
    pub(super) kind: Only,
}

/// What a condition does to the rows with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Only {
    These,
    Others,
}

/// Appends the conditions, the first after `before`, the rest after `AND`.
pub(super) fn push(
    conditions: &[Condition],
    statement: &mut Statement,
    mut before: &'static str,
) -> Result<(), Failure> {
    for Condition { column, value, kind } in conditions {
        statement.push(before);
        match kind {
            Only::These => statement.same(column, value)?,
            Only::Others => statement.differs(column, value)?,
        };
        before = " AND ";
    }
    Ok(())
}

/// The columns that a new row needs to pass, and their values.
pub(super) fn of_new_row(conditions: &[Condition]) -> impl Iterator<Item = (&Column, &Value)> {
    let only =
        conditions.iter().filter(|condition| condition.kind == Only::These && !condition.value.is_null());
    only.map(|condition| (&condition.column, &condition.value))
}
