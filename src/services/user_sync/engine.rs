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
    /// Locks users by the hash of their key, so that two concurrent logins create one row. A lock may be shared by several
    /// users.
    locks: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// What was done for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Updated,
    Unchanged,
    Removed,
    /// There was no row to be updated or removed.
    NotFound,
}

impl Engine {
    pub(super) fn new(
        client: AuthClient,
        store: Arc<dyn DynLegacyStore>,
        config: SyncConfig,
    ) -> Result<Self, BuildError> {
        let unique = &config.unique_field;
        let unique = config.mappings.iter().find(|mapping| spelling::is_same(&mapping.auth_field, unique));
        let unique = unique.cloned().ok_or_else(|| {
            let field = &config.unique_field;
            BuildError::new(format!(
                "no field mapping names the unique field `{field}` (SyncConfig::unique_field)"
            ))
        })?;
        let locks = [const { Mutex::const_new(()) }; LOCKS];
        Ok(Self { client, store, config, unique, locks, hasher: RandomState::new() })
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

    /// Creates the user if there is no row, or else updates the row if `update`. Never changes the password of an existing
    /// user.
    pub(super) async fn upsert(&self, user: &Map<String, Value>, update: bool) -> Result<Outcome, SyncError> {
        self.check_direction(Direction::ToLegacy)?;
        let key = self.key(user)?;
        let _guard = self.lock(&key).await;
        if let Some(row) = self.find(&key).await? {
            return if update { self.update(&key, &row, user).await } else { Ok(Outcome::Unchanged) };
        }
        let row = mapping::new_row(&self.config.mappings, user)?;
        let password = self.password(user, Direction::ToLegacy)?;
        match self.with_timeout(self.store.create(row, password)).await {
            Ok(()) => Ok(Outcome::Created),
            // Another process may have created the user in the meantime.
            Err(error) => match self.find(&key).await {
                Ok(Some(row)) if update => self.update(&key, &row, user).await,
                Ok(Some(_)) => Ok(Outcome::Unchanged),
                _ => Err(error),
            },
        }
    }

    async fn update(
        &self,
        key: &Value,
        row: &LegacyUser,
        user: &Map<String, Value>,
    ) -> Result<Outcome, SyncError> {
        let field = self.unique.legacy_field();
        let mut changes = mapping::changes(&self.config.mappings, user)?;
        changes.retain(|name, value| name != field && row.get(name) != Some(value));
        if changes.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        match self.with_timeout(self.store.update(field, key, changes)).await? {
            true => Ok(Outcome::Updated),
            false => Ok(Outcome::NotFound),
        }
    }

    /// Removes the user's row, as the store does that.
    pub(super) async fn remove(&self, user: &Map<String, Value>) -> Result<Outcome, SyncError> {
        self.check_direction(Direction::ToLegacy)?;
        let key = self.key(user)?;
        let _guard = self.lock(&key).await;
        match self.with_timeout(self.store.remove(self.unique.legacy_field(), &key)).await? {
            true => Ok(Outcome::Removed),
            false => Ok(Outcome::NotFound),
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

    async fn find(&self, key: &Value) -> Result<Option<LegacyUser>, SyncError> {
        self.with_timeout(self.store.find(self.unique.legacy_field(), key)).await
    }

    async fn with_timeout<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SyncError> {
        let failed = SyncError::new(SyncErrorKind::Store, "the legacy system failed");
        match tokio::time::timeout(self.config.timeout, call).await {
            Ok(answer) => answer.map_err(|error| failed.with_source(error)),
            Err(_) => Err(failed.with_source("no answer in time")),
        }
    }

    async fn lock(&self, key: &Value) -> MutexGuard<'_, ()> {
        let index = self.hasher.hash_one(key.to_string()) as usize % LOCKS;
        self.locks[index].lock().await
    }
}
