use std::error::Error;
use std::fmt;

use sqlx::error::DatabaseError;

/// Why the database failed. Its text shows neither the URL nor any values.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    is_of_encoding: bool,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), is_of_encoding: false }
    }

    /// Adds what was being done.
    pub(crate) fn context(self, doing: impl fmt::Display) -> Self {
        Self { what: format!("{doing}: {}", self.what), ..self }
    }

    /// Whether a text has characters that the encoding of the database, or of the column, lacks. No row has such a value.
    pub(crate) fn is_of_encoding(&self) -> bool {
        self.is_of_encoding
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let is_of_encoding = error.as_database_error().is_some_and(is_of_encoding);
        let what = match error {
            sqlx::Error::Database(error) => error.message().to_owned(),
            sqlx::Error::Io(error) => format!("the connection to the database failed: {error}"),
            sqlx::Error::Tls(error) => format!("TLS with the database failed: {error}"),
            sqlx::Error::PoolTimedOut => {
                "no connection in time: the database cannot be reached, or all connections are in use".to_owned()
            }
            // By its text, since sqlx has no variant for it.
            sqlx::Error::Configuration(why) if why.to_string().starts_with("RSA ") => {
                "without TLS, the database takes this user's password only encrypted by RSA: connect over TLS, or enable \
                 the feature `mysql-rsa` of sqlx 0.9"
                    .to_owned()
            }
            // Without its text, which may show parts of the URL, and so the password.
            sqlx::Error::Configuration(_) => {
                "the database's URL, or a file that it names, cannot be read (the URL is not shown: it may hold a password)"
                    .to_owned()
            }
            error => error.to_string(),
        };
        Self { what, is_of_encoding }
    }
}

fn is_of_encoding(error: &dyn DatabaseError) -> bool {
    // MySQL's `ER_CANT_AGGREGATE_2COLLATIONS` and `ER_IMPOSSIBLE_STRING_CONVERSION`, which have no code of their own in SQL.
    #[cfg(feature = "mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return matches!(error.number(), 1267 | 3988);
    }
    // PostgreSQL's `character_not_in_repertoire` and `untranslatable_character`.
    error.code().is_some_and(|code| matches!(&*code, "22021" | "22P05"))
}
