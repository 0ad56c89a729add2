use std::fmt;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::super::legacy_user::LegacyUser;
use super::super::password::NewPassword;
use super::super::store::{AllUsers, LegacyStore, StoreError};
use super::user_table::UserTable;
use crate::upstream::sql::failure::Failure;

/// Implements [`LegacyStore`] for a table in PostgreSQL (feature `postgres`), SQLite (`sqlite`), MySQL or MariaDB (`mysql`).
/// Cheap to clone.
///
/// ```no_run
/// use std::time::Duration;
///
/// use aigc_auth::user_sync::{OnDelete, PasswordHash, SqlStore, SyncConfig};
///
/// # async fn example(database_url: &str) -> Result<SqlStore, aigc_auth::error::BuildError> {
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
/// Names are quoted, values are bound, and each value is converted to the type of its column:
///
/// | column | in JSON |
/// |---|---|
/// | booleans; in MySQL `tinyint(1)` and `bit(1)`, in SQLite any type declared as a boolean | a boolean |
/// | numbers | a number, or a text where a JSON number would lose digits |
/// | JSON, arrays of PostgreSQL | the same value |
/// | bytes | the same text, or one of hexadecimal digits, as [`SqlStoreBuilder::bytes`](super::SqlStoreBuilder::bytes) says |
/// | enums and sets of MySQL | one of their texts; yes and no, or a number, only if it is a text of theirs |
/// | times, UUIDs, other enums | a text as the database formats it, times with a zone in UTC |
///
/// `timestamp with time zone`, and MySQL's `TIMESTAMP`, are read in UTC, and a text without a zone is written as UTC. Other
/// types of time have no zone, and stay as they are. The table's defaults, such as `now()`, and its triggers see the zone of
/// the server, so that rows of the store have the times that rows of the legacy system have. In PostgreSQL, that is the zone
/// in the URL (`options[timezone]=Asia/Shanghai`), else of the role or the database (`ALTER ROLE … SET timezone`), else the
/// one in the configuration files, which are for superusers to see; a role that does not see it has UTC, and a warning is
/// logged. In MySQL, it is the one in the URL (`timezone=%2B08:00`), else the server's.
///
/// An array or object for a column of text is written as JSON. MariaDB, whose JSON type is text, returns it as text. A text
/// with a NUL character is an error, and so is a value that does not fit: nothing is truncated, and of `007` no zeros are lost
/// in a column of numbers.
///
/// # Users
///
/// Users are found by exactly equal text. To the auth center, texts that differ only in case or accents are two users. Where no
/// row is exactly equal, and the column's collation takes a row's text for the same, finding the user is an error that says so:
/// the application could not tell the two apart.
///
/// In an update, null for a column that is `NOT NULL` leaves that column as it is, with a warning, at most one a minute; the
/// others are written. For a new user, such a column gets its default, if it has one. The
/// [key](super::SqlStoreBuilder::key) is never updated.
///
/// Where the database counts no changed row, a trigger may have made the change, or a policy prevented it: a removal is done
/// only if the row shows it, and anything else is an error.
///
/// # Poolers
///
/// Each statement is in a transaction of its own, and no session is relied upon: the store works behind PgBouncer in
/// transaction mode, of any version, without settings for it.
#[derive(Clone)]
pub struct SqlStore {
    pub(super) table: Arc<UserTable>,
}

impl SqlStore {
    fn failed(&self, doing: &str, error: Failure) -> StoreError {
        failed(&self.table, doing, error)
    }
}

fn failed(table: &UserTable, doing: &str, error: Failure) -> StoreError {
    error.context(format_args!("{doing} the table `{}`", table.name)).into()
}

impl LegacyStore for SqlStore {
    async fn find(&self, field: &str, value: &Value) -> Result<Option<LegacyUser>, StoreError> {
        let found = self.table.find(field, value).await;
        found.map_err(|error| self.failed("finding a user in", error))
    }

    async fn create(&self, user: LegacyUser, password: NewPassword) -> Result<(), StoreError> {
        let hash = match (&self.table.password, password) {
            (None, _) => None,
            (Some(_), NewPassword::Hashed(hash)) => Some(hash),
            (Some(_), NewPassword::Plain(password)) => Some(self.table.hasher.hash(password).await?),
        };
        let hash = hash.map(|hash| hash.expose().to_owned());
        if hash.as_ref().is_some_and(|hash| hash.contains('\0')) {
            return Err("the password's hash has a NUL character".into());
        }
        let created = self.table.create(&user, hash).await;
        created.map_err(|error| self.failed("creating a user in", error))
    }

    async fn update(&self, field: &str, value: &Value, changes: LegacyUser) -> Result<bool, StoreError> {
        let updated = self.table.update(field, value, &changes).await;
        updated.map_err(|error| self.failed("changing a user in", error))
    }

    async fn link(
        &self,
        field: &str,
        value: &Value,
        unlinked: &str,
        changes: LegacyUser,
    ) -> Result<bool, StoreError> {
        let linked = self.table.link(field, value, unlinked, &changes).await;
        linked.map_err(|error| self.failed("linking a user in", error))
    }

    async fn remove(&self, field: &str, value: &Value) -> Result<bool, StoreError> {
        let removed = self.table.remove(field, value).await;
        removed.map_err(|error| self.failed("removing a user from", error))
    }

    fn all(&self, after: Option<Value>) -> AllUsers {
        let table = self.table.clone();
        let pages = stream::try_unfold(Some(after), move |cursor| {
            let table = table.clone();
            async move {
                let Some(after) = cursor else { return Ok(None) };
                let page = table.page(after.as_ref()).await;
                let page = page.map_err(|error| failed(&table, "reading users from", error))?;
                if let (Some(after), Some((last, _))) = (&after, page.last())
                    && after == last
                {
                    let why = "the key has values that do not come back as they are, such as floats, and cannot be read page by \
                               page: choose another column for SqlStoreBuilder::key";
                    return Err(failed(&table, "reading users from", Failure::new(why)));
                }
                // Up to an empty page: after a short one, rows may have been added.
                let next = page.last().map(|(cursor, _)| Some(cursor.clone()));
                Ok::<_, StoreError>(next.map(|next| (stream::iter(page.into_iter().map(Ok)), Some(next))))
            }
        });
        pages.try_flatten().boxed()
    }

    async fn count(&self) -> Result<Option<u64>, StoreError> {
        self.table.count().await.map_err(|error| self.failed("counting the users of", error))
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("table", &self.table.name.to_string())
            .field("dialect", &self.table.dialect)
            .finish_non_exhaustive()
    }
}
