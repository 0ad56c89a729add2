use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::watch;

use super::service::{Service, ServiceConfig};
use super::stores::Stores;
use crate::ports::observer::{Event, Registry, RegistryChange, Watch};
use crate::ports::readiness::{PartState, ReadinessProbe};
use crate::types::error::{AuthError, ErrorKind};

/// The state of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistrationState {
    /// The first registration is in progress, or another one since the auth center has lost the service.
    Registering,
    /// The last call succeeded.
    Online,
    /// The last call failed, and is retried after a pause.
    Retrying,
    /// The heartbeats have ended.
    Stopped,
}

/// `registering`, `online` or `retrying`, which are ready: others find the service by its address all the same. `stopped` is not.
impl ReadinessProbe for watch::Receiver<RegistrationState> {
    fn readiness(&self) -> PartState {
        match *self.borrow() {
            RegistrationState::Registering => PartState::ready("registering"),
            RegistrationState::Online => PartState::ready("online"),
            RegistrationState::Retrying => PartState::ready("retrying"),
            RegistrationState::Stopped => PartState::not_ready("stopped"),
        }
    }
}

/// Publishes the state and the configuration to the [`Registration`](super::Registration) and its subscribers.
pub(super) struct StatePublisher {
    /// Its addresses may change.
    service: watch::Sender<Arc<Service>>,
    pub(super) config: watch::Sender<ServiceConfig>,
    pub(super) state: watch::Sender<RegistrationState>,
    pub(super) stores: Stores,
    has_registered: bool,
    /// Whether the last call that failed was rejected: the register was reached.
    is_rejected: bool,
    /// Whether the auth center may have the instance from this registration, so that a shutdown has to remove it.
    pub(super) is_present: Arc<AtomicBool>,
    watch: Watch,
}

impl StatePublisher {
    pub(super) fn new(
        service: watch::Sender<Arc<Service>>,
        config: watch::Sender<ServiceConfig>,
        state: watch::Sender<RegistrationState>,
        stores: Stores,
        watch: Watch,
    ) -> Self {
        Self {
            service,
            config,
            state,
            stores,
            has_registered: false,
            is_rejected: false,
            is_present: Arc::default(),
            watch,
        }
    }

    /// Returns the service with its last addresses.
    pub(super) fn service(&self) -> Arc<Service> {
        self.service.borrow().clone()
    }

    /// Publishes the addresses for the next calls, if they have changed.
    pub(super) fn set_addresses(&self, ips: Vec<String>) {
        let service = self.service();
        if ips == service.ips {
            return;
        }
        // Before the registration, only their order can differ.
        if self.has_registered {
            tracing::info!(service = service.name, ?ips, "the addresses of this machine have changed");
        }
        self.service.send_replace(Arc::new(Service { ips, ..(*service).clone() }));
    }

    /// Publishes a call that succeeded, and the configuration that came with it if it has changed.
    pub(super) async fn online(&mut self, config: ServiceConfig) {
        let service = &*self.service();
        self.log_online(service, &config);
        // An answer without a configuration does not remove the last one.
        let has_config = !config.value.is_null();
        if has_config && *self.config.borrow() != config {
            // The first one is no change: the line about the registration has its version.
            if !self.config.borrow().value.is_null() {
                let version = &config.version;
                tracing::info!(service = service.name, %version, "the configuration has changed");
            }
            self.set_config(config);
        }
        // After the configuration, so that subscribers of the state read the new one.
        self.set(RegistrationState::Online);
        // A clone, since `borrow` locks the channel, and the writes take a while.
        let config = self.config.borrow().clone();
        self.stores.save(service, &config).await;
        if has_config {
            self.stores.share(service, &config).await;
        }
    }

    /// Publishes the configuration that other replicas of the service have received, if it is newer. For a time in which the auth
    /// center cannot be asked.
    pub(super) async fn recall(&mut self) {
        let (service, config) = (self.service(), self.config.borrow().clone());
        let Some(found) = self.stores.newer_than(&config, &service).await else { return };
        let version = &found.version;
        tracing::info!(service = service.name, %version, "took the configuration that another replica has received");
        self.set_config(found.clone());
        self.stores.save(&service, &found).await;
    }

    fn set_config(&mut self, config: ServiceConfig) {
        self.config.send_replace(config);
        self.stores.mark_dirty();
        self.tell(RegistryChange::ConfigChanged, None);
    }

    /// Logs the first registration, and the end of an outage.
    fn log_online(&mut self, service: &Service, config: &ServiceConfig) {
        if !std::mem::replace(&mut self.has_registered, true) {
            tracing::info!(
                service = service.name,
                environment = service.environment,
                instance_id = service.instance_id,
                ips = ?service.ips,
                port = service.port,
                config_version = %config.version,
                "registered as an instance of the service"
            );
        } else if *self.state.borrow() == RegistrationState::Retrying {
            if self.is_rejected {
                tracing::info!(
                    service = service.name,
                    "the auth center accepts the service's registration again"
                );
            } else {
                tracing::info!(service = service.name, "the register is reachable again");
            }
        }
    }

    /// Publishes a call that failed and is retried.
    pub(super) fn retrying(&mut self, error: &AuthError) {
        let service = self.service();
        let is_rejected = error.kind() == ErrorKind::Rejected;
        // Logged once per outage, and again if an answer takes the place of none, or none that of an answer.
        let was_rejected = std::mem::replace(&mut self.is_rejected, is_rejected);
        if *self.state.borrow() != RegistrationState::Retrying || was_rejected != is_rejected {
            if is_rejected {
                tracing::warn!(service = service.name, %error, "the auth center rejects the service's registration; retrying");
            } else {
                tracing::warn!(service = service.name, %error, "the service cannot reach the register; retrying");
            }
        }
        self.set(RegistrationState::Retrying);
    }

    /// Publishes the state if it has changed.
    /// Tells the observer of a change.
    pub(super) fn tell(&self, change: RegistryChange, error: Option<&AuthError>) {
        if self.watch.is_on() {
            // A clone, since `borrow` locks the channel.
            let config = self.config.borrow().clone();
            tell(&self.watch, change, &self.service(), &config, error);
        }
    }

    pub(super) fn set(&self, state: RegistrationState) {
        self.state.send_if_modified(|current| std::mem::replace(current, state) != state);
    }
}

/// Tells an observer of a change.
pub(super) fn tell(
    watch: &Watch,
    change: RegistryChange,
    service: &Service,
    config: &ServiceConfig,
    error: Option<&AuthError>,
) {
    watch.tell(|| {
        let version = &config.version;
        let config_version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
        Event::Registry(Registry {
            change,
            service: service.name.clone(),
            config_version: Some(config_version).filter(|_| !version.is_null()),
            error: error.map(AuthError::kind),
        })
    });
}
