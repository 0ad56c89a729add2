//! Tell whether a column can hold a value, without writing it.

use serde_json::Value;

use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::Dialect;
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::statements::Statement;

impl Column {
    /// Checks a value by what the catalog tells of the column. `CHECK` constraints and triggers are not known.
    pub(super) fn check(&self, dialect: Dialect, value: &Value) -> Result<(), String> {
        self.bound(dialect, value)?;
        let name = &self.name;
        let refuse = |why: String| Err(format!("the value for `{name}` {why}"));
        let text = value.as_str();
        let length = text.map_or(0, |text| text.chars().count());
        match self.max_length {
            _ if value.is_null() && !self.nullable => {
                refuse("is null, and the column is NOT NULL".to_owned())
            }
            Some(most) if self.kind == Kind::Text && length > most => {
                refuse(format!("has {length} characters, and the column takes {most}"))
            }
            _ if dialect == Dialect::MySql && !self.is_in_range(value) => {
                refuse(format!("is out of the range of {}", self.declared))
            }
            _ => Ok(()),
        }
    }

    /// Whether MySQL's type of integers has the number. True for other types.
    fn is_in_range(&self, value: &Value) -> bool {
        let bits = match &*self.cast {
            "tinyint" => 8,
            "smallint" => 16,
            "mediumint" => 24,
            "int" => 32,
            "bigint" => 64,
            _ => return true,
        };
        let Some(number) = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)) else {
            return true;
        };
        let range = match self.declared.to_lowercase().contains("unsigned") {
            true => 0..1 << bits,
            false => -(1 << (bits - 1))..1 << (bits - 1),
        };
        range.contains(&number)
    }
}

impl Statement {
    /// Makes a statement that fails, or has a row, if the column cannot hold the value. `None` where the database has none.
    pub(super) fn trial(dialect: Dialect, column: &Column, value: &Value) -> Result<Option<Self>, Failure> {
        let mut statement = Self::new(dialect, "SELECT '1' FROM (SELECT 1) AS one WHERE CAST(");
        let target = match dialect {
            _ if value.is_null() => return Ok(None),
            Dialect::Postgres => &*column.declared,
            Dialect::MySql if matches!(&*column.cast, "datetime" | "timestamp") => "datetime",
            Dialect::MySql if column.cast == "date" => "date",
            Dialect::MySql | Dialect::Sqlite => return Ok(None),
        };
        statement.value(column, value)?.push(" AS ").push(target).push(") IS NULL");
        Ok(Some(statement))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_checked_by_the_catalog() {
        let column = |kind, cast: &str, declared: &str| Column {
            declared: declared.to_owned(),
            max_length: Some(3),
            ..Column::of("a", kind, cast)
        };
        let text = column(Kind::Text, "varchar", "varchar(3)");
        let state = column(Kind::Label, "enum", "enum('On','o''ff')");
        let tiny = column(Kind::Integer, "tinyint", "tinyint(4)");
        let positive = column(Kind::Integer, "int", "int(10) unsigned");
        let required = Column { nullable: false, ..text.clone() };
        for (column, value, why) in [
            (&text, json!("äöü"), None),
            (&text, json!(null), None),
            (&text, json!("abcd"), Some("has 4 characters, and the column takes 3")),
            (&required, json!(null), Some("is null, and the column is NOT NULL")),
            (&state, json!("on"), None),
            (&state, json!("o'ff"), None),
            (&state, json!("away"), Some("is not one of enum('On','o''ff')")),
            (&tiny, json!(-128), None),
            (&tiny, json!(128), Some("is out of the range of tinyint(4)")),
            (&positive, json!(u32::MAX), None),
            (&positive, json!(-1), Some("is out of the range of int(10) unsigned")),
            (&positive, json!([]), Some("is an array, which the column cannot hold")),
        ] {
            let expected = why.map_or(Ok(()), |why| Err(format!("the value for `a` {why}")));
            assert_eq!(column.check(Dialect::MySql, &value), expected, "{value}");
        }
    }
}
