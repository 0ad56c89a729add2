//! Where the last configuration is kept for a start during an outage of the auth center.

use super::config_file::ConfigStore;
use super::service::{Service, ServiceConfig};
#[cfg(feature = "redis")]
use super::shared_config::SharedConfig;

/// A file and a Redis, where they are there.
#[derive(Default)]
pub(super) struct Stores {
    pub(super) file: Option<ConfigStore>,
    #[cfg(feature = "redis")]
    pub(super) shared: Option<SharedConfig>,
}

impl Stores {
    /// Notes that the configuration has changed.
    pub(super) fn mark_dirty(&mut self) {
        if let Some(file) = &mut self.file {
            file.mark_dirty();
        }
    }

    /// Saves the configuration in the file, unless that has it.
    pub(super) async fn save(&mut self, service: &Service, config: &ServiceConfig) {
        if let Some(file) = self.file.as_mut().filter(|file| file.is_dirty()) {
            file.save(service, config).await;
        }
    }

    /// Shares the configuration that the auth center has just answered. Each time, since Redis may have lost it.
    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async, unused_variables))]
    pub(super) async fn share(&mut self, service: &Service, config: &ServiceConfig) {
        #[cfg(feature = "redis")]
        if let Some(shared) = &mut self.shared {
            shared.write(service, config).await;
        }
    }

    /// Returns the configuration that the replicas of the service share, if it is newer than this one.
    #[cfg_attr(not(feature = "redis"), allow(clippy::unused_async, unused_variables))]
    pub(super) async fn newer_than(
        &self,
        current: &ServiceConfig,
        service: &Service,
    ) -> Option<ServiceConfig> {
        #[cfg(feature = "redis")]
        if let Some(shared) = &self.shared {
            return shared.read(service).await.filter(|found| is_newer(found, current));
        }
        None
    }
}

/// Of two versions that are no numbers, it is not known.
#[cfg(feature = "redis")]
fn is_newer(found: &ServiceConfig, current: &ServiceConfig) -> bool {
    let version = |config: &ServiceConfig| config.version.as_f64();
    let is_greater =
        matches!((version(found), version(current)), (Some(found), Some(current)) if found > current);
    !found.value.is_null() && (current.value.is_null() || is_greater)
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn configuration_of_a_greater_version_is_newer_and_any_than_none() {
        let config = |value: Value, version: Value| ServiceConfig { value, version };
        for (found, current, expected) in [
            (config(json!({}), json!(3)), config(json!({}), json!(2)), true),
            (config(json!({}), json!(10)), config(json!({}), json!(9)), true),
            (config(json!({}), json!(2)), config(json!({}), json!(2)), false),
            (config(json!({}), json!(2)), config(json!({}), json!(3)), false),
            (config(json!({}), json!("b")), config(json!({}), json!("a")), false),
            (config(json!({}), json!("b")), config(Value::Null, Value::Null), true),
            (config(Value::Null, json!(3)), config(Value::Null, Value::Null), false),
            (config(Value::Null, json!(3)), config(json!({}), json!(2)), false),
        ] {
            assert_eq!(is_newer(&found, &current), expected, "{} over {}", found.version, current.version);
        }
    }
}
