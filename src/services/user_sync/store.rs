use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use futures_core::Stream;
use serde_json::Value;

use super::legacy_user::LegacyUser;
use super::password::NewPassword;
use crate::util::boxed::BoxFuture;

/// Why a [`LegacyStore`] failed: any error. Its text is shown in logs and errors.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// All users of a [`LegacyStore`] as a stream, each with the cursor after which the stream can be resumed.
pub type AllUsers = Pin<Box<dyn Stream<Item = Result<(Value, LegacyUser), StoreError>> + Send>>;

/// Reads and writes the legacy system's users, in a table or elsewhere. With the feature `postgres`, `sqlite` or `mysql`,
/// `SqlStore` implements it for most tables.
///
/// Users are found by the column of the [unique field](super::SyncConfig::unique_field).
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
///
/// use aigc_auth::user_sync::{AllUsers, LegacyStore, LegacyUser, NewPassword, StoreError};
/// use futures_util::{StreamExt, stream};
/// use serde_json::Value;
///
/// /// Users by their `username`.
/// #[derive(Default)]
/// struct InMemory(Mutex<BTreeMap<String, LegacyUser>>);
///
/// impl LegacyStore for InMemory {
///     async fn find(&self, _: &str, value: &Value) -> Result<Option<LegacyUser>, StoreError> {
///         Ok(self.0.lock().unwrap().get(value.as_str().ok_or("no name")?).cloned())
///     }
///
///     async fn create(&self, user: LegacyUser, _: NewPassword) -> Result<(), StoreError> {
///         let name = user["username"].as_str().ok_or("no name")?.to_owned();
///         self.0.lock().unwrap().insert(name, user);
///         Ok(())
///     }
///
///     async fn update(&self, _: &str, value: &Value, changes: LegacyUser) -> Result<bool, StoreError> {
///         let mut users = self.0.lock().unwrap();
///         let Some(user) = users.get_mut(value.as_str().ok_or("no name")?) else { return Ok(false) };
///         user.extend(serde_json::Map::from(changes));
///         Ok(true)
///     }
///
///     async fn remove(&self, _: &str, value: &Value) -> Result<bool, StoreError> {
///         Ok(self.0.lock().unwrap().remove(value.as_str().ok_or("no name")?).is_some())
///     }
///
///     fn all(&self, after: Option<Value>) -> AllUsers {
///         let users = self.0.lock().unwrap();
///         let after = after.and_then(|after| Some(after.as_str()?.to_owned()));
///         let rest = users.iter().filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after));
///         let rest: Vec<_> = rest.map(|(name, user)| Ok((name.as_str().into(), user.clone()))).collect();
///         stream::iter(rest).boxed()
///     }
/// }
/// ```
pub trait LegacyStore: Send + Sync + 'static {
    /// Finds the user whose `field` has this value.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn find(
        &self,
        field: &str,
        value: &Value,
    ) -> impl Future<Output = Result<Option<LegacyUser>, StoreError>> + Send;

    /// Creates a user with this password. Hash a [`NewPassword::Plain`] as the legacy system does.
    ///
    /// # Errors
    /// If the user cannot be created, such as when another process has created them.
    fn create(
        &self,
        user: LegacyUser,
        password: NewPassword,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Updates these columns, and no others, of the user whose `field` has this value. Returns whether there was one.
    ///
    /// # Errors
    /// If the user cannot be updated.
    fn update(
        &self,
        field: &str,
        value: &Value,
        changes: LegacyUser,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Updates these columns, as [`update`](Self::update) does, if the row has no value in `unlinked`, the column of the
    /// [unique field](super::SyncConfig::unique_field), or an empty one. Returns whether it did. Only called with
    /// [`SyncConfig::link_by`](super::SyncConfig::link_by).
    ///
    /// The row had no value when it was found; another process may have linked it to another user since. Look and write in
    /// one step. Defaults to `update`, which does not look.
    ///
    /// # Errors
    /// If the user cannot be updated.
    fn link(
        &self,
        field: &str,
        value: &Value,
        unlinked: &str,
        changes: LegacyUser,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = unlinked;
        self.update(field, value, changes)
    }

    /// Deletes or disables the user whose `field` has this value. Returns whether there was one.
    ///
    /// # Errors
    /// If the user cannot be removed.
    fn remove(&self, field: &str, value: &Value) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Streams all users in a stable order, after the one with this cursor, or from the first.
    ///
    /// Fetch them page by page, with a clone of the connection pool, so that a million rows are not in memory at once. A
    /// cursor is any value from which the store can resume, such as the row's id. It is stored in checkpoint files.
    fn all(&self, after: Option<Value>) -> AllUsers;

    /// Returns the approximate number of users, for progress bars. Defaults to `None`.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn count(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        async { Ok(None) }
    }
}

/// The future of a call to the store.
type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// [`LegacyStore`] as a trait object, so that `UserSync` has no type parameter.
pub(super) trait DynLegacyStore: Send + Sync {
    fn find<'a>(&'a self, field: &'a str, value: &'a Value) -> StoreFuture<'a, Option<LegacyUser>>;
    fn create(&self, user: LegacyUser, password: NewPassword) -> StoreFuture<'_, ()>;
    fn update<'a>(&'a self, field: &'a str, value: &'a Value, changes: LegacyUser) -> StoreFuture<'a, bool>;
    fn link<'a>(
        &'a self,
        field: &'a str,
        value: &'a Value,
        unlinked: &'a str,
        changes: LegacyUser,
    ) -> StoreFuture<'a, bool>;
    fn remove<'a>(&'a self, field: &'a str, value: &'a Value) -> StoreFuture<'a, bool>;
    fn all(&self, after: Option<Value>) -> AllUsers;
    fn count(&self) -> StoreFuture<'_, Option<u64>>;
}

impl<S: LegacyStore> DynLegacyStore for S {
    fn find<'a>(&'a self, field: &'a str, value: &'a Value) -> StoreFuture<'a, Option<LegacyUser>> {
        Box::pin(LegacyStore::find(self, field, value))
    }

    fn create(&self, user: LegacyUser, password: NewPassword) -> StoreFuture<'_, ()> {
        Box::pin(LegacyStore::create(self, user, password))
    }

    fn update<'a>(&'a self, field: &'a str, value: &'a Value, changes: LegacyUser) -> StoreFuture<'a, bool> {
        Box::pin(LegacyStore::update(self, field, value, changes))
    }

    fn link<'a>(
        &'a self,
        field: &'a str,
        value: &'a Value,
        unlinked: &'a str,
        changes: LegacyUser,
    ) -> StoreFuture<'a, bool> {
        Box::pin(LegacyStore::link(self, field, value, unlinked, changes))
    }

    fn remove<'a>(&'a self, field: &'a str, value: &'a Value) -> StoreFuture<'a, bool> {
        Box::pin(LegacyStore::remove(self, field, value))
    }

    fn all(&self, after: Option<Value>) -> AllUsers {
        LegacyStore::all(self, after)
    }

    fn count(&self) -> StoreFuture<'_, Option<u64>> {
        Box::pin(LegacyStore::count(self))
    }
}
