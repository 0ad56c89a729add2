//! Look up the columns of a table in the database's catalog.

use super::column::{Bound, Column, Fill, Kind};
use super::dialect::{Dialect, Table};
use super::failure::Failure;
use super::pool::{Pool, Texts};

/// What the database's catalog says of a table.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) columns: Vec<Column>,
    /// Policies hide rows from this role.
    pub(crate) hides_rows: bool,
    /// The table's engine, if it has no transactions: what was changed cannot be taken back.
    pub(crate) engine_without_transactions: Option<String>,
}

impl Catalog {
    /// Looks the table up. Without columns if there is no such table, or this role may not see it.
    pub(crate) async fn look_up(pool: &Pool, dialect: Dialect, table: &Table) -> Result<Self, Failure> {
        let bound = |name: Option<String>| name.map_or(Bound::Null, Bound::Text);
        let names: Vec<_> = names(dialect, table).into_iter().map(bound).collect();
        let rows = pool.rows(statement(dialect), &names).await?;
        let says = |row: &Texts, at: usize| row.get(at).is_some_and(|text| text.as_deref() == Some("yes"));
        let engine = rows.first().and_then(|row| row.get(ENGINE).cloned().flatten());
        Ok(Self {
            engine_without_transactions: engine.filter(|engine| !engine.is_empty()),
            hides_rows: rows.iter().any(|row| says(row, HIDES_ROWS)),
            columns: rows.into_iter().map(|row| column(dialect, row)).collect(),
        })
    }
}

/// The places of what is the same in all rows of the answer.
const HIDES_ROWS: usize = 8;
const ENGINE: usize = 9;

/// The statement that selects the columns: name, type, category or declared type, whether it is nullable, whether it is
/// unique, what the database fills it with, the most characters, whether it is partly unique, whether the
/// table hides rows, its engine if that has no transactions, the full type. The columns of a view all count as unique, since that cannot be looked up.
fn statement(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => POSTGRES,
        Dialect::MySql => MYSQL,
        Dialect::Sqlite => SQLITE,
    }
}

/// The values that are bound in the statement.
fn names(dialect: Dialect, table: &Table) -> Vec<Option<String>> {
    match dialect {
        Dialect::Postgres => vec![Some(table.quoted(dialect))],
        Dialect::MySql => vec![table.schema.clone(), Some(table.name.clone())],
        Dialect::Sqlite => {
            vec![Some(table.name.clone()), Some(table.schema.clone().unwrap_or_else(|| "main".to_owned()))]
        }
    }
}

/// Domains are resolved to their base types: a cast to a domain would truncate its values. A trigger that runs before the
/// insertion may fill any column.
const POSTGRES: &str = "
WITH RECURSIVE based AS (
    SELECT a.attrelid, a.attnum, a.attname, a.attnotnull AS required, a.atttypid AS type, a.atttypmod AS modifier,
        format_type(a.atttypid, a.atttypmod) AS declared,
        CASE WHEN a.attgenerated <> '' OR a.attidentity = 'a' THEN 'always'
            WHEN a.atthasdef OR a.attidentity <> '' THEN 'value'
            WHEN EXISTS (
                SELECT 1 FROM pg_catalog.pg_trigger g
                WHERE g.tgrelid = a.attrelid AND NOT g.tgisinternal AND g.tgtype & 7 = 7
            ) THEN 'perhaps' ELSE '' END AS filled
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attrelid, b.attnum, b.attname, b.required OR t.typnotnull, t.typbasetype,
        CASE WHEN b.modifier = -1 THEN t.typtypmod ELSE b.modifier END, b.declared,
        CASE WHEN b.filled = '' AND t.typdefault IS NOT NULL THEN 'value' ELSE b.filled END
    FROM based b JOIN pg_catalog.pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
)
SELECT CAST(b.attname AS text), format_type(b.type, -1), CAST(t.typcategory AS text),
    CASE WHEN b.required THEN 'no' ELSE 'yes' END,
    CASE WHEN c.relkind NOT IN ('r', 'p') OR EXISTS (
        SELECT 1 FROM pg_catalog.pg_index i
        WHERE i.indrelid = b.attrelid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
            AND i.indnkeyatts = 1 AND i.indkey[0] = b.attnum
    ) THEN 'yes' ELSE 'no' END,
    b.filled,
    CASE WHEN t.typname IN ('varchar', 'bpchar') AND b.modifier > 4 THEN CAST(b.modifier - 4 AS text) END,
    CASE WHEN EXISTS (
        SELECT 1 FROM pg_catalog.pg_index i
        WHERE i.indrelid = b.attrelid AND i.indisunique AND (i.indpred IS NOT NULL OR i.indnkeyatts > 1)
            AND b.attnum = ANY (CAST(i.indkey AS int2[]))
    ) THEN 'yes' ELSE 'no' END,
    CASE WHEN row_security_active(c.oid) THEN 'yes' ELSE 'no' END, NULL,
    b.declared
FROM based b
JOIN pg_catalog.pg_type t ON t.oid = b.type
JOIN pg_catalog.pg_class c ON c.oid = b.attrelid
WHERE t.typtype <> 'd' ORDER BY b.attnum";

