use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use futures_core::Stream;
use serde_json::{Map, Value};

use super::password::NewPassword;

/// Why a [`LegacyStore`] failed: any error, for the log and for the summary of a push.
pub type StoreError = Box<dyn Error + Send + Sync>;

/// A row of the legacy system's users: columns and their values. Its `Debug` shows the names of the columns only.
#[derive(Clone, Default, PartialEq)]
pub struct LegacyUser(Map<String, Value>);

impl LegacyUser {
    /// A row without columns.
    pub fn new() -> Self {
        Self::default()
    }
}

impl From<Map<String, Value>> for LegacyUser {
    fn from(columns: Map<String, Value>) -> Self {
        Self(columns)
    }
}

impl From<LegacyUser> for Map<String, Value> {
    fn from(user: LegacyUser) -> Self {
        user.0
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for LegacyUser {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(columns: I) -> Self {
        Self(columns.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Deref for LegacyUser {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl DerefMut for LegacyUser {
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }
}

impl fmt::Debug for LegacyUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Among the values may be a password, or its hash.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// All users of a [`LegacyStore`], one after the other, each with the place to go on after it.
pub type AllUsers = Pin<Box<dyn Stream<Item = Result<(Value, LegacyUser), StoreError>> + Send>>;

/// The legacy system's users: a table, or whatever they are kept in. With the feature `postgres`, `sqlite` or `mysql`,
/// `SqlStore` is one for most tables.
///
/// Users are found by the legacy name of the [unique field](super::SyncConfig::unique_field), of which no two have the
/// same value.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
///
/// use aigc_auth::sync::{AllUsers, LegacyStore, LegacyUser, NewPassword, StoreError};
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
    /// The user whose `field` has this value.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn find(
        &self,
        field: &str,
        value: &Value,
    ) -> impl Future<Output = Result<Option<LegacyUser>, StoreError>> + Send;

    /// Creates a user with this password, to be hashed as the legacy system hashes.
    ///
    /// # Errors
    /// If he could not be created, as when there is one of his name meanwhile.
    fn create(
        &self,
        user: LegacyUser,
        password: NewPassword,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Changes these columns, and no others, of the user whose `field` has this value. Whether there was one.
    ///
    /// # Errors
    /// If he could not be changed.
    fn update(
        &self,
        field: &str,
        value: &Value,
        changes: LegacyUser,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deletes or disables the user whose `field` has this value. Whether there was one.
    ///
    /// # Errors
    /// If he could not be removed.
    fn remove(&self, field: &str, value: &Value) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// All users in an order that stays the same, after the one of this place, or from the first.
    ///
    /// A stream, lest a million rows be in memory at once: fetch them page by page, with a clone of the connection pool. A
    /// place is whatever the store can go on from, such as the row's id; it is kept in checkpoint files.
    fn all(&self, after: Option<Value>) -> AllUsers;

    /// About how many users there are, for progress bars. Defaults to not knowing.
    ///
    /// # Errors
    /// If the store could not be asked.
    fn count(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send {
        async { Ok(None) }
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// `LegacyStore` without its type, so that none reaches the users of `UserSync`.
pub(super) trait Erased: Send + Sync {
    fn find<'a>(&'a self, field: &'a str, value: &'a Value) -> Boxed<'a, Option<LegacyUser>>;
    fn create(&self, user: LegacyUser, password: NewPassword) -> Boxed<'_, ()>;
    fn update<'a>(&'a self, field: &'a str, value: &'a Value, changes: LegacyUser) -> Boxed<'a, bool>;
    fn remove<'a>(&'a self, field: &'a str, value: &'a Value) -> Boxed<'a, bool>;
    fn all(&self, after: Option<Value>) -> AllUsers;
    fn count(&self) -> Boxed<'_, Option<u64>>;
}

impl<S: LegacyStore> Erased for S {
    fn find<'a>(&'a self, field: &'a str, value: &'a Value) -> Boxed<'a, Option<LegacyUser>> {
        Box::pin(LegacyStore::find(self, field, value))
    }

    fn create(&self, user: LegacyUser, password: NewPassword) -> Boxed<'_, ()> {
        Box::pin(LegacyStore::create(self, user, password))
    }

    fn update<'a>(&'a self, field: &'a str, value: &'a Value, changes: LegacyUser) -> Boxed<'a, bool> {
        Box::pin(LegacyStore::update(self, field, value, changes))
    }

    fn remove<'a>(&'a self, field: &'a str, value: &'a Value) -> Boxed<'a, bool> {
        Box::pin(LegacyStore::remove(self, field, value))
    }

    fn all(&self, after: Option<Value>) -> AllUsers {
        LegacyStore::all(self, after)
    }

    fn count(&self) -> Boxed<'_, Option<u64>> {
        Box::pin(LegacyStore::count(self))
    }
}
