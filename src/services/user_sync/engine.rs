//! Synchronize one user from the auth center to the legacy system.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard};

use super::config::SyncConfig;
use super::direction::Direction;
use super::error::{SyncError, SyncErrorKind};
use super::field_mapping::FieldMapping;
use super::legacy_user::LegacyUser;
use super::mapping;
use super::password::{NewPassword, PasswordPolicy};
use super::recent::Recent;
use super::store::{DynLegacyStore, StoreError};
use crate::types::error::BuildError;
use crate::types::spelling;
use crate::verifiers::client::AuthClient;

const LOCKS: usize = 64;

/// Reads and writes users on both sides. Shared by tasks in the background, which do not keep the
/// [`UserSync`](super::UserSync) alive.
pub(crate) struct Engine {
    pub(super) client: AuthClient,
    pub(super) store: Arc<dyn DynLegacyStore>,
    pub(super) config: SyncConfig,
    /// The mapping of the unique field.
    unique: FieldMapping,
    /// The mapping of the field by which rows without a value of the unique field are found.
    link: Option<FieldMapping>,
    /// Locks users by the hash of their key, so that two concurrent logins create one row, and keeps of whom an event came
    /// lately. A lock may be shared by several users.
    locks: [Mutex<Recent>; LOCKS],
    hasher: RandomState,
}

/// What is known of a user whose row is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// They are at the auth center, and all of their fields are known.
    Created,
    /// They are at the auth center.
    LoggedIn,
    /// Their fields have changed. Says nothing of whether they were removed since.
    Updated,
}

/// What was done for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Updated,
    /// A row that was found by another field has got the value of the unique field.
    Linked,
    /// The user was removed, and is back.
    Restored,
    Unchanged,
    Removed,
    /// There was no row to be updated or removed.
    NotFound,
    /// An event is late: the auth center has no such user.
    Absent,
    /// A deletion is late: the auth center has the user.
    Present,
}

/// A row, and by what it was found.
pub(super) struct Found<'a> {
    pub(super) row: LegacyUser,
    pub(super) field: &'a str,
    pub(super) value: Value,
    /// Found by the field that links: the row has no value of the unique field yet.
    pub(super) is_linked: bool,
}

impl Engine {
    pub(super) fn new(
        client: AuthClient,
        store: Arc<dyn DynLegacyStore>,
        config: SyncConfig,
    ) -> Result<Self, BuildError> {
        mapping::check(&config.mappings)?;
        config.password_policy.as_ref().map_or(Ok(()), PasswordPolicy::check)?;
        let mapping_of = |field: &str, setter: &str| {
            let mut mappings = config.mappings.iter().filter(|mapping| mapping.is_for(Direction::ToLegacy));
            let mapping = mappings.find(|mapping| spelling::is_same(&mapping.auth_field, field)).cloned();
            let what =
                || format!("no field mapping to the legacy system names the field `{field}` ({setter})");
            mapping.ok_or_else(|| BuildError::new(what()))
        };
        let unique = mapping_of(&config.unique_field, "SyncConfig::unique_field")?;
        let link =
            config.link_by.as_deref().map(|field| mapping_of(field, "SyncConfig::link_by")).transpose()?;
        let locks = std::array::from_fn(|_| Mutex::default());
        Ok(Self { client, store, config, unique, link, locks, hasher: RandomState::new() })
    }

    /// Checks that the direction is enabled.
    pub(super) fn check_direction(&self, direction: Direction) -> Result<(), SyncError> {
        if self.config.mode.allows(direction) {
            return Ok(());
        }
        let direction = match direction {
            Direction::ToLegacy => "from the auth center to the legacy system",
            Direction::ToAuth => "from the legacy system to the auth center",
        };
        Err(SyncError::new(SyncErrorKind::Off, format!("sync {direction} is off (SyncConfig::mode)")))
    }

    /// Returns the row's value of the unique field, by which the summary of a push names it.
    pub(super) fn display_name(&self, row: &LegacyUser) -> Option<String> {
        let name = row.get(self.unique.legacy_field()).filter(|name| !name.is_null())?;
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        Some(name).filter(|name| !name.trim().is_empty())
    }

