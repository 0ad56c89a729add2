//! The statements, with every name quoted and every value bound.

use serde_json::Value;

use super::column::{Bound, Column, Kind};
use super::dialect::Dialect;
use super::failure::Failure;

/// A statement that is being written, with what is bound in it.
pub(super) struct Statement {
    dialect: Dialect,
    pub(super) sql: String,
    pub(super) values: Vec<Bound>,
}

impl Statement {
    pub(super) fn new(dialect: Dialect, sql: impl Into<String>) -> Self {
        Self { dialect, sql: sql.into(), values: vec![] }
    }

    pub(super) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// The place of one more value.
    fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        self.dialect.parameter(self.values.len())
    }

    /// A value as the column takes it.
    pub(super) fn value(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        let bound = column.bound(self.dialect, value).map_err(Failure::new)?;
        Ok(self.bound(column, bound))
    }

    pub(super) fn bound(&mut self, column: &Column, bound: Bound) -> &mut Self {
        // MySQL's places have no numbers, and it takes no array, the only kind of column that names its place twice.
        let parameter = self.bind(bound);
        let written = column.write(self.dialect, &parameter);
        self.push(&written)
    }

    /// `column = value`, and for texts more than what the column's collation takes for equal: otherwise `josé` would be
    /// `jose`, and `Root` would be `root`. The first part is for the index.
    pub(super) fn equals(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        let name = self.dialect.quoted(&column.name);
        self.push(&name).push(" = ").value(column, value)?;
        if column.kind == Kind::Text {
            let bound = column.bound(self.dialect, value).map_err(Failure::new)?;
            let place = self.bind(bound);
            let same = match self.dialect {
                Dialect::Postgres => format!("CAST({name} AS text) = CAST({place} AS text) COLLATE \"C\""),
                Dialect::MySql => {
                    format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY) = CAST({place} AS BINARY)")
                }
                Dialect::Sqlite => format!("{name} = {place} COLLATE BINARY"),
            };
            self.push(" AND ").push(&same);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(kind: Kind, cast: &str) -> Column {
        Column { name: "a\"`b".to_owned(), kind, cast: cast.to_owned(), nullable: true, unique: false }
    }

    #[test]
    fn conditions() {
        for (dialect, column, value, sql, values) in [
            (
                Dialect::Postgres,
                column(Kind::Text, "citext"),
                json!("x"),
                "\"a\"\"`b\" = CAST($1 AS citext) AND CAST(\"a\"\"`b\" AS text) = CAST($2 AS text) COLLATE \"C\"",
                vec![Bound::Text("x".into()); 2],
            ),
            (
                Dialect::Postgres,
                column(Kind::Integer, "bigint"),
                json!(7),
                "\"a\"\"`b\" = CAST($1 AS bigint)",
                vec![Bound::Text("7".into())],
            ),
            (
                Dialect::MySql,
                column(Kind::Text, "varchar"),
                // A text is compared with a text: `42` is not `42nd`.
                json!(42),
                "`a\"``b` = ? AND CAST(CONVERT(`a\"``b` USING utf8mb4) AS BINARY) = CAST(? AS BINARY)",
                vec![Bound::Text("42".into()); 2],
            ),
            (
                Dialect::MySql,
                column(Kind::Integer, "int"),
                json!("7"),
                "`a\"``b` = ?",
                vec![Bound::Integer(7)],
            ),
            (
                Dialect::Sqlite,
                column(Kind::Text, "text"),
                json!("x"),
                "\"a\"\"`b\" = ?1 AND \"a\"\"`b\" = ?2 COLLATE BINARY",
                vec![Bound::Text("x".into()); 2],
            ),
            (
                Dialect::Sqlite,
                column(Kind::Bool, "boolean"),
                json!(true),
                "\"a\"\"`b\" = ?1",
                vec![Bound::Integer(1)],
            ),
        ] {
            let mut statement = Statement::new(dialect, "");
            statement.equals(&column, &value).unwrap();
            assert_eq!((&*statement.sql, &statement.values), (sql, &values));
        }
    }
}
