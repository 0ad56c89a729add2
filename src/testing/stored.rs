//! Hand the state out to whoever stores it, and take it back.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::accounts::{IssuedKey, Token};
use super::center::AuthCenter;

use super::received_usage::UsageRecord;
use super::state::State;
use super::test_key::TestKey;
use crate::types::user::UserGroup;

/// A table of an [`AuthCenter`], whole: users, tokens and so on. Keys and values are as [`AuthCenter::restore_row`] takes them.
/// They contain secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct StateTable {
    /// `users`, `tokens`, `access_keys`, `groups`, `webhooks`, `service_ids`, `instances` or `configs`.
    pub name: &'static str,
    /// The rows, in the order of their keys.
    pub rows: Vec<(String, Value)>,
}

/// Which changes of an [`AuthCenter`] somebody has seen: none, by default.
#[derive(Clone, Debug, Default)]
pub struct SeenState(BTreeMap<&'static str, u64>);

/// The error of a row that is no row of its table.
#[derive(Debug)]
pub struct RestoreError(String);

impl AuthCenter {
    /// Returns the tables that have changed since this was called with the same `seen`, each with all of its rows; all tables
    /// at first. Usage records are no table: see [`AuthCenter::usage_after`].
    pub fn changed_tables(&self, seen: &mut SeenState) -> Vec<StateTable> {
        let dispatcher = self.server.dispatcher();
        let state = &dispatcher.state;
        let mut changed = Vec::new();
        for (name, version, rows) in tables(state) {
            if seen.0.insert(name, version) != Some(version) {
                let mut rows = rows(state);
                rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                changed.push(StateTable { name, rows });
            }
        }
        changed
    }

    /// Adds a row that [`AuthCenter::changed_tables`] has returned.
    ///
    /// # Errors
    /// If there is no such table, or it has no such rows.
    pub fn restore_row(&self, table: &str, key: &str, value: Value) -> Result<(), RestoreError> {
        let state = &mut self.server.dispatcher().state;
        match table {
            "users" => state.accounts.put(parse(value)?),
            "tokens" => {
                state.accounts.tokens.insert(key.to_owned(), parse(value)?);
            }
            "access_keys" => {
                let issued = read_key(value)?;
                state.accounts.keys_issued = state.accounts.keys_issued.max(issued.id);
                state.accounts.keys.insert(key.to_owned(), issued);
            }
            "groups" => state.groups.put(parse::<UserGroup>(value)?),
            "webhooks" => {
                let id = parse_key::<u64>(key)?;
                state.registry.webhooks_registered = state.registry.webhooks_registered.max(id);
                state.registry.webhooks.insert(id, value);
            }
            "service_ids" => {
                state.registry.service_ids.insert(parse_key(key)?, parse(value)?);
            }
            "instances" => {
                state.registry.instances.insert(parse_key(key)?, parse(value)?);
            }
            "configs" => {
                state.registry.configs.insert(key.to_owned(), parse(value)?);
            }
            _ => return Err(RestoreError(format!("there is no table `{table}`"))),
        }
        Ok(())
    }

    /// Returns the usage records with a number above this one, oldest first, at most `max` of them.
    pub fn usage_after(&self, number: u64, max: usize) -> Vec<UsageRecord> {
        self.server.dispatcher().state.usage.after(number, max)
    }

    /// Adds a usage record that [`AuthCenter::usage_after`] has returned, in the order of their numbers.
    pub fn restore_usage(&self, record: UsageRecord) {
        self.server.dispatcher().state.usage.restore(record);
    }
}

impl UsageRecord {
    /// Puts a record together that was stored.
    pub fn new(number: u64, app_id: &str, username: Option<&str>, record: Value) -> Self {
        let username = username.map(Into::into);
        Self { number, app_id: app_id.into(), username, idempotency_key: None, record: record.into() }
    }
}

type Rows = Vec<(String, Value)>;

/// A table's name, its version, and what lists its rows.
type Described = (&'static str, u64, fn(&State) -> Rows);

fn tables(state: &State) -> [Described; 8] {
    let (accounts, registry) = (&state.accounts, &state.registry);
    [
        ("users", accounts.users.version(), |state| {
            state.accounts.users.values().map(|user| (user.username().to_owned(), json!(user))).collect()
        }),
        ("tokens", accounts.tokens.version(), |state| {
            let row = |(text, token): (&String, &Token)| (text.clone(), json!(token));
            state.accounts.tokens.iter().map(row).collect()
        }),
        ("access_keys", accounts.keys.version(), |state| {
            let row = |(text, issued): (&String, &IssuedKey)| (text.clone(), write_key(issued));
            state.accounts.keys.iter().map(row).collect()
        }),
        ("groups", state.groups.version(), |state| {
            // By their place: two may have the same id, and their order is part of what `/groups/list` answers.
            let row = |(at, group): (usize, &UserGroup)| (format!("{at:06}"), json!(group));
            state.groups.all().iter().enumerate().map(row).collect()
        }),
        ("webhooks", registry.webhooks.version(), |state| rows(&state.registry.webhooks)),
        ("service_ids", registry.service_ids.version(), |state| rows(&state.registry.service_ids)),
        ("instances", registry.instances.version(), |state| rows(&state.registry.instances)),
        ("configs", registry.configs.version(), |state| {
            state.registry.configs.iter().map(|(name, config)| (name.clone(), json!(config))).collect()
        }),
    ]
}

/// Rows whose keys are no texts: as JSON.
fn rows<K: Serialize, V: Serialize>(table: &BTreeMap<K, V>) -> Rows {
    table.iter().map(|(key, value)| (json!(key).to_string(), json!(value))).collect()
}

fn write_key(IssuedKey { id, key }: &IssuedKey) -> Value {
    let TestKey { key_type, name, app_id, username } = key;
    json!({"id": id, "type": key_type, "name": name, "app_id": app_id, "username": username})
}

fn read_key(value: Value) -> Result<IssuedKey, RestoreError> {
    #[derive(serde::Deserialize)]
    struct Row {
        id: u64,
        r#type: String,
        name: String,
        app_id: Value,
        username: Option<String>,
    }
    let Row { id, r#type: key_type, name, app_id, username } = parse(value)?;
    Ok(IssuedKey { id, key: TestKey { key_type, name, app_id, username } })
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, RestoreError> {
    serde_json::from_value(value).map_err(|error| RestoreError(error.to_string()))
}

fn parse_key<T: DeserializeOwned>(key: &str) -> Result<T, RestoreError> {
    serde_json::from_str(key).map_err(|error| RestoreError(format!("malformed key: {error}")))
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RestoreError {}

impl fmt::Debug for StateTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateTable").field("name", &self.name).field("rows", &self.rows.len()).finish()
    }
}
