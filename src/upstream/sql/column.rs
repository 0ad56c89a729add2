//! Convert the values of a column between JSON and the database, as text that the database casts to the column's type.

use serde_json::{Number, Value};

use super::dialect::Dialect;
use super::texts::{bytes, in_utc, is_integer, is_padded, is_without_zone, number};
use crate::util::nul_characters::has_nul;

/// The kind of a column's values, as far as it matters to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bool,
    Integer,
    /// Other numbers: decimal and floating-point.
    Number,
    Json,
    /// An array of PostgreSQL, of any type.
    Array,
    /// Hexadecimal digits in JSON.
    Bytes,
    /// Bytes that are UTF-8: a text in JSON.
    TextInBytes,
    /// One of the texts that an enum of MySQL declares, or several of a set.
    Label,
    /// Times, UUIDs, enums and others that are formatted as text. In SQLite, any value.
    Other,
}

/// A column of the table, as the database describes it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// PostgreSQL's name of the type. Without a length, to which a cast would truncate the value.
    pub(crate) cast: String,
    /// The type as it was declared, with its length, as a domain or with the values of an enum.
    pub(crate) declared: String,
    /// The most characters of a text, where the catalog tells.
    pub(crate) max_length: Option<usize>,
    pub(crate) nullable: bool,
    pub(crate) unique: bool,
    /// Part of a unique index of several columns, or of some rows.
    pub(crate) partly_unique: bool,
    pub(crate) fill: Fill,
}

/// What the database puts into a column that a new row leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Null, or an error if the column is `NOT NULL`.
    Nothing,
    /// A default, or elsewhere than in MySQL a number that it counts.
    Value,
    /// MySQL's `AUTO_INCREMENT`, which `LAST_INSERT_ID()` returns.
    Counted,
    /// Perhaps a value: a trigger runs before the insertion, or nothing is known of the column.
    Perhaps,
    /// What it makes itself, and nobody else may write.
    Always,
}

/// A value that is bound in a statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    Null,
    Text(String),
    Integer(i64),
    Float(f64),
    Bytes(Vec<u8>),
}

impl Column {
    /// Returns the expression that reads the column as text or `NULL`.
    pub(crate) fn read(&self, dialect: Dialect) -> String {
        let name = dialect.quoted(&self.name);
        match (dialect, self.kind) {
            (_, Kind::TextInBytes) => self.read_hash(dialect),
            (Dialect::Postgres, Kind::Bytes) => format!("encode({name}, 'hex')"),
            (Dialect::Postgres, Kind::Json | Kind::Array | Kind::Other) => {
                format!("CAST(to_json({name}) AS text)")
            }
            (Dialect::Postgres, _) => format!("CAST({name} AS text)"),
            (Dialect::MySql, Kind::Text | Kind::Label) => format!("CONVERT({name} USING utf8mb4)"),
            (Dialect::MySql, Kind::Bytes) => format!("LOWER(HEX({name}))"),
            // `+ 0` turns `bit(1)` into a number.
            (Dialect::MySql, Kind::Bool | Kind::Integer) => format!("CAST({name} + 0 AS CHAR)"),
            // In UTC, whatever the session's zone is. The zero date is no point in time. `CONVERT_TZ` would read an hour of
            // each autumn wrong.
            (Dialect::MySql, Kind::Other) if self.cast.eq_ignore_ascii_case("timestamp") => format!(
                "JSON_QUOTE(COALESCE(CAST(TIMESTAMP'1970-01-01 00:00:00' + INTERVAL NULLIF(UNIX_TIMESTAMP({name}), 0) \
                 SECOND AS CHAR), CAST({name} AS CHAR)))"
            ),
            (Dialect::MySql, Kind::Other) => format!("JSON_QUOTE(CAST({name} AS CHAR))"),
            (Dialect::MySql, _) => format!("CAST({name} AS CHAR)"),
            (Dialect::Sqlite, kind) => {
                let (blob, else_) = match kind {
                    Kind::Other => (format!("json_quote(lower(hex({name})))"), format!("json_quote({name})")),
                    _ => (format!("lower(hex({name}))"), format!("CAST({name} AS TEXT)")),
                };
                format!("CASE typeof({name}) WHEN 'null' THEN NULL WHEN 'blob' THEN {blob} ELSE {else_} END")
            }
        }
    }

