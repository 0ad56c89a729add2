use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::AbortHandle;

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
pub struct RegistrationHandle {
    client: AuthClient,
    service: Arc<Service>,
    config: watch::Receiver<ServiceConfig>,
    state: watch::Receiver<RegistrationState>,
    heartbeats: AbortHandle,
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
        let told = Told { config: config_sender, state: state_sender, file };
        let task = runtime.spawn(beat::run(client.clone(), service.clone(), registration.interval, told));
        Ok(Self { client, service, config, state, heartbeats: task.abort_handle() })
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
        let config = self.config.borrow();
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

    /// Tells of each change of the configuration. The first is the one that is there.
    pub fn config_changes(&self) -> watch::Receiver<ServiceConfig> {
        self.config.clone()
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

    /// Ends the heartbeats and takes the instance off the register.
    ///
    /// # Errors
    /// If the auth center has not confirmed that by the deadline: it then takes the instance as offline after 180 s.
    pub async fn stop(self, deadline: Duration) -> Result<(), AuthError> {
        self.heartbeats.abort();
        match tokio::time::timeout(deadline, self.client.unregister_service(&self.service)).await {
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
