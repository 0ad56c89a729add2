//! Run statements in a database of any dialect, each in a transaction of its own.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, Row};

use super::column::Bound;
use super::connections::Connections;
use super::dialect::Dialect;
use super::failure::Failure;
use super::lease::Lease;
use super::statements::Statement;

/// A pool of connections, and how long a statement may take. Cheap to clone.
///
/// Every statement is in a transaction, also to read, and in PostgreSQL it has no name: a pooler between here and the
/// database may give each transaction another session, where a name means the statement of another client. For the same
/// reason, what a session must be set to is set in the transaction.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: Connections,
    dialect: Dialect,
    /// Begins a transaction that reads, and one that changes.
    begin_read: Arc<str>,
    begin_change: Arc<str>,
    timeout: Duration,
    /// Looks how many rows there are before it changes one, since nothing can be taken back.
    looks_first: bool,
}

/// A row of texts.
pub(crate) type Texts = Vec<Option<String>>;

/// What shows that a change was made where the database counts no row: a trigger may make it in the database's place, or a
/// policy prevent it.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// That there is such a row.
    Row,
    /// This statement, which then selects `1`.
    Shown(&'a Statement),
    /// Nothing else than the count.
    Count,
}

/// How a transaction ends.
enum End {
    Commit,
    Rollback,
}

const NOT_A_USER: &str = "the new row would be none of the users that SqlStoreBuilder::only and except take, and would not be \
                          found again: map the columns that they name so that new users pass";

/// What an attempt to change a row did.
struct Attempt {
    changed: u64,
    was_there: bool,
    is_proven: bool,
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
        let mut lease = Lease::new($pool.acquire().await?);
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
    pub(crate) async fn connect(
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
        Ok((Self { connections, dialect, begin_read, begin_change, timeout, looks_first: false }, dialect))
    }

    pub(crate) fn looking_first(self, looks_first: bool) -> Self {
        Self { looks_first, ..self }
    }

    /// Returns the rows of a query, all of whose columns are text.
    pub(crate) async fn rows(&self, sql: &str, values: &[Bound]) -> Result<Vec<Texts>, Failure> {
        Ok(self.rows_of_each(&[(sql, values)]).await?.pop().unwrap_or_default())
    }

    /// Returns the rows of several queries, in one transaction.
    pub(crate) async fn rows_of_each(
        &self,
        queries: &[(&str, &[Bound])],
    ) -> Result<Vec<Vec<Texts>>, Failure> {
        with!(&self.connections, pool => in_transaction!(self, pool, self.begin_read, transaction => {
            let mut all = Vec::with_capacity(queries.len());
            for (sql, values) in queries {
                let rows = query!(self, *sql, values).fetch_all(&mut *transaction).await?;
                all.push(texts!(rows)?);
            }
            Ok((all, End::Rollback))
        }))
    }

    /// Inserts a row. Whether the database counts it is left aside: triggers may have put it elsewhere.
    pub(crate) async fn insert(&self, insert: &Statement, check: Option<&Statement>) -> Result<(), Failure> {
        self.insert_with(insert, check, None, |_| Ok(vec![])).await
    }

    /// Inserts a row and, in the same transaction, what `next` makes of the rows that `read` returns; without `read`, of those
    /// that the insertion returns. Where `check` selects `0`, the row is taken back.
    pub(crate) async fn insert_with<N>(
        &self,
        insert: &Statement,
        check: Option<&Statement>,
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
            if let Some(check) = check {
                let passes = query!(self, &*check.sql, check.values).fetch_all(&mut *transaction).await?;
                if texts!(passes)?.iter().flatten().any(|passes| passes.as_deref() == Some("0")) {
                    return Ok((Err(Failure::new(NOT_A_USER)), End::Rollback));
                }
            }
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
    /// for before the change is made again, and the proof after it.
    pub(crate) async fn change(
        &self,
        statement: &Statement,
        there: &Statement,
        proof: Proof<'_>,
    ) -> Result<bool, Failure> {
        if !self.looks_first && self.attempt(statement, None, false, proof).await?.changed == 1 {
            return Ok(true);
        }
        let attempt = self.attempt(statement, Some(there), true, proof).await?;
        if attempt.was_there && !attempt.is_proven {
            let why = "the user's row is there, and the database left it as it is: a policy of row level security or a \
                       trigger prevents the change";
            return Err(Failure::new(why));
        }
        Ok(attempt.was_there)
    }

    /// Runs a statement, only if `there` has rows. A statement that changes no row is rolled back unless `keep_none`.
    async fn attempt(
        &self,
        statement: &Statement,
        there: Option<&Statement>,
        keep_none: bool,
        proof: Proof<'_>,
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
                    return Ok((Attempt { changed: 0, was_there, is_proven: false }, End::Rollback));
                }
                if found.len() > 1 && self.looks_first {
                    return Ok((Attempt { changed: found.len() as u64, was_there, is_proven: false }, End::Rollback));
                }
                was_there = true;
            }
            let changed = query!(self, sql, values).execute(&mut *transaction).await?.rows_affected();
            let is_proven = match proof {
                _ if changed > 0 || !was_there => true,
                Proof::Row => true,
                Proof::Count => false,
                Proof::Shown(shown) => {
                    let rows = query!(self, &*shown.sql, shown.values).fetch_all(&mut *transaction).await?;
                    texts!(rows)?.iter().flatten().any(|text| text.as_deref() == Some("1"))
                }
            };
            let keep = is_proven && (changed == 1 || changed == 0 && keep_none);
            Ok((Attempt { changed, was_there, is_proven }, if keep { End::Commit } else { End::Rollback }))
        }));
        match attempt? {
            Attempt { changed: many @ 2.., .. } => {
                Err(Failure::new(format!("{many} rows have this value, and none was changed")))
            }
            attempt => Ok(attempt),
        }
    }
}
