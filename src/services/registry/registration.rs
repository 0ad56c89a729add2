use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time;

use super::addresses::{Addresses, ByRoute};
use super::config_file::ConfigFile;
use super::heartbeat;
use super::service::{Service, ServiceConfig};
#[cfg(feature = "redis")]
use super::shared_config::SharedConfig;
use super::state::{RegistrationState, StatePublisher, tell};
use super::stores::Stores;
use crate::ports::observer::RegistryChange;
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::verifiers::client::AuthClient;

/// Keeps a service registered at the auth center.
///
/// When it is dropped, its heartbeats end, and the auth center takes the instance as offline after 180 s.
/// [`shutdown`](Registration::shutdown) removes the instance from the register at once.
#[must_use = "the heartbeats end when it is dropped"]
pub struct Registration {
    client: AuthClient,
    service: watch::Receiver<Arc<Service>>,
    config: watch::Receiver<ServiceConfig>,
    state: watch::Receiver<RegistrationState>,
    /// Whether there is something to remove from the register.
    is_present: Arc<AtomicBool>,
    /// Ends the heartbeat loop before its next call.
    stop: Arc<Notify>,
    heartbeats: JoinHandle<()>,
}

impl Registration {
    pub(super) fn start(
        client: AuthClient,
        service: Service,
        addresses: Addresses,
        interval: Duration,
        config_file: Option<PathBuf>,
    ) -> Result<Self, BuildError> {
        let file = config_file.map(ConfigFile::new);
        let stored = match &file {
            Some(file) => file.read(&service)?,
            None => None,
        };
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
            BuildError::new("a registration must be started within a tokio runtime").with_source(error)
        })?;
        let (config_sender, config) = watch::channel(stored.unwrap_or_default());
        let (state_sender, state) = watch::channel(RegistrationState::Registering);
        let (service_sender, service) = watch::channel(Arc::new(service));
        let stores = Stores {
            file: file.map(Into::into),
            #[cfg(feature = "redis")]
            shared: SharedConfig::of(&client),
        };
        let publisher =
            StatePublisher::new(service_sender, config_sender, state_sender, stores, client.watch().clone());
        let (is_present, stop) = (publisher.is_present.clone(), Arc::<Notify>::default());
        let addresses = ByRoute::new(addresses, client.api());
        let heartbeats = heartbeat::run(client.clone(), addresses, interval, publisher, stop.clone());
        Ok(Self { client, service, config, state, is_present, stop, heartbeats: runtime.spawn(heartbeats) })
    }

    /// Returns the last configuration. Before any was received, it is that of the
    /// [file](super::RegistrationBuilder::config_file), or that which another replica has received, or else empty.
    pub fn config(&self) -> ServiceConfig {
        self.config.borrow().clone()
    }

    /// Deserializes the last configuration.
    ///
    /// ```no_run
    /// # fn example(registration: aigc_auth::registry::Registration) -> Result<(), aigc_auth::AuthError> {
    /// #[derive(serde::Deserialize)]
    /// struct Settings {
    ///     #[serde(rename = "LOG_LEVEL", default)]
    ///     log_level: Option<String>,
    /// }
    ///
    /// let settings: Settings = registration.config_as()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if there is none yet, [`Misconfigured`](ErrorKind::Misconfigured) if it is
    /// not a `T`. The detail has the position, and shows no value.
    pub fn config_as<T: DeserializeOwned>(&self) -> Result<T, AuthError> {
        // A clone, since `T::deserialize` may be slow, or call `config` itself.
        let config = self.config();
        if config.value.is_null() {
            let what = "no configuration has been received yet";
            return Err(AuthError::new(ErrorKind::Unavailable).of_call().with_detail(what));
        }
        // From text, since errors of `serde_json::from_value` have no position.
        serde_json::from_str(&config.value.to_string()).map_err(|error| {
            let (what, column) = (std::any::type_name::<T>(), error.column());
            let what = format!(
                "the configuration of `{}` is not a valid `{what}` (column {column})",
                self.service().name
            );
            AuthError::new(ErrorKind::Misconfigured).with_detail(what)
        })
    }

    /// Subscribes to changes of the configuration. The first change is the present configuration, if there is one.
    pub fn config_changes(&self) -> watch::Receiver<ServiceConfig> {
        let mut changes = self.config.clone();
        if !changes.borrow_and_update().value.is_null() {
            changes.mark_changed();
        }
        changes
    }

    /// Returns the state.
    pub fn state(&self) -> RegistrationState {
        *self.state.borrow()
    }

    /// Subscribes to changes of the state.
    pub fn state_changes(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }

    /// Returns the description that is sent to the auth center, with the addresses of the last call.
    pub fn service(&self) -> Arc<Service> {
        self.service.borrow().clone()
    }

    /// Ends the heartbeats, and removes the instance from the register if it has come there. First waits for a call in
    /// flight, at most half of the timeout, since it may still register the instance.
    ///
    /// # Errors
    /// If the auth center does not confirm within the timeout. It then takes the instance as offline after 180 s.
    pub async fn shutdown(mut self, timeout: Duration) -> Result<(), AuthError> {
        self.stop.notify_one();
        let stopped = async {
            if time::timeout(timeout / 2, &mut self.heartbeats).await.is_err() {
                self.heartbeats.abort();
            }
            if self.is_present.load(Ordering::Relaxed) {
                let answer = self.client.unregister_service(&self.service()).await;
                if answer.is_ok() {
                    let (service, config) = (self.service(), self.config());
                    tell(self.client.watch(), RegistryChange::Unregistered, &service, &config, None);
                }
                answer
            } else {
                Ok(())
            }
        };
        match time::timeout(timeout, stopped).await {
            Ok(Err(error)) if error.kind() == ErrorKind::Rejected && error.code() == 404 => Ok(()),
            Ok(answer) => answer,
            Err(_) => {
                let what = "the auth center did not confirm the removal of the instance within the timeout";
                Err(AuthError::new(ErrorKind::Unavailable).of_call().with_detail(what))
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.heartbeats.abort();
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service();
        f.debug_struct("Registration")
            .field("service", &service.name)
            .field("instance_id", &service.instance_id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
