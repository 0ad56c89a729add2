//! A table of users in an SQL database.

use std::fmt;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::password::NewPassword;
use super::store::{AllUsers, LegacyStore, LegacyUser, StoreError};
use column::Column;
use dialect::{Dialect, Table};
use failure::Failure;
use hash::Hasher;
use pool::{Pool, Texts};
use statements::Statement;

mod builder;
mod catalog;
mod column;
mod dialect;
mod failure;
mod hash;
mod on_delete;
mod pool;
mod statements;

pub use builder::SqlStoreBuilder;
pub use hash::PasswordHash;
pub use on_delete::OnDelete;

/// Rows that are read at a time.
const PAGE: usize = 500;

/// A [`LegacyStore`] for a table in PostgreSQL (feature `postgres`), SQLite (`sqlite`), MySQL or MariaDB (`mysql`). Cheap to
/// clone.
///
/// ```no_run
/// use std::time::Duration;
///
/// use aigc_auth::sync::{OnDelete, PasswordHash, SqlStore, SyncConfig};
///
/// # async fn example(database_url: &str) -> Result<SqlStore, aigc_auth::BuildError> {
/// let config = SyncConfig::from_env()?;
/// let store = SqlStore::builder("users")
///     .columns(config.legacy_fields())
///     .password_column("hashed_password")
///     .hash(PasswordHash::bcrypt(12))
///     .on_delete(OnDelete::set("is_active", false))
///     .timeout(Duration::from_secs(3))
///     .connect(database_url)
///     .await?;
/// # Ok(store) }
/// ```
///
/// # Values
///
/// Names are quoted, values are bound, and each takes the type of its column. Columns of booleans (`tinyint(1)` and `bit(1)`
/// in MySQL, and whatever SQLite's table calls a boolean) are booleans in JSON; numbers are numbers, or texts where JSON's
/// would lose digits; JSON and PostgreSQL's arrays are what they are; bytes are their hexadecimal digits; times, UUIDs and
/// enums are texts as the database writes them, times in UTC. An array or object for a column of text is written as JSON,
/// and MariaDB, to which JSON is text, gives it back as text. A text with a NUL character is an error, as is what does not
/// fit: nothing is cut.
///
/// Users are found by exactly the text that is asked for, whatever the column's collation takes for equal. Two that differ
/// in case or accents only are two users to the auth center; where the table has room for one of them, the other is an
/// error.
#[derive(Clone)]
pub struct SqlStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    dialect: Dialect,
    table: Table,
    /// The column by which the rows are read page by page.
    key: Column,
    columns: Vec<Column>,
    password: Option<Column>,
    /// The column that says that a user is gone, and the value that does.
    flag: Option<(Column, Value)>,
    hasher: Hasher,
}

impl SqlStore {
    /// Starts a store for a table, `table` or `schema.table`, by the names as they are: unquoted, in their upper and lower
    /// case.
    pub fn builder(table: impl AsRef<str>) -> SqlStoreBuilder {
        SqlStoreBuilder::new(Table::parse(table.as_ref()))
    }
}

impl Inner {
    fn statement(&self, before: &str, after: &str) -> Statement {
        Statement::new(self.dialect, format!("{before} {}{after}", self.table.quoted(self.dialect)))
    }

    fn failed(&self, doing: &str, error: Failure) -> StoreError {
        error.while_(format_args!("{doing} the table `{}`", self.table)).into()
    }

