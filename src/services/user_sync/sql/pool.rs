//! Run statements in a database of any dialect, each in a transaction of its own.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection, Database, Executor, Row};

use super::column::Bound;
use super::connections::Connections;
use super::dialect::Dialect;
use super::failure::Failure;
use super::statements::Statement;

/// A pool of connections, and how long a statement may take. Cheap to clone.
///
/// Every statement is in a transaction, also to read, and in PostgreSQL it has no name: a pooler between here and the
/// database may give each transaction another session, where a name means the statement of another client. For the same
/// reason, what a session must be set to is set in the transaction.
#[derive(Clone)]
pub(super) struct Pool {
    connections: Connections,
    dialect: Dialect,
    /// Begins a transaction that reads, and one that changes.
    begin_read: Arc<str>,
    begin_change: Arc<str>,
    timeout: Duration,
}

/// A row of texts.
pub(super) type Texts = Vec<Option<String>>;

/// A connection that goes back to the pool only if its work came to an end: after half of it, for example if its future is
/// dropped, the connection is closed, since the answers to the rest are still to come.
struct Lease<D: Database> {
    connection: PoolConnection<D>,
    ended: bool,
}

impl<D: Database> Drop for Lease<D> {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

/// How a transaction ends.
enum End {
    Commit,
    Rollback,
}

/// What an attempt to change a row did.
struct Attempt {
    changed: u64,
    was_there: bool,
}

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
    ($self:expr, $sql:expr, $values:expr) => {
        // PostgreSQL's clients choose the names of statements, and so two clients choose the same. MySQL's servers and proxies
        // number them for each client; what is prepared once more each time there costs 40 ms (sqlx sets no TCP_NODELAY,
        // findings/sqlx-mysql-unprepared-waits.sh).
        $values.iter().fold(
            sqlx::query(AssertSqlSafe($sql)).persistent($self.dialect != Dialect::Postgres),
            |query, value| match value {
                Bound::Null => query.bind(None::<String>),
                Bound::Text(text) => query.bind(text.as_str()),
                Bound::Integer(integer) => query.bind(*integer),
                Bound::Float(float) => query.bind(*float),
                Bound::Bytes(bytes) => query.bind(bytes.as_slice()),
            },
        )
    };
}

/// The rows of an answer, all of whose columns are text.
macro_rules! texts {
    ($rows:expr) => {
        $rows
            .iter()
            .map(|row| (0..row.len()).map(|column| row.try_get_unchecked(column)).collect())
            .collect::<Result<Vec<Texts>, sqlx::Error>>()
    };
}

