//! A schema of its own in each database that is there.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aigc_auth::user_sync::{LegacyUser, NewPassword, PasswordHash, SqlStore, SqlStoreBuilder};
use futures_util::TryStreamExt;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool, Row, SqlitePool};

use crate::expectations::{self, Turn};

/// Where `tests/run.sh` says that its servers are.
const POSTGRES: &str = "AIGC_AUTH_TEST_POSTGRES";
const MYSQL: &str = "AIGC_AUTH_TEST_MYSQL";
/// In front of that PostgreSQL, in transaction mode.
const PGBOUNCER: &str = "AIGC_AUTH_TEST_PGBOUNCER";

/// A schema of PostgreSQL, a database of MySQL or a file of SQLite, with nothing in it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    url: String,
    name: String,
    pool: Pool,
}

enum Pool {
    Postgres(PgPool),
    MySql(MySqlPool),
    Sqlite(SqlitePool, PathBuf),
}

/// Runs a test in every database that is there.
pub async fn in_each<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    for place in [sqlite().await, postgres().await, mysql().await].into_iter().flatten() {
        eprintln!("in {}", place.0.name);
        let _turn = place.turn("").await;
        Box::pin(test(place.clone())).await;
        place.remove().await;
    }
}

fn name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("aigc_auth_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        eprintln!("skipped: {variable} is not set; tests/run.sh starts a server and sets it");
    }
    url
}

/// Runs a test with a schema of PostgreSQL and the URL of a PgBouncer in front of it. That knows no search path: the table is
/// `schema.table`.
pub async fn behind_pgbouncer<F: Future<Output = ()>>(test: impl Fn(Database, String) -> F) {
    let (Some(url), Some(place)) = (server(PGBOUNCER), postgres().await) else { return };
    let _turn = place.turn("PgBouncer, ").await;
    Box::pin(test(place.clone(), url)).await;
    place.remove().await;
}

/// Runs a test with a database of PostgreSQL's, for applications that make their tables in its `public`. Returns whether there
/// is a PostgreSQL.
pub async fn in_postgres_database<F: Future<Output = ()>>(test: impl FnOnce(Database) -> F) -> bool {
    in_new_postgres_database("", test).await
}

/// The same with a database of this encoding.
pub async fn in_postgres_database_of<F: Future<Output = ()>>(
    encoding: &str,
    test: impl FnOnce(Database) -> F,
) -> bool {
    // Any encoding goes with this locale.
    let options = format!("TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
    in_new_postgres_database(&options, test).await
}

async fn in_new_postgres_database<F: Future<Output = ()>>(
    options: &str,
    test: impl FnOnce(Database) -> F,
) -> bool {
    let Some(server) = server(POSTGRES) else { return false };
    let name = name();
    let owner = PgPool::connect(&server).await.unwrap();
    let run = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&owner).await.unwrap();
    run(format!("CREATE DATABASE {name} {options}")).await;
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let pool = PgPool::connect(&url).await.unwrap();
    Box::pin(test(Database(Arc::new(Inner { url, name: name.clone(), pool: Pool::Postgres(pool) })))).await;
    run(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    true
}

async fn sqlite() -> Option<Database> {
    let name = name();
    let directory = std::env::temp_dir().join(&name);
    std::fs::create_dir(&directory).unwrap();
    let url = format!("sqlite://{}", directory.join("users.db").display());
    let pool = SqlitePool::connect(&format!("{url}?mode=rwc")).await.unwrap();
    Some(Database(Arc::new(Inner { url, name, pool: Pool::Sqlite(pool, directory) })))
}

async fn postgres() -> Option<Database> {
    let server = server(POSTGRES)?;
    let name = name();
    let pool = PgPool::connect(&server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&pool).await.unwrap();
    let url = format!("{server}?options=-c%20search_path%3D{name},public");
    let pool = PgPool::connect(&url).await.unwrap();
    Some(Database(Arc::new(Inner { url, name, pool: Pool::Postgres(pool) })))
}

async fn mysql() -> Option<Database> {
    let server = server(MYSQL)?;
    let name = name();
    let pool = MySqlPool::connect(&server).await.unwrap();
    // MariaDB's default is as careless: neither case nor accents matter.
    let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&pool).await.unwrap();
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let pool = MySqlPool::connect(&url).await.unwrap();
    Some(Database(Arc::new(Inner { url, name, pool: Pool::MySql(pool) })))
}

impl Database {
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The schema, or what stands for it.
    pub fn schema(&self) -> &str {
        match self.0.pool {
            Pool::Sqlite(..) => "main",
            _ => &self.0.name,
        }
    }

    /// What is different in SQLite, PostgreSQL and MySQL.
    pub fn choose<T>(&self, sqlite: T, postgres: T, mysql: T) -> T {
        match self.0.pool {
            Pool::Sqlite(..) => sqlite,
            Pool::Postgres(_) => postgres,
            Pool::MySql(_) => mysql,
        }
    }

