//! One user, brought from the auth center into the legacy system.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard};

use super::config::SyncConfig;
use super::error::{SyncError, SyncErrorKind};
use super::mapping::{self, FieldMapping};
use super::password::{NewPassword, PasswordPolicy, Way};
use super::store::{Erased, LegacyUser, StoreError};
use crate::client::AuthClient;
use crate::error::BuildError;

const LOCKS: usize = 64;

/// What tasks hold on to.
pub(super) struct Engine {
    pub(super) client: AuthClient,
    pub(super) store: Arc<dyn Erased>,
    pub(super) config: SyncConfig,
    /// The mapping of the field that users are told apart by.
    unique: FieldMapping,
    /// One at a time for each user, so that two log-ins make one row: users share locks by chance.
    locks: [Mutex<()>; LOCKS],
    hasher: RandomState,
}

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Updated,
    Unchanged,
    Removed,
    /// He was not there to be removed.
    Unknown,
}

impl Engine {
    pub(super) fn new(
        client: AuthClient,
        store: Arc<dyn Erased>,
        config: SyncConfig,
    ) -> Result<Self, BuildError> {
        let unique = config.mappings.iter().find(|mapping| mapping.auth_field() == config.unique_field);
        let unique = unique.cloned().ok_or_else(|| {
            let field = &config.unique_field;
            BuildError::new(format!("users are told apart by `{field}`, and no field mapping names it"))
        })?;
        let locks = [const { Mutex::const_new(()) }; LOCKS];
        Ok(Self { client, store, config, unique, locks, hasher: RandomState::new() })
    }

    pub(super) fn check(&self, way: Way) -> Result<(), SyncError> {
        if self.config.direction.allows(way) {
            return Ok(());
        }
        let way = match way {
            Way::ToLegacy => "from the auth center to the legacy system",
            Way::ToAuth => "from the legacy system to the auth center",
        };
        Err(SyncError::new(SyncErrorKind::Off, format!("sync {way} is off (SyncConfig::direction)")))
    }

    /// What a row is called in the summary of a push: its value of the unique field.
    pub(super) fn legacy_name(&self, row: &LegacyUser) -> Option<String> {
        let name = row.get(self.unique.legacy_field()).filter(|name| !name.is_null())?;
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        Some(name).filter(|name| !name.trim().is_empty())
    }

    /// The user's value of the unique field, as the legacy system has it.
    pub(super) fn key(&self, user: &Map<String, Value>) -> Result<Value, SyncError> {
        let field = self.unique.auth_field();
        match self.unique.legacy_value(user)? {
            Some(key) if key.as_str().is_none_or(|key| !key.trim().is_empty()) => Ok(key),
            _ => Err(SyncError::new(
                SyncErrorKind::Mapping,
                format!("`{field}` is missing, and users are told apart by it"),
            )),
        }
    }

    /// Creates the user, or brings his row up to date if `update`. Never touches the password of one who exists.
    pub(super) async fn upsert(&self, user: &Map<String, Value>, update: bool) -> Result<Outcome, SyncError> {
        self.check(Way::ToLegacy)?;
        let key = self.key(user)?;
        let _one_at_a_time = self.lock(&key).await;
        if let Some(row) = self.find(&key).await? {
            return if update { self.update(&key, &row, user).await } else { Ok(Outcome::Unchanged) };
        }
        let row = mapping::new_row(&self.config.mappings, user)?;
        let password = self.password(user, Way::ToLegacy)?;
        match self.within(self.store.create(row, password)).await {
            Ok(()) => Ok(Outcome::Created),
            // Another process was quicker.
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
        match self.within(self.store.update(field, key, changes)).await? {
            true => Ok(Outcome::Updated),
            false => Ok(Outcome::Unknown),
        }
    }

    pub(super) async fn remove(&self, user: &Map<String, Value>) -> Result<Outcome, SyncError> {
        self.check(Way::ToLegacy)?;
        let key = self.key(user)?;
        let _one_at_a_time = self.lock(&key).await;
        match self.within(self.store.remove(self.unique.legacy_field(), &key)).await? {
            true => Ok(Outcome::Removed),
            false => Ok(Outcome::Unknown),
        }
    }

    /// Whether users can be created at all.
    pub(super) fn has_passwords(&self) -> Result<&PasswordPolicy, SyncError> {
        self.config.passwords.as_ref().ok_or_else(|| {
            let why = "no user is created without a password policy (SyncConfig::passwords)";
            SyncError::new(SyncErrorKind::NoPassword, why)
        })
    }

    pub(super) fn password(&self, user: &Map<String, Value>, way: Way) -> Result<NewPassword, SyncError> {
        self.has_passwords()?.password(user, way).ok_or_else(|| {
            SyncError::new(SyncErrorKind::NoPassword, "the password policy has no password for this user")
        })
    }

    async fn find(&self, key: &Value) -> Result<Option<LegacyUser>, SyncError> {
        self.within(self.store.find(self.unique.legacy_field(), key)).await
    }

    async fn within<T>(&self, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, SyncError> {
        let failed = SyncError::new(SyncErrorKind::Store, "the legacy system failed");
        match tokio::time::timeout(self.config.timeout, asked).await {
            Ok(answer) => answer.map_err(|error| failed.with_source(error)),
            Err(_) => Err(failed.with_source("no answer in time")),
        }
    }

    async fn lock(&self, key: &Value) -> MutexGuard<'_, ()> {
        let at = self.hasher.hash_one(key.to_string()) as usize % LOCKS;
        self.locks[at].lock().await
    }
}
