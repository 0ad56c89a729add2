//! Look up the columns of a table in the database's catalog.

use super::column::{Column, Kind};
use super::dialect::{Dialect, Table};

/// The statement that selects the columns: name, type, full type or category, whether it is nullable, and whether it is
/// unique. The columns of a view all count as unique, since that cannot be looked up.
pub(super) fn statement(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => POSTGRES,
        Dialect::MySql => MYSQL,
        Dialect::Sqlite => SQLITE,
    }
}

/// The values that are bound in the statement.
pub(super) fn names(dialect: Dialect, table: &Table) -> Vec<Option<String>> {
    match dialect {
        Dialect::Postgres => vec![Some(table.quoted(dialect))],
        Dialect::MySql => vec![table.schema.clone(), Some(table.name.clone())],
        Dialect::Sqlite => {
            vec![Some(table.name.clone()), Some(table.schema.clone().unwrap_or_else(|| "main".to_owned()))]
        }
    }
}

/// Domains are resolved to their base types: a cast to a domain would truncate its values.
const POSTGRES: &str = "
WITH RECURSIVE based AS (
    SELECT a.attrelid, a.attnum, a.attname, a.attnotnull, a.atttypid AS type
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attrelid, b.attnum, b.attname, b.attnotnull, t.typbasetype
    FROM based b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT CAST(b.attname AS text), format_type(b.type, -1), CAST(t.typcategory AS text),
    CASE WHEN b.attnotnull THEN 'no' ELSE 'yes' END,
    CASE WHEN c.relkind NOT IN ('r', 'p') OR EXISTS (
        SELECT 1 FROM pg_catalog.pg_index i
        WHERE i.indrelid = b.attrelid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
            AND i.indnkeyatts = 1 AND i.indkey[0] = b.attnum
    ) THEN 'yes' ELSE 'no' END
FROM based b
JOIN pg_catalog.pg_type t ON t.oid = b.type
JOIN pg_catalog.pg_class c ON c.oid = b.attrelid
WHERE t.typtype <> 'd' ORDER BY b.attnum";

const MYSQL: &str = "
SELECT CONVERT(c.COLUMN_NAME USING utf8mb4), CONVERT(c.DATA_TYPE USING utf8mb4),
    CONVERT(c.COLUMN_TYPE USING utf8mb4), LOWER(CONVERT(c.IS_NULLABLE USING utf8mb4)),
    CASE WHEN t.TABLE_TYPE <> 'BASE TABLE' OR EXISTS (
        SELECT 1 FROM information_schema.STATISTICS i
        WHERE i.TABLE_SCHEMA = c.TABLE_SCHEMA AND i.TABLE_NAME = c.TABLE_NAME AND i.COLUMN_NAME = c.COLUMN_NAME
            AND i.NON_UNIQUE = 0 AND i.SUB_PART IS NULL AND NOT EXISTS (
                SELECT 1 FROM information_schema.STATISTICS j
                WHERE j.TABLE_SCHEMA = i.TABLE_SCHEMA AND j.TABLE_NAME = i.TABLE_NAME
                    AND j.INDEX_NAME = i.INDEX_NAME AND j.SEQ_IN_INDEX > 1
            )
    ) THEN 'yes' ELSE 'no' END
FROM information_schema.COLUMNS c
JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
WHERE c.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION";

const SQLITE: &str = "
SELECT c.name, c.type, c.type, CASE c.\"notnull\" WHEN 0 THEN 'yes' ELSE 'no' END,
    CASE WHEN EXISTS (SELECT 1 FROM pragma_table_list(?1) WHERE schema = ?2 AND type = 'view')
        OR (c.pk = 1 AND (SELECT count(*) FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0) = 1)
        OR EXISTS (
            SELECT 1 FROM pragma_index_list(?1, ?2) i
            WHERE i.\"unique\" = 1 AND i.partial = 0
                AND (SELECT count(*) FROM pragma_index_info(i.name, ?2)) = 1
                AND (SELECT k.name FROM pragma_index_info(i.name, ?2) k) = c.name
        )
    THEN 'yes' ELSE 'no' END
FROM pragma_table_xinfo(?1, ?2) c ORDER BY c.cid";

/// Reads a row of the answer.
pub(super) fn column(dialect: Dialect, row: Vec<Option<String>>) -> Column {
    let mut row = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || row.next().unwrap_or_default();
    let (name, cast, detail, nullable, unique) = (next(), next(), next(), next(), next());
    let kind = match dialect {
        Dialect::Postgres => of_postgres(&cast, &detail),
        Dialect::MySql => of_mysql(&cast.to_ascii_lowercase(), &detail.to_ascii_lowercase()),
        Dialect::Sqlite => of_sqlite(&cast.to_ascii_lowercase()),
    };
    Column { name, kind, cast, nullable: nullable == "yes", unique: unique == "yes" }
}

fn of_postgres(name: &str, category: &str) -> Kind {
    match (name, category) {
        ("boolean", _) => Kind::Bool,
        ("smallint" | "integer" | "bigint", _) => Kind::Integer,
        ("numeric" | "real" | "double precision", _) => Kind::Number,
        ("json" | "jsonb", _) => Kind::Json,
        ("bytea", _) => Kind::Bytes,
        (_, "A") => Kind::Array,
        (_, "S") => Kind::Text,
        _ => Kind::Other,
    }
}

fn of_mysql(name: &str, full: &str) -> Kind {
    match name {
        "tinyint" if full.starts_with("tinyint(1)") => Kind::Bool,
        "bit" if full == "bit(1)" => Kind::Bool,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit" | "year" => Kind::Integer,
        "decimal" | "float" | "double" => Kind::Number,
        "json" => Kind::Json,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text,
        _ => Kind::Other,
    }
}

/// Follows SQLite's rules of type affinity, and adds types that SQLite accepts without a meaning, such as `bool` and `json`.
fn of_sqlite(declared: &str) -> Kind {
    let has = |part: &str| declared.contains(part);
    if has("bool") || declared == "tinyint(1)" {
        Kind::Bool
    } else if has("int") {
        Kind::Integer
    } else if has("char") || has("clob") || has("text") {
        Kind::Text
    } else if has("json") {
        Kind::Json
    } else if has("blob") {
        Kind::Bytes
    } else if ["real", "floa", "doub", "dec", "numeric"].iter().any(|part| has(part)) {
        Kind::Number
    } else {
        Kind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_type_decides_the_kind() {
        for (name, category, kind) in [
            ("boolean", "B", Kind::Bool),
            ("bigint", "N", Kind::Integer),
            ("numeric", "N", Kind::Number),
            ("character varying", "S", Kind::Text),
            ("bpchar", "S", Kind::Text),
            ("citext", "S", Kind::Text),
            ("text[]", "A", Kind::Array),
            ("jsonb", "U", Kind::Json),
            ("uuid", "U", Kind::Other),
            ("\"user status\"", "E", Kind::Other),
        ] {
            assert_eq!(of_postgres(name, category), kind, "{name}");
        }
        for (name, full, kind) in [
            ("tinyint", "tinyint(1)", Kind::Bool),
            ("tinyint", "tinyint(1) unsigned", Kind::Bool),
            ("tinyint", "tinyint(4)", Kind::Integer),
            ("bit", "bit(1)", Kind::Bool),
            ("bit", "bit(8)", Kind::Integer),
            ("decimal", "decimal(10,2)", Kind::Number),
            ("varchar", "varchar(50)", Kind::Text),
            ("enum", "enum('tinyint(1)')", Kind::Other),
            ("datetime", "datetime(6)", Kind::Other),
        ] {
            assert_eq!(of_mysql(name, full), kind, "{full}");
        }
        for (declared, kind) in [
            ("boolean", Kind::Bool),
            ("integer", Kind::Integer),
            ("varchar(50)", Kind::Text),
            ("nvarchar(50)", Kind::Text),
            ("json", Kind::Json),
            ("numeric(10,2)", Kind::Number),
            ("datetime", Kind::Other),
            ("uuid", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(of_sqlite(declared), kind, "{declared}");
        }
    }
}