    /// A quoted name.
    pub fn quoted(&self, name: &str) -> String {
        let standard = || format!("\"{}\"", name.replace('"', "\"\""));
        self.choose(standard(), standard(), format!("`{}`", name.replace('`', "``")))
    }

    /// Runs statements, in which `SERIAL` stands for a numbered primary key.
    pub async fn run(&self, sql: &str) {
        let serial = self.choose(
            "integer PRIMARY KEY",
            "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
            "bigint AUTO_INCREMENT PRIMARY KEY",
        );
        let sql = sql.replace("SERIAL", serial);
        let run = match &self.0.pool {
            Pool::Sqlite(pool, _) => sqlx::raw_sql(AssertSqlSafe(&*sql)).execute(pool).await.map(drop),
            Pool::Postgres(pool) => sqlx::raw_sql(AssertSqlSafe(&*sql)).execute(pool).await.map(drop),
            Pool::MySql(pool) => sqlx::raw_sql(AssertSqlSafe(&*sql)).execute(pool).await.map(drop),
        };
        run.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One value of one row, as text.
    pub async fn text(&self, what: &str, from: &str) -> Option<String> {
        let text = self.choose("text", "text", "char");
        let sql = format!("SELECT CAST({what} AS {text}) FROM {from}");
        match &self.0.pool {
            Pool::Sqlite(pool, _) => {
                sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap().get_unchecked(0)
            }
            Pool::Postgres(pool) => {
                sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap().get_unchecked(0)
            }
            Pool::MySql(pool) => {
                sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await.unwrap().get_unchecked(0)
            }
        }
    }

    /// PostgreSQL's type for texts in which case does not matter. Two tests may create it at once.
    pub async fn add_citext(&self) {
        let create = "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public";
        self.run(&format!("SELECT pg_advisory_xact_lock(20); {create}")).await;
    }

    /// For the report, behind what is named first.
    async fn turn(&self, behind: &str) -> Turn {
        let version = match expectations::are_reported() {
            true => {
                self.text(self.choose("sqlite_version()", "version()", "version()"), "(SELECT 1) AS one")
                    .await
            }
            false => None,
        };
        // `PostgreSQL 15.14 (…) on …`, `10.11.14-MariaDB-…`, `3.50.4`.
        let version = version.unwrap_or_default();
        let number = version.trim_start_matches("PostgreSQL ").split([' ', '-']).next().unwrap();
        let turn = Turn::of(format!("{behind}{} {number}", self.choose("SQLite", "PostgreSQL", "MariaDB")));
        turn.begin();
        turn
    }

    pub async fn postgres_version(&self) -> String {
        let version = self.text("current_setting('server_version')", "(SELECT 1) AS one").await.unwrap();
        // Debian adds where it is from.
        version.split(' ').next().unwrap().to_owned()
    }

    pub async fn count(&self, from: &str) -> usize {
        self.text("count(*)", from).await.unwrap().parse().unwrap()
    }

    /// A store that hashes quickly.
    pub async fn store(
        &self,
        table: &str,
        columns: &[&str],
        configure: impl FnOnce(SqlStoreBuilder) -> SqlStoreBuilder,
    ) -> SqlStore {
        let builder = SqlStore::builder(table).columns(columns.iter().copied()).hash(PasswordHash::bcrypt(4));
        configure(builder).connect(self.url()).await.unwrap()
    }

    async fn remove(&self) {
        match &self.0.pool {
            Pool::Sqlite(pool, directory) => {
                pool.close().await;
                std::fs::remove_dir_all(directory).unwrap();
            }
            Pool::Postgres(_) => self.run(&format!("DROP SCHEMA {} CASCADE", self.0.name)).await,
            Pool::MySql(_) => self.run(&format!("DROP DATABASE {}", self.0.name)).await,
        }
    }
}

pub fn user(value: Value) -> LegacyUser {
    let Value::Object(columns) = value else { panic!("{value}") };
    columns.into()
}

/// A hash that no password has.
pub fn no_password() -> NewPassword {
    NewPassword::Hashed("!".into())
}

pub fn json(user: LegacyUser) -> Value {
    Map::from(user).into()
}

/// All that a store has after this place.
pub async fn all(store: &SqlStore, after: Option<Value>) -> Vec<(Value, LegacyUser)> {
    aigc_auth::user_sync::LegacyStore::all(store, after).try_collect().await.unwrap()
}

/// Runs statements in the PostgreSQL of this URL.
pub async fn run_in_postgres(url: &str, sql: &str) {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.unwrap();
}

/// What a query says in the PostgreSQL of this URL: the first columns of its rows, which are texts.
pub async fn texts_in_postgres(url: &str, sql: &str) -> Vec<String> {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
