//! Registered services and webhooks.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::tracked::Tracked;

/// An instance without a heartbeat for longer is offline.
const OFFLINE_AFTER: Duration = Duration::from_secs(180);

#[derive(Default)]
pub(super) struct Registry {
    /// By id.
    pub(super) webhooks: Tracked<BTreeMap<u64, Value>>,
    pub(super) webhooks_registered: u64,
    /// By name and environment.
    pub(super) service_ids: Tracked<BTreeMap<(String, String), u64>>,
    pub(super) instances: Tracked<BTreeMap<InstanceKey, Instance>>,
    pub(super) configs: Tracked<BTreeMap<String, Config>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(super) struct InstanceKey {
    pub(super) name: String,
    pub(super) environment: String,
    pub(super) instance_id: String,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Instance {
    service_id: u64,
    /// As registered, with the updates of its heartbeats.
    pub(super) attributes: Map<String, Value>,
    heartbeats: u64,
    last_seen: SystemTime,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Config {
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
        let service_id = match self.service_ids.get(&service) {
            Some(service_id) => *service_id,
            None => *self.service_ids.entry(service).or_insert(next),
        };
        self.instances
            .insert(key, Instance { service_id, attributes, heartbeats: 0, last_seen: SystemTime::now() });
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
        self.last_seen = SystemTime::now();
    }

    fn is_online(&self) -> bool {
        // An error is a time to come: the clock was set back since.
        !self.last_seen.elapsed().is_ok_and(|silent| silent > OFFLINE_AFTER)
    }

    pub(super) fn describe(&self) -> Value {
        let mut described = self.attributes.clone();
        described.insert("service_id".to_owned(), self.service_id.into());
        described.insert("heartbeats".to_owned(), self.heartbeats.into());
        described.insert("online".to_owned(), self.is_online().into());
        described.into()
    }
}
