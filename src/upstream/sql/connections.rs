use std::str::FromStr;
use std::time::Duration;

#[cfg(feature = "mysql")]
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::dialect::Dialect;
use super::failure::Failure;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::time_zone;

/// The connections to a database of any dialect.
#[derive(Clone)]
pub(crate) enum Connections {
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
    #[cfg(feature = "mysql")]
    MySql(MySqlPool),
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
}

/// What begins a transaction that reads, and one that changes.
pub(crate) struct Begins {
    pub(crate) read: String,
    pub(crate) change: String,
}

impl Connections {
    /// Connects once to check the URL. Further connections are made on demand.
    pub(crate) async fn connect(
        dialect: Dialect,
        url: &str,
        max_connections: u32,
        timeout: Duration,
    ) -> Result<(Self, Begins), Failure> {
        match dialect {
            #[cfg(feature = "postgres")]
            Dialect::Postgres => {
                // Poolers refuse `extra_float_digits` when a connection starts. It is set in the transactions.
                let options = PgConnectOptions::from_str(url)?.extra_float_digits(None);
                let mut connection = options.connect().await?;
                let zone = time_zone::of_postgres(&mut connection, options.get_options()).await?;
                connection.close().await?;
                let pool = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(timeout);
                Ok((Self::Postgres(pool.connect_lazy_with(options)), Begins::postgres(&zone)))
            }
            #[cfg(feature = "mysql")]
            Dialect::MySql => {
                let options = MySqlConnectOptions::from_str(url)?.charset("utf8mb4");
                // Sessions stay as the server makes them, as far as sqlx lets them.
                let options = options.pipes_as_concat(false).no_engine_substitution(false);
                let options = if time_zone::in_url(url) { options } else { options.timezone(None) };
                options.connect().await?.close().await?;
                let pool = MySqlPoolOptions::new().max_connections(max_connections).acquire_timeout(timeout);
                Ok((Self::MySql(pool.connect_lazy_with(options)), Begins::both("BEGIN")))
            }
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => {
                let options = SqliteConnectOptions::from_str(url)?.busy_timeout(timeout);
                options.connect().await?.close().await?;
                let pool = SqlitePoolOptions::new().max_connections(max_connections).acquire_timeout(timeout);
                // A change that reads first could not wait for another one's end.
                let begins = Begins { read: "BEGIN".to_owned(), change: "BEGIN IMMEDIATE".to_owned() };
                Ok((Self::Sqlite(pool.connect_lazy_with(options)), begins))
            }
            // With all three features, there is no other.
            #[allow(unreachable_patterns)]
            other => Err(Failure::new(other.needs_feature())),
        }
    }
}

impl Begins {
    #[cfg(feature = "mysql")]
    fn both(begin: &str) -> Self {
        Self { read: begin.to_owned(), change: begin.to_owned() }
    }

    /// Reads show times in UTC; changes have the zone in which the table's defaults are meant. Two digits more than the
    /// default of old servers make the text of a float exact; new ones write the shortest exact one either way.
    #[cfg(feature = "postgres")]
    fn postgres(zone: &str) -> Self {
        let begin = |zone: &str| {
            let zone = zone.replace('\'', "''");
            format!("BEGIN; SET LOCAL extra_float_digits TO 2; SET LOCAL TimeZone TO '{zone}'")
        };
        Self { read: begin("UTC"), change: begin(zone) }
    }
}
