use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::beat::{self, Told};
use super::config_file::ConfigFile;
use super::registration::Registration;
use super::service::{Service, ServiceConfig};
use crate::client::AuthClient;
use crate::error::{AuthError, BuildError, ErrorKind};

/// Where a registration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RegistrationState {
    /// The first registration is under way, or another one that the auth center has made needful.
    Registering,
    /// The last call was accepted.
    Online,
    /// The last call failed; it is made again after a pause.
    Retrying,
    /// It was stopped.
    Stopped,
}

/// A service that is registered, or about to be. Dropped, its heartbeats end, and the auth center takes it as offline after
/// 180 s; [`stop`](RegistrationHandle::stop) tells it at once.
#[must_use = "dropped, its heartbeats end"]
pub struct RegistrationHandle {
    client: AuthClient,
    service: Arc<Service>,
    config: watch::Receiver<ServiceConfig>,
    state: watch::Receiver<RegistrationState>,
    /// No further call is to be made.
    stop: Arc<Notify>,
    heartbeats: JoinHandle<()>,
}

impl RegistrationHandle {
    pub(super) fn start(client: AuthClient, registration: Registration) -> Result<Self, BuildError> {
        let service = Arc::new(registration.service()?);
        let file = registration.config_file.map(ConfigFile::new);
        let known = match &file {
            Some(file) => file.read(&service)?,
            None => None,
        };
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
            BuildError::new("a service is registered from within a tokio runtime").with_source(error)
        })?;
        let (config_sender, config) = watch::channel(known.unwrap_or_default());
        let (state_sender, state) = watch::channel(RegistrationState::Registering);
        let told = Told { config: config_sender, state: state_sender, file: file.map(Into::into) };
        let stop = Arc::<Notify>::default();
        let beats = beat::run(client.clone(), service.clone(), registration.interval, told, stop.clone());
        Ok(Self { client, service, config, state, stop, heartbeats: runtime.spawn(beats) })
    }

    /// The configuration that was last received; that of the file, or nothing, before there was any.
    pub fn config(&self) -> ServiceConfig {
        self.config.borrow().clone()
    }

    /// The configuration as a type of yours.
    ///
    /// ```no_run
    /// # fn example(handle: aigc_auth::registry::RegistrationHandle) -> Result<(), aigc_auth::AuthError> {
    /// #[derive(serde::Deserialize)]
    /// struct Settings {
    ///     #[serde(rename = "LOG_LEVEL", default)]
    ///     log_level: Option<String>,
    /// }
    ///
    /// let settings: Settings = handle.config_as()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) if there is none yet, [`Misconfigured`](ErrorKind::Misconfigured) if it is
    /// not a `T`; the detail says where, and shows no value.
    pub fn config_as<T: DeserializeOwned>(&self) -> Result<T, AuthError> {
        // A `T` may be slow to read, or ask for the configuration itself.
        let config = self.config();
        if config.value.is_null() {
            let what = "no configuration has been received yet";
            return Err(AuthError::new(ErrorKind::Unavailable).with_detail(what));
        }
        // Read from text, since errors of values tell no place.
        serde_json::from_str(&config.value.to_string()).map_err(|error| {
            let (what, column) = (std::any::type_name::<T>(), error.column());
            let what =
                format!("the configuration of `{}` is no `{what}` (column {column})", self.service.name);
            AuthError::new(ErrorKind::Misconfigured).with_detail(what)
        })
    }

    /// Tells of each change of the configuration. The first is the one that is there, if there is one.
    pub fn config_changes(&self) -> watch::Receiver<ServiceConfig> {
        let mut changes = self.config.clone();
        if !changes.borrow_and_update().value.is_null() {
            changes.mark_changed();
        }
        changes
    }

    /// Where the registration stands.
    pub fn state(&self) -> RegistrationState {
        *self.state.borrow()
    }

    /// Tells of each change of the state.
    pub fn state_changes(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }

    /// What the auth center is told.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Ends the heartbeats and takes the instance off the register. A call that is under way is waited for, for half of
    /// the time at most: it may register the instance yet.
    ///
    /// # Errors
    /// If the auth center has not confirmed that by the deadline: it then takes the instance as offline after 180 s.
    pub async fn stop(mut self, deadline: Duration) -> Result<(), AuthError> {
        self.stop.notify_one();
        let stopped = async {
            if timeout(deadline / 2, &mut self.heartbeats).await.is_err() {
                self.heartbeats.abort();
            }
            self.client.unregister_service(&self.service).await
        };
        match timeout(deadline, stopped).await {
            Ok(Err(error)) if error.kind() == ErrorKind::Rejected && error.code() == 404 => Ok(()),
            Ok(answer) => answer,
            Err(_) => {
                let what = "the auth center has not confirmed in time that the service is gone";
                Err(AuthError::new(ErrorKind::Unavailable).with_detail(what))
            }
        }
    }
}

impl Drop for RegistrationHandle {
    fn drop(&mut self) {
        self.heartbeats.abort();
    }
}

impl fmt::Debug for RegistrationHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationHandle")
            .field("service", &self.service.name)
            .field("instance_id", &self.service.instance_id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
