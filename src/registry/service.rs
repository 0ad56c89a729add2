use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::client::AuthClient;
use crate::error::AuthError;
use crate::transport::Call;
use crate::user::UserId;

/// What the auth center is told of a service. Made by [`Registration::service`](super::Registration::service).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Service {
    /// The name.
    pub name: String,
    /// What kind of service it is.
    pub service_type: &'static str,
    /// What it is for.
    pub environment: &'static str,
    /// The port that others reach it at.
    pub port: Option<u16>,
    /// The addresses that others reach it at.
    pub ips: Vec<String>,
    /// What this process is told apart by.
    pub instance_id: String,
    /// Its tags.
    pub tags: Option<Vec<String>>,
    /// What people are told of it.
    pub description: Option<String>,
    /// What else it says of itself.
    pub metadata: Option<Map<String, Value>>,
}

impl Service {
    pub(super) fn heartbeat(&self) -> Value {
        let Self { name, environment, instance_id, ips, port, metadata, .. } = self;
        json!({
            "name": name, "environment": environment, "instanceId": instance_id, "ips": ips, "port": port,
            "metadata": metadata,
        })
    }
}

/// A service's configuration, as people set it at the auth center. Its `Debug` shows the version alone, for settings may
/// be secrets.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceConfig {
    /// The settings, usually an object; `null` before any were received.
    #[serde(rename = "config", default)]
    pub value: Value,
    /// Counts up with each change; `null` before any was received.
    #[serde(rename = "config_version", default)]
    pub version: Value,
}

impl fmt::Debug for ServiceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceConfig").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What the auth center says to a new instance.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Registered {
    /// The service's id.
    #[serde(default)]
    pub service_id: Option<UserId>,
    /// What the auth center calls this process.
    #[serde(default)]
    pub instance_id: Option<UserId>,
    /// The service's configuration.
    #[serde(flatten)]
    pub config: ServiceConfig,
}

impl AuthClient {
    /// Registers an instance of a service once; [`Registration`](super::Registration) does it as often as need be.
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) or [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn register_service(&self, service: &Service) -> Result<Registered, AuthError> {
        self.transport().call(Call::new("/service/register", service)).await
    }

    /// Tells the auth center that an instance is alive. Returns the service's configuration.
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected), with code 404 for an instance that is not registered, or
    /// [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn service_heartbeat(&self, service: &Service) -> Result<ServiceConfig, AuthError> {
        self.transport().call(Call::new("/service/heartbeat", &service.heartbeat())).await
    }

    /// Takes an instance off the register.
    ///
    /// # Errors
    /// [`Rejected`](crate::ErrorKind::Rejected) or [`Unavailable`](crate::ErrorKind::Unavailable).
    pub async fn unregister_service(&self, service: &Service) -> Result<(), AuthError> {
        let Service { name, environment, instance_id, .. } = service;
        let body = json!({ "name": name, "environment": environment, "instanceId": instance_id });
        self.transport().call(Call::new("/service/unregister", &body)).await.map(|_: Value| ())
    }
}