    /// A column that rows may have.
    fn column(&self, name: &str) -> Result<&Column, Failure> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            Failure::new(format!("`{name}` is not among the columns (SqlStoreBuilder::columns)"))
        })
    }

    /// A column that users may be found by.
    fn field(&self, name: &str) -> Result<&Column, Failure> {
        self.column(name).or_else(|error| if self.key.name == name { Ok(&self.key) } else { Err(error) })
    }

    /// The key, the columns and the hash.
    fn select(&self) -> Statement {
        let read = [&self.key].into_iter().chain(&self.columns).map(|column| column.read(self.dialect));
        let hash = self.password.iter().map(|column| column.read_hash(self.dialect));
        let read: Vec<_> = read.chain(hash).collect();
        self.statement(&format!("SELECT {} FROM", read.join(", ")), "")
    }

    /// What `select` has read.
    fn row(&self, texts: Texts) -> (Value, LegacyUser) {
        let mut texts = texts.into_iter();
        let place = self.key.value(texts.next().flatten());
        let mut row = LegacyUser::new();
        for column in &self.columns {
            row.insert(column.name.clone(), column.value(texts.next().flatten()));
        }
        if let Some(column) = &self.password {
            row.insert(column.name.clone(), texts.next().flatten().into());
        }
        (place, row)
    }

    async fn find(&self, field: &str, value: &Value) -> Result<Option<LegacyUser>, Failure> {
        let mut statement = self.select();
        statement.push(" WHERE ").equals(self.field(field)?, value)?.push(" LIMIT 2");
        let mut rows = self.pool.rows(&statement.sql, &statement.values).await?;
        if rows.len() > 1 {
            return Err(Failure::new(format!("more than one row has this value in `{field}`")));
        }
        Ok(rows.pop().map(|texts| self.row(texts).1))
    }

    async fn create(&self, user: &LegacyUser, hash: Option<String>) -> Result<(), Failure> {
        let mut statement = self.statement("INSERT INTO", " (");
        let mut values = Statement::new(self.dialect, "");
        let mut comma = "";
        for (name, value) in user.iter() {
            let column = self.column(name)?;
            statement.push(comma).push(&self.dialect.quoted(name));
            values.push(comma).value(column, value)?;
            comma = ", ";
        }
        if let (Some(column), Some(hash)) = (&self.password, hash) {
            statement.push(comma).push(&self.dialect.quoted(&column.name));
            values.push(comma).bound(column, column.hash(hash));
        }
        statement.push(") VALUES (").push(&values.sql).push(")");
        self.pool.change(&statement.sql, &values.values).await.map(drop)
    }

    async fn update(&self, field: &str, value: &Value, changes: &LegacyUser) -> Result<bool, Failure> {
        let changes: Result<Vec<_>, Failure> =
            changes.iter().map(|(name, value)| Ok((self.column(name)?, value))).collect();
        self.set(field, value, &changes?).await
    }

    async fn set(&self, field: &str, value: &Value, changes: &[(&Column, &Value)]) -> Result<bool, Failure> {
        if changes.is_empty() {
            return Ok(self.find(field, value).await?.is_some());
        }
        let mut statement = self.statement("UPDATE", " SET ");
        let mut comma = "";
        for (column, value) in changes {
            statement
                .push(comma)
                .push(&self.dialect.quoted(&column.name))
                .push(" = ")
                .value(column, value)?;
            comma = ", ";
        }
        statement.push(" WHERE ").equals(self.field(field)?, value)?;
        self.pool.change(&statement.sql, &statement.values).await
    }

    async fn remove(&self, field: &str, value: &Value) -> Result<bool, Failure> {
        if let Some((column, flag)) = &self.flag {
            return self.set(field, value, &[(column, flag)]).await;
        }
        let mut statement = self.statement("DELETE FROM", " WHERE ");
        statement.equals(self.field(field)?, value)?;
        self.pool.change(&statement.sql, &statement.values).await
    }

    async fn page(&self, after: Option<&Value>) -> Result<Vec<(Value, LegacyUser)>, Failure> {
        // With its table: in PostgreSQL, the name alone would be that of the text it is read as, and 10 before 9.
        let key = format!("{}.{}", self.table.quoted(self.dialect), self.dialect.quoted(&self.key.name));
        let mut statement = self.select();
        match after {
            Some(after) => statement.push(&format!(" WHERE {key} > ")).value(&self.key, after)?,
            None if self.key.nullable => {
                self.check_keys(&key).await?;
                &mut statement
            }
            None => &mut statement,
        };
        statement.push(&format!(" ORDER BY {key} LIMIT {PAGE}"));
        let rows = self.pool.rows(&statement.sql, &statement.values).await?;
        Ok(rows.into_iter().map(|texts| self.row(texts)).collect())
    }

    /// Whether the table can be read.
    async fn page_of_none(&self) -> Result<(), Failure> {
        let mut statement = self.select();
        statement.push(" LIMIT 0");
        self.pool.rows(&statement.sql, &[]).await.map(drop)
    }

    /// Rows without a key come on no page.
    async fn check_keys(&self, key: &str) -> Result<(), Failure> {
        let statement = self.statement("SELECT '1' FROM", &format!(" WHERE {key} IS NULL LIMIT 1"));
        match self.pool.rows(&statement.sql, &[]).await?.is_empty() {
            true => Ok(()),
            false => {
                Err(Failure::new(format!("there are rows without a value in the key, `{}`", self.key.name)))
            }
        }
    }

    async fn count(&self) -> Result<Option<u64>, Failure> {
        let text = self.dialect.text("count(*)");
        let statement = self.statement(&format!("SELECT {text} FROM"), "");
        let rows = self.pool.rows(&statement.sql, &[]).await?;
        Ok(rows.into_iter().flatten().next().flatten().and_then(|count| count.parse().ok()))
    }
}

