use std::error::Error;
use std::fmt;

use redis::RedisError;

/// Why Redis did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// There is no connection.
    Down,
    /// It did not answer in time. What it was asked may be done all the same.
    Late,
    /// It has no memory left for what was to be written (`maxmemory`).
    Full,
    /// It answered with this error.
    Refused(Box<str>),
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            Self::Late
        } else if error.is_connection_dropped() || error.is_unrecoverable_error() {
            Self::Down
        } else if error.code() == Some("OOM") {
            Self::Full
        } else {
            // Redis repeats no values in its errors, and no password.
            Self::Refused(error.to_string().into())
        }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("there is no connection to Redis"),
            Self::Late => f.write_str("Redis did not answer in time"),
            Self::Full => f.write_str("Redis is full, and writes nothing (`maxmemory`)"),
            Self::Refused(error) => write!(f, "Redis refused the call: {error}"),
        }
    }
}

impl Error for LinkError {}
