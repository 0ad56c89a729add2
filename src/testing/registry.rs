//! Registered services and webhooks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// An instance without a heartbeat for longer is offline.
const OFFLINE_AFTER: Duration = Duration::from_secs(180);

#[derive(Default)]
pub(super) struct Registry {
    /// By id.
    pub(super) webhooks: BTreeMap<u64, Value>,
    webhooks_registered: u64,
    /// By name and environment.
    service_ids: BTreeMap<(String, String), u64>,
    pub(super) instances: BTreeMap<InstanceKey, Instance>,
    configs: BTreeMap<String, Config>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InstanceKey {
    pub(super) name: String,
    pub(super) environment: String,
    pub(super) instance_id: String,
}

pub(super) struct Instance {
    service_id: u64,
    /// As registered, with the updates of its heartbeats.
    attributes: Map<String, Value>,
    heartbeats: u64,
    last_seen: Instant,
}

struct Config {
    value: Value,
    version: u64,
}

impl Registry {
    pub(super) fn add_webhook(&mut self, mut webhook: Value) -> u64 {
        self.webhooks_registered += 1;
        webhook["webhook_id"] = self.webhooks_registered.into();
        self.webhooks.insert(self.webhooks_registered, webhook);
        self.webhooks_registered
    }

    /// Adds an instance. Returns the id of its service.
    pub(super) fn add_instance(&mut self, key: InstanceKey, attributes: Map<String, Value>) -> u64 {
        let next = self.service_ids.len() as u64 + 1;
        let service = (key.name.clone(), key.environment.clone());
        let service_id = *self.service_ids.entry(service).or_insert(next);
        self.instances
            .insert(key, Instance { service_id, attributes, heartbeats: 0, last_seen: Instant::now() });
        service_id
    }

    pub(super) fn set_config(&mut self, name: String, value: Value) {
        let version = self.version(&name) + 1;
        self.configs.insert(name, Config { value, version });
    }

    /// Returns `{config, config_version}` of a service; `{}` and 1 before one was set.
    pub(super) fn config(&self, name: &str) -> Map<String, Value> {
        let config = self.configs.get(name).map_or_else(|| json!({}), |config| config.value.clone());
        Map::from_iter([
            ("config".to_owned(), config),
            ("config_version".to_owned(), self.version(name).into()),
        ])
    }

    fn version(&self, name: &str) -> u64 {
        self.configs.get(name).map_or(1, |config| config.version)
    }
}

impl Instance {
    pub(super) fn heartbeat(&mut self, attributes: Map<String, Value>) {
        self.attributes.extend(attributes);
        self.heartbeats += 1;
        self.last_seen = Instant::now();
    }

    pub(super) fn describe(&self) -> Value {
        let mut described = self.attributes.clone();
        described.insert("service_id".to_owned(), self.service_id.into());
        described.insert("heartbeats".to_owned(), self.heartbeats.into());
        described.insert("online".to_owned(), (self.last_seen.elapsed() <= OFFLINE_AFTER).into());
        described.into()
    }
}
