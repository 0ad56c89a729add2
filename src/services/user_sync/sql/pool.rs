//! Connections to a database of any dialect.

use std::str::FromStr;
use std::time::Duration;

#[cfg(feature = "mysql")]
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::column::Bound;
use super::dialect::Dialect;
use super::failure::Failure;

/// A pool of connections, and how long a statement may take. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool {
    connections: Connections,
    timeout: Duration,
}

#[derive(Clone)]
enum Connections {
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
    #[cfg(feature = "mysql")]
    MySql(MySqlPool),
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
}

/// A row of texts.
pub(super) type Texts = Vec<Option<String>>;

/// Repeats the code for each type of pool, since they have no common trait.
macro_rules! with {
    ($connections:expr, $pool:ident => $do:expr) => {
        match $connections {
            #[cfg(feature = "postgres")]
            Connections::Postgres($pool) => $do,
            #[cfg(feature = "mysql")]
            Connections::MySql($pool) => $do,
            #[cfg(feature = "sqlite")]
            Connections::Sqlite($pool) => $do,
        }
    };
}

/// Safe, since the statements have every name quoted and every value bound (`statements`).
macro_rules! query {
    ($sql:expr, $values:expr) => {
        $values.iter().fold(sqlx::query(AssertSqlSafe($sql)), |query, value| match value {
            Bound::Null => query.bind(None::<String>),
            Bound::Text(text) => query.bind(text.as_str()),
            Bound::Integer(integer) => query.bind(*integer),
            Bound::Float(float) => query.bind(*float),
            Bound::Bytes(bytes) => query.bind(bytes.as_slice()),
        })
    };
}

/// Runs with a connection of the pool, within the timeout. After a timeout, the connection is closed, since its statement
/// may still be running.
macro_rules! within {
    ($self:expr, $pool:expr, $connection:ident => $do:expr) => {{
        let mut $connection = $pool.acquire().await?;
        let work = async { $do };
        match tokio::time::timeout($self.timeout, work).await {
            Ok(done) => done,
            Err(_) => {
                $connection.close_on_drop();
                Err($self.timed_out())
            }
        }
    }};
}

impl Pool {
    /// Connects once to check the URL. Further connections are made on demand.
    pub(super) async fn connect(
        url: &str,
        max_connections: u32,
        timeout: Duration,
    ) -> Result<(Self, Dialect), Failure> {
        let dialect = Dialect::of(url).ok_or_else(|| {
            Failure::new("the database's URL must begin with postgres://, mysql://, mariadb:// or sqlite:")
        })?;
        let connecting = async {
            let connections = match dialect {
                #[cfg(feature = "postgres")]
                Dialect::Postgres => {
                    let options = PgConnectOptions::from_str(url)?;
                    options.connect().await?.close().await?;
                    let pool = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(timeout);
                    Connections::Postgres(pool.connect_lazy_with(options))
                }
                #[cfg(feature = "mysql")]
                Dialect::MySql => {
                    let options = MySqlConnectOptions::from_str(url)?.charset("utf8mb4");
                    options.connect().await?.close().await?;
                    let pool =
                        MySqlPoolOptions::new().max_connections(max_connections).acquire_timeout(timeout);
                    // Strict, so that a value that does not fit is an error, and is not truncated.
                    let pool = pool.after_connect(|connection, _| {
                        Box::pin(async move {
                            let strict = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')";
                            sqlx::Executor::execute(connection, strict).await.map(drop)
                        })
                    });
                    Connections::MySql(pool.connect_lazy_with(options))
                }
                #[cfg(feature = "sqlite")]
                Dialect::Sqlite => {
                    let options = SqliteConnectOptions::from_str(url)?.busy_timeout(timeout);
                    options.connect().await?.close().await?;
                    let pool =
                        SqlitePoolOptions::new().max_connections(max_connections).acquire_timeout(timeout);
                    Connections::Sqlite(pool.connect_lazy_with(options))
                }
                // With all three features, there is no other.
                #[allow(unreachable_patterns)]
                other => return Err(Failure::new(other.needs_feature())),
            };
            Ok::<_, Failure>(Self { connections, timeout })
        };
        let timed_out = || Failure::new(format!("no connection within {timeout:?}"));
        let pool = tokio::time::timeout(timeout, connecting).await.map_err(|_| timed_out())??;
        Ok((pool, dialect))
    }

    /// Returns the rows of a query, all of whose columns are text.
    pub(super) async fn rows(&self, sql: &str, values: &[Bound]) -> Result<Vec<Texts>, Failure> {
        with!(&self.connections, pool => within!(self, pool, connection => {
            let rows = query!(sql, values).fetch_all(&mut *connection).await?;
            let rows: Result<Vec<Texts>, sqlx::Error> = rows
                .iter()
                .map(|row| (0..row.len()).map(|column| row.try_get_unchecked(column)).collect())
                .collect();
            Ok(rows?)
        }))
    }

    /// Changes at most one row, and returns whether it did. A statement that would change more is rolled back.
    pub(super) async fn change(&self, sql: &str, values: &[Bound]) -> Result<bool, Failure> {
        with!(&self.connections, pool => within!(self, pool, connection => {
            let mut transaction = connection.begin().await?;
            let changed = query!(sql, values).execute(&mut *transaction).await?.rows_affected();
            if changed > 1 {
                transaction.rollback().await?;
                return Err(Failure::new(format!("{changed} rows have this value, and none was changed")));
            }
            transaction.commit().await?;
            Ok(changed == 1)
        }))
    }

    fn timed_out(&self) -> Failure {
        Failure::new(format!("no answer of the database within {:?}", self.timeout))
    }
}
