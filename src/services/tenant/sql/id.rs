//! Ids as values of a column. What the column cannot hold is no id of a row, and no reason to ask the database.

use serde_json::Value;

use crate::types::error::BuildError;
use crate::types::user::UserId;
use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::{Dialect, Table};

/// Checks that ids in this column can be compared.
pub(super) fn check(dialect: Dialect, table: &Table, column: &Column) -> Result<(), BuildError> {
    let is_other = column.kind == Kind::Other && (dialect == Dialect::Sqlite || column.cast == "uuid");
    if is_other || matches!(column.kind, Kind::Text | Kind::Integer) {
        return Ok(());
    }
    let (name, declared) = (&column.name, &column.declared);
    Err(BuildError::new(format!(
        "the column `{name}` of the table `{table}` is of the type {declared}; ids are texts, integers or UUIDs"
    )))
}

/// Returns a user's id; `None` if no row of the column has it.
pub(super) fn of_user(column: &Column, id: &UserId) -> Option<Value> {
    match id {
        UserId::Int(number) => value(column, &number.to_string()),
        UserId::Str(text) => value(column, text),
    }
}

/// Returns an id as the column has it; `None` if no row of it has it. An id has one spelling.
pub(super) fn value(column: &Column, id: &str) -> Option<Value> {
    match column.kind {
        _ if id.contains('\0') => None,
        Kind::Integer => {
            let number: i64 = id.parse().ok().filter(|number: &i64| number.to_string() == id)?;
            // PostgreSQL fails to cast what is out of the range.
            let fits = match &*column.cast {
                "smallint" => i16::try_from(number).is_ok(),
                "integer" => i32::try_from(number).is_ok(),
                _ => true,
            };
            fits.then(|| number.into())
        }
        // As it is to cast what is no UUID.
        Kind::Other if column.cast == "uuid" => is_uuid(id).then(|| id.into()),
        _ => Some(id.into()),
    }
}

/// Whether it is a UUID in the spelling that PostgreSQL gives it.
fn is_uuid(id: &str) -> bool {
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, u8)| match is_dash(at) {
        true => byte == b'-',
        false => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    id.len() == 36 && id.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn id_that_no_row_can_have_is_none() {
        let uuid = "3f6c0b9e-9d5e-4c5e-8a55-0a2f7b1f9a10";
        for (kind, cast, id, expected) in [
            (Kind::Text, "text", "acme", Some(json!("acme"))),
            (Kind::Text, "text", "07", Some(json!("07"))),
            (Kind::Text, "text", "a\0", None),
            (Kind::Integer, "bigint", "7", Some(json!(7))),
            (Kind::Integer, "bigint", "9223372036854775807", Some(json!(i64::MAX))),
            (Kind::Integer, "bigint", "9223372036854775808", None),
            (Kind::Integer, "integer", "2147483647", Some(json!(i32::MAX))),
            (Kind::Integer, "integer", "2147483648", None),
            (Kind::Integer, "smallint", "32768", None),
            (Kind::Integer, "int", "acme", None),
            (Kind::Integer, "int", "07", None),
            (Kind::Integer, "int", "+7", None),
            (Kind::Integer, "int", "7 ", None),
            (Kind::Other, "uuid", uuid, Some(json!(uuid))),
            (Kind::Other, "uuid", &uuid.to_uppercase(), None),
            (Kind::Other, "uuid", &uuid.replace('-', ""), None),
            (Kind::Other, "uuid", &uuid.replace('9', "g"), None),
            (Kind::Other, "uuid", "acme", None),
        ] {
            assert_eq!(value(&Column::of("id", kind, cast), id), expected, "{kind:?} {id}");
        }
    }
}
