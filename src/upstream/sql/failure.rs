use std::error::Error;
use std::fmt;

/// Why the database failed. Its text shows neither the URL nor any values.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Adds what was being done.
    pub(crate) fn context(self, doing: impl fmt::Display) -> Self {
        Self(format!("{doing}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self(match error {
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
        })
    }
}