impl LegacyStore for SqlStore {
    async fn find(&self, field: &str, value: &Value) -> Result<Option<LegacyUser>, StoreError> {
        let found = self.inner.find(field, value).await;
        found.map_err(|error| self.inner.failed("finding a user in", error))
    }

    async fn create(&self, user: LegacyUser, password: NewPassword) -> Result<(), StoreError> {
        let hash = match (&self.inner.password, password) {
            (None, _) => None,
            (Some(_), NewPassword::Hashed(hash)) => Some(hash),
            (Some(_), NewPassword::Plain(password)) => Some(self.inner.hasher.hash(password).await?),
        };
        let hash = hash.map(|hash| hash.expose().to_owned());
        if hash.as_ref().is_some_and(|hash| hash.contains('\0')) {
            return Err("the password's hash has a NUL character".into());
        }
        let created = self.inner.create(&user, hash).await;
        created.map_err(|error| self.inner.failed("creating a user in", error))
    }

    async fn update(&self, field: &str, value: &Value, changes: LegacyUser) -> Result<bool, StoreError> {
        let updated = self.inner.update(field, value, &changes).await;
        updated.map_err(|error| self.inner.failed("changing a user in", error))
    }

    async fn remove(&self, field: &str, value: &Value) -> Result<bool, StoreError> {
        let removed = self.inner.remove(field, value).await;
        removed.map_err(|error| self.inner.failed("removing a user from", error))
    }

    fn all(&self, after: Option<Value>) -> AllUsers {
        let inner = self.inner.clone();
        let pages = stream::try_unfold(Some(after), move |place| {
            let inner = inner.clone();
            async move {
                let Some(after) = place else { return Ok(None) };
                let page = inner.page(after.as_ref()).await;
                let page = page.map_err(|error| inner.failed("reading users from", error))?;
                // A short page is not the last for sure, while rows are added.
                let next = page.last().map(|(place, _)| Some(place.clone()));
                Ok::<_, StoreError>(next.map(|next| (stream::iter(page.into_iter().map(Ok)), Some(next))))
            }
        });
        pages.try_flatten().boxed()
    }

    async fn count(&self) -> Result<Option<u64>, StoreError> {
        self.inner.count().await.map_err(|error| self.inner.failed("counting the users of", error))
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("table", &self.inner.table.to_string())
            .field("dialect", &self.inner.dialect)
            .finish_non_exhaustive()
    }
}