    /// Returns the expression that reads a password hash: unlike in [`read`](Self::read), bytes are its text.
    pub(crate) fn read_hash(&self, dialect: Dialect) -> String {
        let name = dialect.quoted(&self.name);
        match (dialect, self.kind) {
            (Dialect::Postgres, Kind::Bytes | Kind::TextInBytes) => format!("convert_from({name}, 'UTF8')"),
            (Dialect::MySql, Kind::Bytes | Kind::TextInBytes) => format!("CONVERT({name} USING utf8mb4)"),
            (Dialect::Sqlite, _) => format!("CAST({name} AS TEXT)"),
            _ => self.read(dialect),
        }
    }

    /// Returns the expression that writes a bound value.
    pub(crate) fn write(&self, dialect: Dialect, parameter: &str) -> String {
        match dialect {
            Dialect::MySql if self.cast.eq_ignore_ascii_case("timestamp") => {
                return format!("CONVERT_TZ({parameter}, '+00:00', @@SESSION.time_zone)");
            }
            Dialect::MySql | Dialect::Sqlite => return parameter.to_owned(),
            Dialect::Postgres => {}
        }
        let cast = &self.cast;
        match self.kind {
            Kind::Bytes | Kind::TextInBytes => format!("CAST({parameter} AS bytea)"),
            Kind::Array => format!(
                "CASE WHEN {parameter} IS NULL THEN NULL ELSE \
                 CAST(ARRAY(SELECT jsonb_array_elements_text(CAST({parameter} AS jsonb))) AS {cast}) END"
            ),
            _ => format!("CAST({parameter} AS {cast})"),
        }
    }

    /// Converts a value for binding.
    pub(crate) fn bound(&self, dialect: Dialect, value: &Value) -> Result<Bound, String> {
        if has_nul(value) {
            return Err(format!("the value for `{}` has a NUL character", self.name));
        }
        let bound = match (self.kind, value) {
            (_, Value::Null) => Some(Bound::Null),
            (Kind::Text, Value::String(text)) => Some(Bound::Text(text.clone())),
            (Kind::Text, other) => Some(Bound::Text(other.to_string())),
            (Kind::Json, value) => Some(Bound::Text(value.to_string())),
            (Kind::Array, Value::Array(_)) => Some(Bound::Text(value.to_string())),
            (Kind::Bytes, Value::String(text)) => bytes(text).map(Bound::Bytes),
            (Kind::TextInBytes, Value::String(text)) => Some(Bound::Bytes(text.clone().into_bytes())),
            (Kind::TextInBytes, other) => Some(Bound::Bytes(other.to_string().into_bytes())),
            (Kind::Bool | Kind::Integer | Kind::Number, Value::Bool(is)) => {
                Some(Bound::Integer((*is).into()))
            }
            (Kind::Bool, Value::Number(number)) => number.as_i64().map(Bound::Integer),
            (Kind::Integer, Value::Number(number)) if !number.is_f64() => Some(integer(&number.to_string())),
            (Kind::Integer | Kind::Number, Value::String(text)) if is_padded(text) => {
                return Err(format!(
                    "the value for `{}` is a number with zeros or a sign before it, which the column would lose: cut them \
                     off, such as by FieldMapping::to_legacy",
                    self.name
                ));
            }
            (Kind::Integer, Value::String(text)) => is_integer(text).then(|| integer(text)),
            (Kind::Number, Value::Number(number)) => Some(self.number(number)),
            (Kind::Number, Value::String(text)) => {
                text.parse::<f64>().is_ok().then(|| Bound::Text(text.clone()))
            }
            (Kind::Label, value) => {
                let label = self.label(value).map(Bound::Text);
                return label
                    .ok_or_else(|| format!("the value for `{}` is not one of {}", self.name, self.declared));
            }
            (Kind::Other, Value::String(text)) if (dialect, &*self.cast) == (Dialect::MySql, "timestamp") => {
                Some(Bound::Text(in_utc(text).unwrap_or_else(|| text.clone())))
            }
            (Kind::Other, Value::String(text)) if self.cast == WITH_ZONE && is_without_zone(text) => {
                Some(Bound::Text(format!("{text} UTC")))
            }
            (Kind::Other, Value::String(text)) => Some(Bound::Text(text.clone())),
            (Kind::Other, Value::Number(number)) => Some(self.number(number)),
            (Kind::Other, Value::Bool(is)) => Some(Bound::Integer((*is).into())),
            (Kind::Other, value) => Some(Bound::Text(value.to_string())),
            _ => None,
        };
        let bound = bound.ok_or_else(|| {
            format!("the value for `{}` is {}, which the column cannot hold", self.name, described(value))
        })?;
        Ok(if dialect == Dialect::Postgres { self.as_text(bound, value) } else { bound })
    }