/// An enum without a default gets its first value, even in strict mode. Of a view's columns, nothing is known.
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
    ) THEN 'yes' ELSE 'no' END,
    CASE WHEN c.EXTRA LIKE '%VIRTUAL%' OR c.EXTRA LIKE '%STORED%' OR c.EXTRA LIKE '%PERSISTENT%' THEN 'always'
        WHEN t.TABLE_TYPE <> 'BASE TABLE' THEN 'perhaps'
        WHEN c.EXTRA LIKE '%auto_increment%' THEN 'counted'
        WHEN c.COLUMN_DEFAULT IS NOT NULL OR c.DATA_TYPE = 'enum'
            OR c.EXTRA LIKE '%DEFAULT_GENERATED%' THEN 'value'
        WHEN EXISTS (
            SELECT 1 FROM information_schema.TRIGGERS g
            WHERE g.EVENT_OBJECT_SCHEMA = c.TABLE_SCHEMA AND g.EVENT_OBJECT_TABLE = c.TABLE_NAME
                AND g.ACTION_TIMING = 'BEFORE' AND g.EVENT_MANIPULATION = 'INSERT'
        ) THEN 'perhaps' ELSE '' END,
    CAST(c.CHARACTER_MAXIMUM_LENGTH AS CHAR),
    CASE WHEN EXISTS (
        SELECT 1 FROM information_schema.STATISTICS i
        JOIN information_schema.STATISTICS j ON j.TABLE_SCHEMA = i.TABLE_SCHEMA AND j.TABLE_NAME = i.TABLE_NAME
            AND j.INDEX_NAME = i.INDEX_NAME AND j.SEQ_IN_INDEX > 1
        WHERE i.TABLE_SCHEMA = c.TABLE_SCHEMA AND i.TABLE_NAME = c.TABLE_NAME AND i.COLUMN_NAME = c.COLUMN_NAME
            AND i.NON_UNIQUE = 0
    ) THEN 'yes' ELSE 'no' END,
    'no',
    (SELECT CONVERT(e.ENGINE USING utf8mb4) FROM information_schema.ENGINES e
        WHERE e.ENGINE = t.ENGINE AND e.TRANSACTIONS = 'NO'),
    CONVERT(c.COLUMN_TYPE USING utf8mb4)
FROM information_schema.COLUMNS c
JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
WHERE c.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION";

/// The primary key of the type `integer` is the number of the row, which SQLite makes, unless the table is `WITHOUT ROWID`.
const SQLITE: &str = "
SELECT c.name, c.type, c.type, CASE c.\"notnull\" WHEN 0 THEN 'yes' ELSE 'no' END,
    CASE WHEN t.type = 'view'
        OR (c.pk = 1 AND (SELECT count(*) FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0) = 1)
        OR EXISTS (
            SELECT 1 FROM pragma_index_list(?1, ?2) i
            WHERE i.\"unique\" = 1 AND i.partial = 0
                AND (SELECT count(*) FROM pragma_index_info(i.name, ?2)) = 1
                AND (SELECT k.name FROM pragma_index_info(i.name, ?2) k) = c.name
        )
    THEN 'yes' ELSE 'no' END,
    CASE WHEN c.hidden IN (2, 3) THEN 'always'
        WHEN c.dflt_value IS NOT NULL OR (
            c.pk = 1 AND lower(c.type) = 'integer' AND t.wr = 0
            AND (SELECT count(*) FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0) = 1
        ) THEN 'value' ELSE '' END,
    NULL,
    CASE WHEN EXISTS (
        SELECT 1 FROM pragma_index_list(?1, ?2) i
        WHERE i.\"unique\" = 1 AND c.name IN (SELECT k.name FROM pragma_index_info(i.name, ?2) k)
            AND (i.partial = 1 OR (SELECT count(*) FROM pragma_index_info(i.name, ?2)) > 1)
    ) THEN 'yes' ELSE 'no' END,
    'no', NULL,
    c.type
FROM pragma_table_xinfo(?1, ?2) c
LEFT JOIN pragma_table_list(?1) t ON t.schema = ?2 ORDER BY c.cid";

/// Reads a row of the answer.
fn column(dialect: Dialect, row: Texts) -> Column {
    let mut row = row.into_iter();
    let mut next = || row.next().flatten().unwrap_or_default();
    let [name, cast, detail, nullable, unique, fill, length, partly] = std::array::from_fn(|_| next());
    let kind = match dialect {
        Dialect::Postgres => of_postgres(&cast, &detail),
        Dialect::MySql => of_mysql(&cast.to_ascii_lowercase(), &detail.to_ascii_lowercase()),
        Dialect::Sqlite => of_sqlite(&cast.to_ascii_lowercase()),
    };
    Column {
        name,
        kind,
        cast,
        declared: row.last().flatten().unwrap_or_default(),
        max_length: length.parse().ok(),
        nullable: nullable == "yes",
        unique: unique == "yes",
        partly_unique: partly == "yes",
        fill: match &*fill {
            "always" => Fill::Always,
            "value" => Fill::Value,
            "counted" => Fill::Counted,
            "perhaps" => Fill::Perhaps,
            _ => Fill::Nothing,
        },
    }
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
        "enum" | "set" => Kind::Label,
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
            ("enum", "enum('tinyint(1)')", Kind::Label),
            ("set", "set('bit(1)')", Kind::Label),
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