/// Runs in a transaction on a connection of the pool, within the timeout.
macro_rules! in_transaction {
    ($self:expr, $pool:expr, $begin:expr, $transaction:ident => $do:expr) => {{
        let mut lease = Lease { connection: $pool.acquire().await?, ended: false };
        let work = async {
            let mut $transaction = lease.connection.begin_with(AssertSqlSafe($begin.clone())).await?;
            let done: Result<_, sqlx::Error> = async { $do }.await;
            match done {
                Ok((value, End::Commit)) => $transaction.commit().await.map(|()| Ok(value)),
                // Awaited, since nobody may poll the runtime for a while, and the transaction would stay open.
                Ok((value, End::Rollback)) => $transaction.rollback().await.map(|()| Ok(value)),
                // The database's answer is an end as well.
                Err(refused @ sqlx::Error::Database(_)) => {
                    $transaction.rollback().await.map(|()| Err(refused))
                }
                Err(error) => Err(error),
            }
        };
        match tokio::time::timeout($self.timeout, work).await {
            Ok(Ok(ended)) => {
                lease.ended = true;
                Ok(ended?)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Failure::new(format!("no answer of the database within {:?}", $self.timeout))),
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
        let connecting = Connections::connect(dialect, url, max_connections, timeout);
        let timed_out = || Failure::new(format!("no connection within {timeout:?}"));
        let (connections, begins) =
            tokio::time::timeout(timeout, connecting).await.map_err(|_| timed_out())??;
        let (begin_read, begin_change) = (begins.read.into(), begins.change.into());
        Ok((Self { connections, dialect, begin_read, begin_change, timeout }, dialect))
    }

    /// Returns the rows of a query, all of whose columns are text.
    pub(super) async fn rows(&self, sql: &str, values: &[Bound]) -> Result<Vec<Texts>, Failure> {
        with!(&self.connections, pool => in_transaction!(self, pool, self.begin_read, transaction => {
            let rows = query!(self, sql, values).fetch_all(&mut *transaction).await?;
            Ok((texts!(rows)?, End::Rollback))
        }))
    }

    /// Inserts a row. Whether the database counts it is left aside: triggers may have put it elsewhere.
    pub(super) async fn insert(&self, statement: &Statement) -> Result<(), Failure> {
        self.attempt(statement, None, true).await.map(drop)
    }

    /// Inserts a row and, in the same transaction, what `next` makes of the rows that `read` returns; without `read`, of those
    /// that the insertion returns.
    pub(super) async fn insert_with<N>(
        &self,
        insert: &Statement,
        read: Option<&Statement>,
        next: N,
    ) -> Result<(), Failure>
    where
        N: FnOnce(Vec<Texts>) -> Result<Vec<Statement>, Failure> + Send,
    {
        let done: Result<Result<(), Failure>, Failure> = with!(&self.connections, pool => in_transaction!(self, pool, self.begin_change, transaction => {
            if let Some(strict) = self.dialect.strict() {
                transaction.execute(strict).await?;
            }
            let mut rows = query!(self, &*insert.sql, insert.values).fetch_all(&mut *transaction).await?;
            if let Some(read) = read {
                rows = query!(self, &*read.sql, read.values).fetch_all(&mut *transaction).await?;
            }
            match next(texts!(rows)?) {
                Err(failure) => Ok((Err(failure), End::Rollback)),
                Ok(statements) => {
                    for statement in statements {
                        query!(self, &*statement.sql, statement.values).execute(&mut *transaction).await?;
                    }
                    Ok((Ok(()), End::Commit))
                }
            }
        }));
        done?
    }

    /// Changes at most one row, and returns whether it was there, which `there` selects. A statement that would change more
    /// is rolled back.
    ///
    /// A database counts no row where a trigger makes the change in its place. So where none is counted, the row is looked
    /// for before the change is made again.
    pub(super) async fn change(&self, statement: &Statement, there: &Statement) -> Result<bool, Failure> {
        if self.attempt(statement, None, false).await?.changed == 1 {
            return Ok(true);
        }
        Ok(self.attempt(statement, Some(there), true).await?.was_there)
    }

    /// Runs a statement, only if `there` has rows. A statement that changes no row is rolled back unless `keep_none`.
    async fn attempt(
        &self,
        statement: &Statement,
        there: Option<&Statement>,
        keep_none: bool,
    ) -> Result<Attempt, Failure> {
        let (sql, values) = (&*statement.sql, &statement.values);
        let attempt: Result<Attempt, Failure> = with!(&self.connections, pool => in_transaction!(self, pool, self.begin_change, transaction => {
            if let Some(strict) = self.dialect.strict() {
                transaction.execute(strict).await?;
            }
            let mut was_there = false;
            if let Some(there) = there {
                let found = query!(self, &*there.sql, there.values).fetch_all(&mut *transaction).await?;
                if found.is_empty() {
                    return Ok((Attempt { changed: 0, was_there }, End::Rollback));
                }
                was_there = true;
            }
            let changed = query!(self, sql, values).execute(&mut *transaction).await?.rows_affected();
            let keep = changed == 1 || changed == 0 && keep_none;
            Ok((Attempt { changed, was_there }, if keep { End::Commit } else { End::Rollback }))
        }));
        match attempt? {
            Attempt { changed: many @ 2.., .. } => {
                Err(Failure::new(format!("{many} rows have this value, and none was changed")))
            }
            attempt => Ok(attempt),
        }
    }
}
