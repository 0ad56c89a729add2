//! The last configuration in the Redis of the cluster, for replicas that start during an outage of the auth center.

use std::sync::Arc;

use ring::digest::{SHA256, digest};

use super::service::{Service, ServiceConfig};
use crate::upstream::cluster::RedisStore;
use crate::upstream::redis_link::LinkError;
use crate::util::seal::SealKey;
use crate::verifiers::client::AuthClient;

/// Reads and writes the configuration of a service. Encrypted, since settings may be secrets, and whoever may write in Redis must not
/// configure services.
pub(super) struct SharedConfig {
    store: Arc<RedisStore>,
    seal: SealKey,
    base_url: Box<str>,
    has_failed: bool,
}

/// How long it is kept after the last replica has stopped, in seconds.
const KEPT_FOR: u64 = 30 * 24 * 60 * 60;

impl SharedConfig {
    /// `None` if the client has no cluster over Redis.
    pub(super) fn of(client: &AuthClient) -> Option<Self> {
        let cluster = client.cluster()?;
        let seal = SealKey::of_derived(&cluster.app()?.derive("registry: configuration 1"));
        Some(Self {
            store: cluster.store()?.clone(),
            seal,
            base_url: (&*client.api().base).into(),
            has_failed: false,
        })
    }

    /// Reads the configuration that a replica stored last. `None` if there is none, it cannot be opened, or Redis does not answer.
    pub(super) async fn read(&self, service: &Service) -> Option<ServiceConfig> {
        match self.ask(service).await {
            Ok(sealed) => {
                let text = self.seal.open(&self.identity(service), &sealed?)?;
                serde_json::from_slice(&text).ok()
            }
            Err(error) => {
                tracing::debug!(service = service.name, %error, "cannot ask Redis for the last configuration");
                None
            }
        }
    }

    async fn ask(&self, service: &Service) -> Result<Option<Vec<u8>>, LinkError> {
        let mut get = redis::cmd("GET");
        get.arg(self.key(service)?);
        self.store.calls.connection_soon().await?.query(&get).await
    }

    /// Writes the configuration that the auth center has just answered. One that fails is written with the next heartbeat.
    pub(super) async fn write(&mut self, service: &Service, config: &ServiceConfig) {
        match self.try_write(service, config).await {
            Ok(()) => self.has_failed = false,
            // Logged once until a write succeeds.
            Err(error) => {
                if !std::mem::replace(&mut self.has_failed, true) {
                    tracing::warn!(service = service.name, %error, "the configuration cannot be shared by Redis");
                }
            }
        }
    }

    async fn try_write(&self, service: &Service, config: &ServiceConfig) -> Result<(), LinkError> {
        let text = serde_json::to_vec(config).unwrap_or_default();
        let Some(sealed) = self.seal.seal(&self.identity(service), &text) else {
            return Err(LinkError::Refused("the system's random number generator failed".into()));
        };
        let mut set = redis::cmd("SET");
        set.arg(self.key(service)?).arg(sealed).arg("EX").arg(KEPT_FOR);
        self.store.calls.connection_soon().await?.query(&set).await
    }

    /// A short hash, since a name may have any letters.
    fn key(&self, service: &Service) -> Result<String, LinkError> {
        let hash = digest(&SHA256, &self.identity(service));
        let hash: String = hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.store.names().ok_or(LinkError::Down)?.key(&format!("config:{hash}")))
    }

    /// What a sealed configuration is bound to: the service, and the auth center that configures it.
    fn identity(&self, service: &Service) -> Vec<u8> {
        let mut identity = vec![];
        for part in [&*self.base_url, &service.name, service.environment] {
            // With their lengths, so that no two lists of parts have the same bytes.
            identity.extend_from_slice(&(part.len() as u64).to_be_bytes());
            identity.extend_from_slice(part.as_bytes());
        }
        identity
    }
}
