use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::addresses::Addresses;
use super::instance_id::{UniquePart, host_name};
use super::registration::Registration;
use super::service::Service;
use super::service_type::{Environment, ServiceType};
use crate::types::error::BuildError;
use crate::util::env::Env;
use crate::verifiers::client::AuthClient;

/// Describes a service, and registers it at the auth center.
///
/// Created by [`Registration::builder`], or from the environment by [`from_env`](Self::from_env).
///
/// ```no_run
/// # async fn example(client: aigc_auth::AuthClient) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use aigc_auth::registry::{Registration, ServiceType};
///
/// let registration = Registration::builder("orders").service_type(ServiceType::Website).port(8000).start(&client)?;
/// println!("{}", registration.config().value);
/// // … serve …
/// registration.shutdown(Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct RegistrationBuilder {
    name: String,
    service_type: ServiceType,
    environment: Environment,
    port: Option<u16>,
    addresses: Addresses,
    tags: Option<Vec<String>>,
    description: Option<String>,
    instance_id: Option<String>,
    /// Of the default id. There from the start, so that `service` shows what `start` registers.
    unique_part: UniquePart,
    metadata: Option<Map<String, Value>>,
    interval: Duration,
    config_file: Option<PathBuf>,
}

impl Registration {
    /// Starts a builder for the service of this name.
    pub fn builder(name: impl Into<String>) -> RegistrationBuilder {
        RegistrationBuilder::new(name.into())
    }

    /// Registers the service that the environment describes. Returns `None` if `AIGC_SERVICE_NAME` is not set.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use aigc_auth::AuthClient;
    /// use aigc_auth::registry::Registration;
    ///
    /// let client = AuthClient::from_env()?;
    /// let registration = Registration::auto(&client)?; // keep it: its heartbeats end when it is dropped
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`RegistrationBuilder::from_env`] and [`RegistrationBuilder::start`].
    pub fn auto(client: &AuthClient) -> Result<Option<Self>, BuildError> {
        let env = Env::load()?;
        match env.get("AIGC_SERVICE_NAME") {
            Some(_) => RegistrationBuilder::with_env(&env)?.start(client).map(Some),
            None => Ok(None),
        }
    }
}

impl RegistrationBuilder {
    fn new(name: String) -> Self {
        Self {
            name,
            service_type: ServiceType::default(),
            environment: Environment::default(),
            port: None,
            addresses: Addresses::OfHost(Vec::new()),
            tags: None,
            description: None,
            instance_id: None,
            unique_part: UniquePart::new(),
            metadata: None,
            interval: Duration::from_secs(60),
            config_file: None,
        }
    }

