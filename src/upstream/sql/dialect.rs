use std::fmt;

/// A database's dialect of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    MySql,
    Sqlite,
}

impl Dialect {
    /// Returns the dialect of a URL, by its scheme.
    pub(crate) fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            "sqlite" => Some(Self::Sqlite),
            _ => None,
        }
    }

    /// The error of a build without the database's feature.
    pub(crate) fn needs_feature(self) -> String {
        let (databases_are, feature) = match self {
            Self::Postgres => ("PostgreSQL is", "postgres"),
            Self::MySql => ("MySQL and MariaDB are", "mysql"),
            Self::Sqlite => ("SQLite is", "sqlite"),
        };
        format!("{databases_are} not in this build: enable the feature `{feature}` of aigc-auth")
    }

    /// Quotes a name as an identifier.
    pub(crate) fn quoted(self, name: &str) -> String {
        match self {
            Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::Postgres | Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Casts a number to text.
    pub(crate) fn text(self, expression: &str) -> String {
        let text = if self == Self::MySql { "CHAR" } else { "TEXT" };
        format!("CAST({expression} AS {text})")
    }

    /// The statement that makes MySQL strict, so that a value that does not fit is an error, and is not truncated. It holds
    /// for a session, and so each transaction that changes something has it: a proxy may give it another session.
    pub(crate) fn strict(self) -> Option<&'static str> {
        (self == Self::MySql).then_some("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
    }

    /// The placeholder of a bound value, numbered from 1.
    pub(crate) fn parameter(self, number: usize) -> String {
        match self {
            Self::Postgres => format!("${number}"),
            Self::MySql => "?".to_owned(),
            Self::Sqlite => format!("?{number}"),
        }
    }
}

/// The name of a table, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl Table {
    /// Parses `table` or `schema.table`.
    pub(crate) fn parse(table: &str) -> Self {
        match table.split_once('.') {
            Some((schema, name)) => Self { schema: Some(schema.to_owned()), name: name.to_owned() },
            None => Self { schema: None, name: table.to_owned() },
        }
    }

    pub(crate) fn quoted(&self, dialect: Dialect) -> String {
        let name = dialect.quoted(&self.name);
        match &self.schema {
            Some(schema) => format!("{}.{name}", dialect.quoted(schema)),
            None => name,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted_and_escaped() {
        for (name, postgres, mysql) in [
            ("users", "\"users\"", "`users`"),
            ("us\"er`s", "\"us\"\"er`s\"", "`us\"er``s`"),
            ("a; DROP TABLE b --", "\"a; DROP TABLE b --\"", "`a; DROP TABLE b --`"),
            ("用户 🎉 $1 ?", "\"用户 🎉 $1 ?\"", "`用户 🎉 $1 ?`"),
            ("\\", "\"\\\"", "`\\`"),
        ] {
            assert_eq!(Dialect::Postgres.quoted(name), postgres);
            assert_eq!(Dialect::Sqlite.quoted(name), postgres);
            assert_eq!(Dialect::MySql.quoted(name), mysql);
        }
    }

    #[test]
    fn table_is_split_at_the_first_dot() {
        for (table, quoted) in [
            ("users", "\"users\""),
            ("legacy.users", "\"legacy\".\"users\""),
            ("legacy.old.users", "\"legacy\".\"old.users\""),
        ] {
            let parsed = Table::parse(table);
            assert_eq!((parsed.to_string(), parsed.quoted(Dialect::Postgres)), (table.into(), quoted.into()));
        }
    }

    #[test]
    fn url_scheme_selects_the_dialect() {
        for (url, dialect) in [
            ("postgres://h/d", Some(Dialect::Postgres)),
            ("postgresql://h/d", Some(Dialect::Postgres)),
            ("mysql://h/d", Some(Dialect::MySql)),
            ("mariadb://h/d", Some(Dialect::MySql)),
            ("sqlite:users.db", Some(Dialect::Sqlite)),
            ("sqlite://users.db", Some(Dialect::Sqlite)),
            ("oracle://h/d", None),
            ("users.db", None),
        ] {
            assert_eq!(Dialect::of(url), dialect, "{url}");
        }
    }

    #[test]
    fn missing_feature_is_named() {
        for (dialect, text) in [
            (
                Dialect::Postgres,
                "PostgreSQL is not in this build: enable the feature `postgres` of aigc-auth",
            ),
            (
                Dialect::MySql,
                "MySQL and MariaDB are not in this build: enable the feature `mysql` of aigc-auth",
            ),
            (Dialect::Sqlite, "SQLite is not in this build: enable the feature `sqlite` of aigc-auth"),
        ] {
            assert_eq!(dialect.needs_feature(), text);
        }
    }
}
