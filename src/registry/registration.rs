use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::handle::RegistrationHandle;
use super::host;
use super::service::Service;
use crate::client::AuthClient;
use crate::config::Env;
use crate::error::BuildError;

/// A service that is to be registered with the auth center; made by [`Registration::builder`] or from the environment.
///
/// ```no_run
/// # async fn example(client: aigc_auth::AuthClient) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use aigc_auth::registry::{Registration, ServiceType};
///
/// let handle = Registration::builder("orders").service_type(ServiceType::Website).port(8000).start(&client)?;
/// println!("{}", handle.config().value);
/// // … serve …
/// handle.stop(Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Registration {
    name: String,
    service_type: ServiceType,
    environment: Environment,
    port: Option<u16>,
    ips: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    description: Option<String>,
    instance_id: Option<String>,
    metadata: Option<Map<String, Value>>,
    pub(super) interval: Duration,
    pub(super) config_file: Option<PathBuf>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, $default:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$of])* $variant,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $name {
            /// The auth center's word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            fn read(word: &str) -> Result<Self, BuildError> {
                match word.to_ascii_lowercase().as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => {
                        let known = [$($word),+].join(", ");
                        Err(BuildError::new(format!(concat!($what, " is `{}`, and must be one of: {}"), word, known)))
                    }
                }
            }
        }
    };
}

words! {
    /// What kind of service it is.
    ServiceType, "AIGC_SERVICE_TYPE", Other {
        /// A website.
        Website = "website",
        /// A plugin.
        Plugin = "plugin",
        /// An MCP server.
        Mcp = "mcp",
        /// Anything else, the default.
        Other = "other",
    }
}

words! {
    /// What it is for.
    Environment, "AIGC_SERVICE_ENV", Pro {
        /// Tests.
        Test = "test",
        /// What is tried before it goes to production.
        Pre = "pre",
        /// Production, the default.
        Pro = "pro",
    }
}