    /// Reads `AIGC_SERVICE_NAME` and, if set, `AIGC_SERVICE_TYPE`, `_ENV`, `_PORT`, `_IPS`, `_NETWORKS` (such as `10.0.0.0/8`),
    /// `_TAGS`, `_DESCRIPTION`, `_INSTANCE_ID` and `_HEARTBEAT_INTERVAL` from the environment, or else from the `.env` file of
    /// the working directory.
    ///
    /// # Errors
    /// If the name is missing, or values are invalid. The error names all these variables.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::with_env(&Env::load()?)
    }

    fn with_env(env: &Env) -> Result<Self, BuildError> {
        let mut variables = env.reader();
        let mut builder = Self::new(variables.require("AIGC_SERVICE_NAME"));
        let list = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        };
        if let Some(text) = env.get("AIGC_SERVICE_TYPE") {
            builder.service_type = variables.check(ServiceType::parse(text)).unwrap_or_default();
        }
        if let Some(text) = env.get("AIGC_SERVICE_ENV") {
            builder.environment = variables.check(Environment::parse(text)).unwrap_or_default();
        }
        builder.port = env.get("AIGC_SERVICE_PORT").and_then(|text| variables.check(parse_port(text)));
        let ips = env.get("AIGC_SERVICE_IPS").map(list).filter(|ips| !ips.is_empty());
        let networks = env.get("AIGC_SERVICE_NETWORKS").map(list).unwrap_or_default();
        let networks = networks.iter().filter_map(|text| variables.check(parse_network(text))).collect();
        builder.addresses = ips.map_or(Addresses::OfHost(networks), Addresses::Set);
        builder.tags = env.get("AIGC_SERVICE_TAGS").map(list).filter(|tags| !tags.is_empty());
        builder.description = env.get("AIGC_SERVICE_DESCRIPTION").map(str::to_owned);
        builder.instance_id = env.get("AIGC_SERVICE_INSTANCE_ID").map(str::to_owned);
        if let Some(seconds) = env.get("AIGC_SERVICE_HEARTBEAT_INTERVAL") {
            builder.interval = variables.check(parse_interval(seconds)).unwrap_or(builder.interval);
        }
        variables.finish()?;
        Ok(builder)
    }

    /// Sets the type of the service. Defaults to [`ServiceType::Other`].
    pub fn service_type(mut self, service_type: ServiceType) -> Self {
        self.service_type = service_type;
        self
    }

    /// Sets the environment that this instance runs in. Defaults to [`Environment::Pro`].
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the port at which this instance can be reached. Defaults to none.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the addresses at which this instance can be reached: in a container, those of the host. Takes the place of
    /// [`networks`](Self::networks).
    ///
    /// Defaults to the addresses of this machine without loopback and link-local ones: first the one that calls to the auth
    /// center come from, then IPv4 before IPv6, and those of bridges to containers and virtual machines last. They are found
    /// again before each heartbeat.
    pub fn ips(mut self, ips: impl IntoIterator<Item = IpAddr>) -> Self {
        self.addresses = Addresses::Set(ips.into_iter().map(|ip| ip.to_string()).collect());
        self
    }

    /// Sets the networks that this instance can be reached in: of the addresses of this machine, only those within them are
    /// registered. Takes the place of [`ips`](Self::ips). Defaults to all networks.
    ///
    /// ```
    /// use aigc_auth::registry::Registration;
    ///
    /// let builder = Registration::builder("orders").networks(["10.0.0.0/8".parse()?, "fd00::/8".parse()?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.addresses = Addresses::OfHost(networks.into_iter().collect());
        self
    }

    /// Sets the tags of the service. Defaults to none.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a description for people. Defaults to none.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the id of this instance among those of the service. Defaults to `hostname:port:random`, or `hostname:random`
    /// without a port: another one for each start.
    ///
    /// To the auth center, an instance is its id. Two processes that run at the same time must not have the same one: what
    /// stops first would take the other off the register, until its next heartbeat. An id that is set has to be one that only
    /// this process has, such as the name of a pod; where a new process starts before the old one has stopped, drop the
    /// [`Registration`] of the old one, which sends nothing, in place of its [`shutdown`](Registration::shutdown).
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// Sets metadata that each heartbeat sends. Defaults to none.
    pub fn metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Sets the time between heartbeats, with a jitter of up to 10 % in either direction. Defaults to 60 s. Clamped to 1 s
    /// to 150 s, since the auth center takes an instance as offline after 180 s of silence.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(Duration::from_secs(1), Duration::from_secs(150));
        self
    }

    /// Stores the configuration in this file, so that a restart during an outage of the auth center has the last one. The
    /// directory must exist; only the owner can read the file. Defaults to none.
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config_file = Some(file.into());
        self
    }

    /// Registers the service in the background, and again whenever the auth center has lost it, until the [`Registration`]
    /// is shut down or dropped. Does not wait for the auth center: during an outage, the registration is retried.
    ///
    /// # Errors
    /// If the name is empty, the configuration file cannot be read or belongs to another service, or there is no tokio
    /// runtime.
    pub fn start(mut self, client: &AuthClient) -> Result<Registration, BuildError> {
        self.unique_part.take();
        let service = self.service()?;
        Registration::start(client.clone(), service, self.addresses, self.interval, self.config_file)
    }

    /// Returns the description that is sent to the auth center. A second start of this builder, as a clone, has another
    /// default id.
    ///
    /// # Errors
    /// If the name is empty.
    pub fn service(&self) -> Result<Service, BuildError> {
        if self.name.trim().is_empty() {
            return Err(BuildError::new("the name of a service (AIGC_SERVICE_NAME) must not be empty"));
        }
        // In the order that needs no resolver; the registration itself knows the route.
        let ips = self.addresses.list(None).unwrap_or_default();
        let default = || self.unique_part.instance_id(&host_name(), self.port);
        let instance_id = self.instance_id.clone().unwrap_or_else(default);
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

fn parse_port(text: &str) -> Result<u16, BuildError> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        BuildError::new(format!("AIGC_SERVICE_PORT is `{text}`, and must be a port, from 1 to 65535"))
    })
}

fn parse_network(text: &str) -> Result<IpNet, BuildError> {
    text.parse().map_err(|error| {
        let message =
            format!("AIGC_SERVICE_NETWORKS has `{text}`, and must be networks such as `10.0.0.0/8`");
        BuildError::new(message).with_source(error)
    })
}

fn parse_interval(text: &str) -> Result<Duration, BuildError> {
    let seconds = text.parse().ok().filter(|seconds| (1..=150).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        BuildError::new(format!(
            "AIGC_SERVICE_HEARTBEAT_INTERVAL is `{text}`, and must be from 1 to 150 seconds: an instance that is silent \
             for 180 s counts as offline"
        ))
    })
}

impl fmt::Debug for RegistrationBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationBuilder")
            .field("name", &self.name)
            .field("environment", &self.environment)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}
