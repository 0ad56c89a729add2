//! Register this service at the auth center, send its heartbeats, and receive its configuration.
//!
//! [`RegistrationBuilder`] describes the service. [`start`](RegistrationBuilder::start) registers it, sends a heartbeat
//! every 60 s, and publishes the configuration that is set at the auth center.
//!
//! An outage of the auth center, at the start or for hours, does not stop the service: calls are retried with an exponential
//! backoff of up to 30 s that respects `Retry-After`. The last configuration stays, and can be
//! [stored in a file](RegistrationBuilder::config_file). Where the client has a `RedisCluster`, the replicas of the service share it there,
//! encrypted under the app's secret: one that starts during an outage has the newest within 300 ms, and one that alone cannot reach the
//! auth center gets what the others receive. After the auth center has lost its data, the service registers
//! again. These calls do not count for the client's circuit breaker, so that their failures keep no user from being verified.

mod addresses;
mod builder;
mod config_file;
mod heartbeat;
mod instance_id;
mod registration;
mod route;
mod service;
mod service_type;
#[cfg(feature = "redis")]
mod shared_config;
mod state;
mod stores;
#[cfg(test)]
mod tests;

pub use builder::RegistrationBuilder;
pub use registration::Registration;
pub use service::{Registered, Service, ServiceConfig};
pub use service_type::{Environment, ServiceType};
pub use state::RegistrationState;
