use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::types::error::AuthError;
use crate::types::spelling::{self, Record};
use crate::types::user::UserId;
use crate::upstream::api_client::Call;
use crate::verifiers::client::AuthClient;

/// The description of a service instance at the auth center. Created by
/// [`RegistrationBuilder::service`](super::RegistrationBuilder::service).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Service {
    /// The name.
    pub name: String,
    /// The type, as in [`ServiceType::as_str`](super::ServiceType::as_str).
    pub service_type: &'static str,
    /// The environment, as in [`Environment::as_str`](super::Environment::as_str).
    pub environment: &'static str,
    /// The port at which the instance can be reached.
    pub port: Option<u16>,
    /// The addresses at which the instance can be reached.
    pub ips: Vec<String>,
    /// The id of the instance among those of the service.
    pub instance_id: String,
    /// The tags.
    pub tags: Option<Vec<String>>,
    /// The description for people.
    pub description: Option<String>,
    /// The metadata that each heartbeat sends.
    pub metadata: Option<Map<String, Value>>,
}

impl Service {
    /// The body of a heartbeat.
    pub(super) fn heartbeat_body(&self) -> Value {
        let Self { name, environment, instance_id, ips, port, metadata, .. } = self;
        json!({
            "name": name, "environment": environment, "instanceId": instance_id, "ips": ips, "port": port,
            "metadata": metadata,
        })
    }
}

/// A service's configuration, which is set at the auth center. Its `Debug` shows the version only, since settings may be
/// secrets.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Record<Wire>")]
#[non_exhaustive]
pub struct ServiceConfig {
    /// The settings, usually an object. `null` before any were received.
    #[serde(rename = "config")]
    pub value: Value,
    /// The version, which increases with each change. `null` before any was received.
    #[serde(rename = "config_version")]
    pub version: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    config: Value,
    #[serde(default)]
    config_version: Value,
}

impl From<Record<Wire>> for ServiceConfig {
    fn from(Record(wire): Record<Wire>) -> Self {
        Self { value: wire.config, version: wire.config_version }
    }
}

impl fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceConfig").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The auth center's answer to a registration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
#[non_exhaustive]
pub struct Registered {
    /// The service's id.
    #[serde(default)]
    pub service_id: Option<UserId>,
    /// The instance's id at the auth center.
    #[serde(default)]
    pub instance_id: Option<UserId>,
    /// The service's configuration.
    #[serde(flatten)]
    pub config: ServiceConfig,
}

spelling::deserialize_either_spelling!(Registered);

impl AuthClient {
    /// Registers an instance of a service, in one call. [`Registration`](super::Registration) keeps it registered.
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable).
    pub async fn register_service(&self, service: &Service) -> Result<Registered, AuthError> {
        self.api().call(Call::new("/service/register", service)).await.map(|Record(registered)| registered)
    }

    /// Sends a heartbeat of an instance, in one call. Returns the service's configuration.
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected), with code 404 for an instance that is not registered, or
    /// [`Unavailable`](crate::error::ErrorKind::Unavailable).
    pub async fn service_heartbeat(&self, service: &Service) -> Result<ServiceConfig, AuthError> {
        let body = service.heartbeat_body();
        let call = Call::new("/service/heartbeat", &body);
        self.api().call(call).await.map(|Record(config)| config)
    }

    /// Removes an instance from the register.
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable).
    pub async fn unregister_service(&self, service: &Service) -> Result<(), AuthError> {
        let Service { name, environment, instance_id, .. } = service;
        let body = json!({ "name": name, "environment": environment, "instanceId": instance_id });
        self.api().call(Call::new("/service/unregister", &body)).await.map(|_: IgnoredAny| ())
    }
}
