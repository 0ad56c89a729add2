use std::error::Error;
use std::fmt;

/// Why the database failed, without what it was told: the URL and the values stay out of it.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Says what was being done.
    pub(super) fn while_(self, doing: impl fmt::Display) -> Self {
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
            // sqlx has no type of its own for it.
            sqlx::Error::Configuration(why) if why.to_string().starts_with("RSA ") => {
                "without TLS, the database takes this user's password only encrypted by RSA: connect over TLS, or enable \
                 the feature `mysql-rsa` of sqlx 0.9"
                    .to_owned()
            }
            // Its text may repeat parts of the URL, which has a password.
            sqlx::Error::Configuration(_) => {
                "the database's URL or what it names cannot be read (the URL is not shown: it may hold a password)"
                    .to_owned()
            }
            error => error.to_string(),
        })
    }
}