impl Registration {
    /// Starts a service of this name.
    pub fn builder(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            service_type: ServiceType::default(),
            environment: Environment::default(),
            port: None,
            ips: None,
            tags: None,
            description: None,
            instance_id: None,
            metadata: None,
            interval: Duration::from_secs(60),
            config_file: None,
        }
    }

    /// Reads `AIGC_SERVICE_NAME` and, where they are set, `AIGC_SERVICE_TYPE`, `_ENV`, `_PORT`, `_IPS`, `_TAGS`,
    /// `_DESCRIPTION`, `_INSTANCE_ID` and `_HEARTBEAT_INTERVAL` from the environment, or else from the `.env` file of the
    /// working directory.
    ///
    /// # Errors
    /// If the name is missing, or a value cannot be read; the error names the variable.
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let name = env.require("AIGC_SERVICE_NAME")?.to_owned();
        Self::read(name, &env)
    }

    /// Registers the service of the environment, if `AIGC_SERVICE_NAME` is set.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use aigc_auth::AuthClient;
    /// use aigc_auth::registry::Registration;
    ///
    /// let client = AuthClient::from_env()?;
    /// let registered = Registration::auto(&client)?; // keep it: dropped, its heartbeats end
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Registration::from_env`] and [`Registration::start`].
    pub fn auto(client: &AuthClient) -> Result<Option<RegistrationHandle>, BuildError> {
        let env = Env::load()?;
        match env.get("AIGC_SERVICE_NAME") {
            Some(name) => Self::read(name.to_owned(), &env)?.start(client).map(Some),
            None => Ok(None),
        }
    }

    fn read(name: String, env: &Env) -> Result<Self, BuildError> {
        let mut registration = Self::builder(name);
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        if let Some(word) = env.get("AIGC_SERVICE_TYPE") {
            registration.service_type = ServiceType::read(word)?;
        }
        if let Some(word) = env.get("AIGC_SERVICE_ENV") {
            registration.environment = Environment::read(word)?;
        }
        registration.port = env.get("AIGC_SERVICE_PORT").map(port).transpose()?;
        registration.ips = env.get("AIGC_SERVICE_IPS").map(list).filter(|ips| !ips.is_empty());
        registration.tags = env.get("AIGC_SERVICE_TAGS").map(list).filter(|tags| !tags.is_empty());
        registration.description = env.get("AIGC_SERVICE_DESCRIPTION").map(str::to_owned);
        registration.instance_id = env.get("AIGC_SERVICE_INSTANCE_ID").map(str::to_owned);
        if let Some(seconds) = env.get("AIGC_SERVICE_HEARTBEAT_INTERVAL") {
            registration.interval = interval(seconds)?;
        }
        Ok(registration)
    }

    /// Sets what kind of service it is. Defaults to [`ServiceType::Other`].
    pub fn service_type(mut self, service_type: ServiceType) -> Self {
        self.service_type = service_type;
        self
    }

    /// Sets what it is for. Defaults to [`Environment::Pro`].
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the port that others reach it at. Defaults to none.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the addresses that others reach it at: in a container, those of the host. Defaults to those of this machine,
    /// but for loopback and link-local ones, IPv4 first.
    pub fn ips(mut self, ips: impl IntoIterator<Item = IpAddr>) -> Self {
        self.ips = Some(ips.into_iter().map(|ip| ip.to_string()).collect());
        self
    }

    /// Sets its tags. Defaults to none.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets what people are told of it. Defaults to nothing.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets what this process is told apart by. Defaults to `hostname:port`, else `hostname:first-ip`, else `hostname`:
    /// the same after a restart.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// Sets what else the auth center is told with each heartbeat. Defaults to nothing.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Sets the time between heartbeats, each of which comes up to 10 % earlier or later. Defaults to 60 s; at least 1 s,
    /// and at most 150 s, since an instance that is silent for 180 s counts as offline.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(Duration::from_secs(1), Duration::from_secs(150));
        self
    }

    /// Keeps the configuration in this file, so that a restart while the auth center is down has the last one. Its
    /// directory must exist. Defaults to none.
    pub fn keep_config_in(mut self, file: impl Into<PathBuf>) -> Self {
        self.config_file = Some(file.into());
        self
    }

    /// Registers the service in the background, and again whenever need be, until the handle is stopped or dropped. An
    /// auth center that cannot be reached delays that and nothing else.
    ///
    /// # Errors
    /// If the name is empty, the file's configuration cannot be read, or there is no tokio runtime.
    pub fn start(self, client: &AuthClient) -> Result<RegistrationHandle, BuildError> {
        RegistrationHandle::start(client.clone(), self)
    }

    /// What the auth center is told.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn service(&self) -> Result<Service, BuildError> {
        if self.name.trim().is_empty() {
            return Err(BuildError::new("the name of a service (AIGC_SERVICE_NAME) must not be empty"));
        }
        let ips = self.ips.clone().unwrap_or_else(host::ips);
        let instance_id = self.instance_id.clone();
        let instance_id =
            instance_id.unwrap_or_else(|| host::instance_id(&host::name(), self.port, ips.first()));
        Ok(Service {
            name: self.name.clone(),
            service_type: self.service_type.as_str(),
            environment: self.environment.as_str(),
            port: self.port,
            ips,
            instance_id,
            tags: self.tags.clone(),
            description: self.description.clone(),
            metadata: self.metadata.clone(),
        })
    }
}

fn port(text: &str) -> Result<u16, BuildError> {
    let wrong =
        || BuildError::new(format!("AIGC_SERVICE_PORT is `{text}`, and must be a port, from 1 to 65535"));
    text.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)
}

fn interval(text: &str) -> Result<Duration, BuildError> {
    let seconds = text.parse().ok().filter(|seconds| (1..=150).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        BuildError::new(format!(
            "AIGC_SERVICE_HEARTBEAT_INTERVAL is `{text}`, and must be from 1 to 150 seconds: an instance that is silent \
             for 180 s counts as offline"
        ))
    })
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .field("environment", &self.environment)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