    /// Whether a row is that of a user who was removed, and whom the auth center is not to get back. What a mapping sends to
    /// it, such as a status, is for the auth center to judge.
    pub(super) fn is_gone(&self, row: &LegacyUser) -> bool {
        row.removal().is_some_and(|removal| {
            let mut sent = self.config.mappings.iter().filter(|mapping| mapping.is_for(Direction::ToAuth));
            !sent.any(|mapping| mapping.legacy_field == removal.column)
        })
    }

    /// Returns the user's value of the unique field, as the legacy system stores it.
    pub(super) fn key(&self, user: &Map<String, Value>) -> Result<Value, SyncError> {
        match mapping::legacy_value(&self.unique, user)? {
            Some(key) if key.as_str().is_none_or(|key| !key.trim().is_empty()) => Ok(key),
            _ => Err(SyncError::new(
                SyncErrorKind::Mapping,
                format!("the unique field `{}` is missing or empty", self.unique.auth_field),
            )),
        }
    }

    /// Returns the password policy, without which no user can be created.
    pub(super) fn password_policy(&self) -> Result<&PasswordPolicy, SyncError> {
        self.config.password_policy.as_ref().ok_or_else(|| {
            let message = "no user is created without a password policy (SyncConfig::password_policy)";
            SyncError::new(SyncErrorKind::NoPassword, message)
        })
    }

    pub(super) fn password(
        &self,
        user: &Map<String, Value>,
        direction: Direction,
    ) -> Result<NewPassword, SyncError> {
        self.password_policy()?.choose(user, direction).ok_or_else(|| {
            SyncError::new(SyncErrorKind::NoPassword, "the password policy has no password for this user")
        })
    }

    /// Finds the user's row by the unique field, or else by the field that links, among the rows without a value of the
    /// unique field.
    pub(super) async fn find(
        &self,
        key: &Value,
        user: &Map<String, Value>,
    ) -> Result<Option<Found<'_>>, SyncError> {
        let field = self.unique.legacy_field();
        if let Some(row) = self.with_timeout(self.store.find(field, key)).await? {
            return Ok(Some(Found { row, field, value: key.clone(), is_linked: false }));
        }
        let Some(link) = &self.link else { return Ok(None) };
        let Some(value) = mapping::legacy_value(link, user)? else { return Ok(None) };
        let row = self.with_timeout(self.store.find(link.legacy_field(), &value)).await?;
        let row = row.filter(|row| row.get(field).is_none_or(|key| key.is_null() || key == ""));
        Ok(row.map(|row| Found { row, field: link.legacy_field(), value, is_linked: true }))
    }

    pub(super) async fn with_timeout<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SyncError> {
        let failed = SyncError::new(SyncErrorKind::Store, "the legacy system failed");
        match tokio::time::timeout(self.config.timeout, call).await {
            Ok(answer) => answer.map_err(|error| failed.with_source(error)),
            Err(_) => Err(failed.with_source("no answer in time")),
        }
    }

    /// Locks the user, and others with them.
    ///
    /// # Errors
    /// If what came before takes longer than the timeout.
    pub(super) async fn lock(&self, key: &Value) -> Result<MutexGuard<'_, Recent>, SyncError> {
        let index = self.hash(key) as usize % LOCKS;
        let lock = self.locks[index].lock();
        tokio::time::timeout(self.config.timeout, lock).await.map_err(|_| {
            let why = "no answer in time to what came before for the same user";
            SyncError::new(SyncErrorKind::Store, "the legacy system failed").with_source(why)
        })
    }

    pub(super) fn hash(&self, key: &Value) -> u64 {
        // `7` and `"7"` are one user.
        match key {
            Value::String(text) => self.hasher.hash_one(text),
            other => self.hasher.hash_one(other.to_string()),
        }
    }

    pub(super) fn unique_column(&self) -> &str {
        self.unique.legacy_field()
    }

    /// Whether rows are found by a second field, too.
    pub(super) fn links(&self) -> bool {
        self.link.is_some()
    }
}