    /// Converts a password hash for binding.
    pub(crate) fn hash(&self, hash: String) -> Bound {
        match self.kind {
            Kind::Bytes | Kind::TextInBytes => Bound::Bytes(hash.into_bytes()),
            _ => Bound::Text(hash),
        }
    }

    /// Whether a new row is refused that leaves the column out.
    pub(crate) fn must_be_filled(&self) -> bool {
        !self.nullable && self.fill == Fill::Nothing
    }

    /// Whether the database has something better than null for a new row, which it would refuse.
    pub(crate) fn has_default(&self) -> bool {
        !self.nullable && self.fill != Fill::Nothing
    }

    fn number(&self, number: &Number) -> Bound {
        match (number.as_i64(), number.as_f64().filter(|_| number.is_f64())) {
            (Some(integer), _) => Bound::Integer(integer),
            (None, Some(float)) => Bound::Float(float),
            // Beyond the range of `i64`, and so of SQLite's integers.
            (None, None) => Bound::Text(number.to_string()),
        }
    }

    /// Converts a value to text, which PostgreSQL casts.
    fn as_text(&self, bound: Bound, value: &Value) -> Bound {
        match bound {
            Bound::Integer(integer) if self.kind == Kind::Bool => Bound::Text((integer != 0).to_string()),
            // PostgreSQL's name of `bit(1)` without the length.
            Bound::Integer(integer) if self.cast == "\"bit\"" => Bound::Text(integer.to_string()),
            Bound::Integer(_) if self.kind == Kind::Other => Bound::Text(value.to_string()),
            Bound::Integer(integer) => Bound::Text(integer.to_string()),
            Bound::Float(_) => Bound::Text(value.to_string()),
            bound => bound,
        }
    }

