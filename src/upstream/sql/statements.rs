//! Build statements with every name quoted and every value bound.

use serde_json::Value;

use super::column::{Bound, Column, Kind};
use super::dialect::{Dialect, Table};
use super::failure::Failure;

/// What an update puts into a column.
#[derive(Clone, Copy)]
pub(crate) enum Written<'a> {
    Value(&'a Value),
    /// The value, where there is none.
    IfNull(&'a Value),
}

/// A statement in the making, with its bound values.
pub(crate) struct Statement {
    dialect: Dialect,
    pub(crate) sql: String,
    pub(crate) values: Vec<Bound>,
}

impl Statement {
    pub(crate) fn new(dialect: Dialect, sql: impl Into<String>) -> Self {
        Self { dialect, sql: sql.into(), values: vec![] }
    }

    /// Inserts a row.
    pub(crate) fn insert(dialect: Dialect, table: &Table, row: Vec<(&Column, Bound)>) -> Self {
        let mut statement = Self::new(dialect, format!("INSERT INTO {} (", table.quoted(dialect)));
        let names: Vec<_> = row.iter().map(|(column, _)| dialect.quoted(&column.name)).collect();
        statement.push(&names.join(", ")).push(") VALUES (");
        let mut comma = "";
        for (column, bound) in row {
            statement.push(comma).bound(column, bound);
            comma = ", ";
        }
        statement.push(")");
        statement
    }

    pub(crate) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Binds a value, and returns its placeholder.
    fn bind(&mut self, value: Bound) -> String {
        self.values.push(value);
        self.dialect.parameter(self.values.len())
    }

    /// Appends a value, converted to the type of the column.
    pub(crate) fn value(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        let bound = column.bound(self.dialect, value).map_err(Failure::new)?;
        Ok(self.bound(column, bound))
    }

    fn bound(&mut self, column: &Column, bound: Bound) -> &mut Self {
        // `write` repeats the placeholder for arrays only, which MySQL lacks: its placeholders have no numbers.
        let parameter = self.bind(bound);
        let written = column.write(self.dialect, &parameter);
        self.push(&written)
    }

    /// Appends what an update puts into the column.
    pub(crate) fn written(&mut self, column: &Column, written: Written<'_>) -> Result<&mut Self, Failure> {
        match written {
            Written::Value(value) => self.value(column, value),
            Written::IfNull(value) => {
                let name = self.dialect.quoted(&column.name);
                self.push("COALESCE(").push(&name).push(", ").value(column, value)?;
                Ok(self.push(")"))
            }
        }
    }

    /// Appends a condition: the column has the value, as the column's type and collation compare.
    pub(crate) fn same(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        let name = self.dialect.quoted(&column.name);
        if value.is_null() {
            return Ok(self.push(&name).push(" IS NULL"));
        }
        // PostgreSQL's `json` has no comparison.
        if (self.dialect, column.kind) == (Dialect::Postgres, Kind::Json) {
            self.push(&format!("CAST({name} AS jsonb) = CAST(")).value(column, value)?;
            return Ok(self.push(" AS jsonb)"));
        }
        self.push(&name).push(" = ").value(column, value)
    }

    /// Appends a condition: the column has another value, or none.
    pub(crate) fn differs(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        let name = self.dialect.quoted(&column.name);
        if value.is_null() {
            return Ok(self.push(&name).push(" IS NOT NULL"));
        }
        self.push("(").push(&name).push(" IS NULL OR NOT (").same(column, value)?;
        Ok(self.push("))"))
    }

    /// Appends a condition: the column has no value, or an empty text.
    pub(crate) fn lacks(&mut self, column: &Column) -> Result<&mut Self, Failure> {
        if !matches!(column.kind, Kind::Text | Kind::TextInBytes) {
            return self.same(column, &Value::Null);
        }
        self.push("(").same(column, &Value::Null)?.push(" OR ").same(column, &"".into())?;
        Ok(self.push(")"))
    }

    /// Appends a condition: the column has exactly this value. For texts, adds a binary comparison: otherwise a collation
    /// could take `josé` for `jose`, or `Root` for `root`. The first comparison is there for the index. No row has null.
    pub(crate) fn equals(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        if value.is_null() {
            return Ok(self.push("1 = 0"));
        }
        self.same(column, value)?;
        if self.needs_exact(column, value) {
            self.push(" AND ").exactly(column, value)?;
        }
        Ok(self)
    }

    /// Whether the first comparison may take another text for the same. In SQLite, that is the collation of a column of any
    /// type, and some declared types, such as `STRING`, turn `007` into a number.
    pub(crate) fn needs_exact(&self, column: &Column, value: &Value) -> bool {
        column.kind == Kind::Text
            || (self.dialect, column.kind) == (Dialect::Sqlite, Kind::Other) && value.is_string()
    }

    /// Appends a condition: the column has the same bytes as the value.
    pub(crate) fn exactly(&mut self, column: &Column, value: &Value) -> Result<&mut Self, Failure> {
        let name = self.dialect.quoted(&column.name);
        let bound = column.bound(self.dialect, value).map_err(Failure::new)?;
        let parameter = self.bind(bound);
        let same = match self.dialect {
            Dialect::Postgres => format!("CAST({name} AS text) = CAST({parameter} AS text) COLLATE \"C\""),
            Dialect::MySql => {
                format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY) = CAST({parameter} AS BINARY)")
            }
            Dialect::Sqlite if column.kind == Kind::Text => format!("{name} = {parameter} COLLATE BINARY"),
            Dialect::Sqlite => format!("CAST({name} AS TEXT) = {parameter} COLLATE BINARY"),
        };
        Ok(self.push(&same))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(kind: Kind, cast: &str) -> Column {
        Column::of("a\"`b", kind, cast)
    }

    #[test]
    fn equality_is_exact_and_uses_the_index() {
        for (dialect, column, value, sql, values) in [
            (
                Dialect::Sqlite,
                column(Kind::Other, "string"),
                json!("x"),
                "\"a\"\"`b\" = ?1 AND CAST(\"a\"\"`b\" AS TEXT) = ?2 COLLATE BINARY",
                vec![Bound::Text("x".into()); 2],
            ),
            (
                Dialect::Sqlite,
                column(Kind::Other, "string"),
                json!(7),
                "\"a\"\"`b\" = ?1",
                vec![Bound::Integer(7)],
            ),
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
                // Compared as a text, since MySQL would take `42nd` for the number 42.
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
