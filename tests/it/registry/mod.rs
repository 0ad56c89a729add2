//! Registered services.

// The addresses, in a network of its own.
#[cfg(target_os = "linux")]
mod addresses;
// The configuration in a file, for starts during an outage.
mod config_file;
// Several instances of one service, and restarts in any order.
mod instances;
// Registration, heartbeats, configuration, shutdown.
mod lifecycle;
// Requests beside those of the reference client.
mod reference;
// The builder and the environment.
mod settings;
// The configuration in Redis, shared by the replicas.
#[cfg(unix)]
mod shared_config;
// A registration, and time that passes for heartbeats.
pub(crate) mod support;