    /// Converts what [`read`](Self::read) returned to JSON.
    pub(crate) fn value(&self, read: Option<String>) -> Value {
        let Some(text) = read else { return Value::Null };
        match self.kind {
            Kind::Text | Kind::Bytes | Kind::TextInBytes | Kind::Label => text.into(),
            Kind::Bool => match text.as_str() {
                "1" | "true" => true.into(),
                "0" | "false" => false.into(),
                _ => number(text),
            },
            Kind::Integer | Kind::Number => number(text),
            Kind::Json | Kind::Array | Kind::Other => {
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
        }
    }
}

/// PostgreSQL's name of the type whose texts are read in the session's zone, unless they name another.
const WITH_ZONE: &str = "timestamp with time zone";

fn integer(text: &str) -> Bound {
    text.parse().map_or_else(|_| Bound::Text(text.to_owned()), Bound::Integer)
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number of another kind",
        Value::String(_) => "a text of another kind",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    impl Column {
        /// A nullable column of this type.
        pub(crate) fn of(name: &str, kind: Kind, cast: &str) -> Self {
            Self {
                name: name.to_owned(),
                kind,
                cast: cast.to_owned(),
                declared: cast.to_owned(),
                max_length: None,
                nullable: true,
                unique: false,
                partly_unique: false,
                fill: Fill::Nothing,
            }
        }
    }

    fn column(kind: Kind) -> Column {
        Column::of("a", kind, "type")
    }

    #[test]
    fn values_are_converted_to_the_type_of_the_column() {
        let text = |text: &str| Some(Bound::Text(text.to_owned()));
        for (kind, value, mysql, postgres) in [
            (Kind::Text, json!("é"), text("é"), text("é")),
            (Kind::Text, json!(42), text("42"), text("42")),
            (Kind::Text, json!(true), text("true"), text("true")),
            (Kind::Text, json!(["a"]), text("[\"a\"]"), text("[\"a\"]")),
            (Kind::Text, Value::Null, Some(Bound::Null), Some(Bound::Null)),
            (Kind::Text, json!("a\0"), None, None),
            (Kind::Text, json!({ "a": [{ "\0": 1 }] }), None, None),
            (Kind::Bool, json!(true), Some(Bound::Integer(1)), text("true")),
            (Kind::Bool, json!(0), Some(Bound::Integer(0)), text("false")),
            (Kind::Bool, json!("true"), None, None),
            (Kind::Integer, json!(-7), Some(Bound::Integer(-7)), text("-7")),
            (Kind::Integer, json!("7"), Some(Bound::Integer(7)), text("7")),
            (Kind::Integer, json!(u64::MAX), text("18446744073709551615"), text("18446744073709551615")),
            // MySQL would convert it to 0, and find that.
            (Kind::Integer, json!("seven"), None, None),
            (Kind::Integer, json!(""), None, None),
            (Kind::Integer, json!(7.0), None, None),
            (Kind::Integer, json!([]), None, None),
            (Kind::Number, json!(0.1), Some(Bound::Float(0.1)), text("0.1")),
            (Kind::Number, json!(7), Some(Bound::Integer(7)), text("7")),
            (Kind::Number, json!("0.30"), text("0.30"), text("0.30")),
            (Kind::Number, json!("x"), None, None),
            (Kind::Json, json!("x"), text("\"x\""), text("\"x\"")),
            (Kind::Array, json!([1]), text("[1]"), text("[1]")),
            (Kind::Array, json!("x"), None, None),
            (Kind::Bytes, json!("00fF"), Some(Bound::Bytes(vec![0, 255])), Some(Bound::Bytes(vec![0, 255]))),
            (Kind::Bytes, json!("0"), None, None),
            (Kind::Bytes, json!("+1"), None, None),
            (
                Kind::TextInBytes,
                json!("é"),
                Some(Bound::Bytes(vec![195, 169])),
                Some(Bound::Bytes(vec![195, 169])),
            ),
            (Kind::Other, json!("2024-02-29"), text("2024-02-29"), text("2024-02-29")),
            (Kind::Other, json!(7), Some(Bound::Integer(7)), text("7")),
            (Kind::Other, json!(true), Some(Bound::Integer(1)), text("true")),
        ] {
            assert_eq!(column(kind).bound(Dialect::MySql, &value).ok(), mysql, "{kind:?} {value}");
            assert_eq!(column(kind).bound(Dialect::Postgres, &value).ok(), postgres, "{kind:?} {value}");
        }
    }

    #[test]
    fn times_without_a_zone_are_in_utc() {
        let time = Column { cast: WITH_ZONE.to_owned(), ..column(Kind::Other) };
        for (text, bound) in [
            ("2024-02-29", "2024-02-29 UTC"),
            ("2024-02-29 01:02:03.5", "2024-02-29 01:02:03.5 UTC"),
            ("2024-02-29T01:02", "2024-02-29T01:02 UTC"),
            ("2024-02-29T01:02:03Z", "2024-02-29T01:02:03Z"),
            ("2024-02-29 01:02:03-08", "2024-02-29 01:02:03-08"),
            ("2024-02-29 01:02:03 Asia/Shanghai", "2024-02-29 01:02:03 Asia/Shanghai"),
            ("2024-02-29x", "2024-02-29x"),
            ("infinity", "infinity"),
            ("用户用户", "用户用户"),
            ("now", "now"),
        ] {
            let text = json!(text);
            assert_eq!(time.bound(Dialect::Postgres, &text).unwrap(), Bound::Text(bound.into()), "{text}");
            assert_eq!(
                column(Kind::Other).bound(Dialect::Postgres, &text).unwrap(),
                Bound::Text(text.as_str().unwrap().into())
            );
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (text, value) in [
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("1.50", json!(1.5)),
            ("0.1", json!(0.1)),
            ("0.1000000000000000055", json!("0.1000000000000000055")),
            ("3.141592653589793", json!(std::f64::consts::PI)),
            ("NaN", json!("NaN")),
            ("many", json!("many")),
        ] {
            assert_eq!(column(Kind::Number).value(Some(text.to_owned())), value, "{text}");
        }
        assert_eq!(column(Kind::Bool).value(Some("2".to_owned())), json!(2));
        assert_eq!(column(Kind::Json).value(Some("{".to_owned())), json!("{"));
        assert_eq!(column(Kind::Json).value(None), Value::Null);
    }
}
