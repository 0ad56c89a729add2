use crate::types::error::ErrorKind;
use crate::types::labels::labels;

/// A change of the service's registration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registry {
    /// What has happened.
    pub change: RegistryChange,
    /// The name of the service.
    pub service: String,
    /// The version of the configuration that it has by now, if it has one.
    pub config_version: Option<String>,
    /// The kind of the error, if it is one.
    pub error: Option<ErrorKind>,
}

labels! {
    /// What has happened to a registration.
    pub enum RegistryChange {
        /// The auth center has accepted the registration.
        Registered = "registered",
        /// The auth center has accepted a heartbeat.
        Heartbeat = "heartbeat",
        /// The auth center has rejected the registration or a heartbeat, or gave no answer. It is tried again.
        Failed = "failed",
        /// There is a configuration, or another one.
        ConfigChanged = "config_changed",
        /// The service was removed from the register.
        Unregistered = "unregistered",
    }
}
