//! The register of services: who is there, where, and with which configuration.
//!
//! [`Registration`] says what a service is; [`start`](Registration::start) registers it, sends a heartbeat every 60 s and
//! brings the configuration that people set at the auth center. An auth center that is down, at the start or for hours,
//! keeps no service from running: calls are made again with growing pauses of up to 30 s, or those that it asks for, the last
//! configuration stays, and can be [kept in a file](Registration::keep_config_in). An auth center that has lost its memory
//! is told of the service anew. What goes wrong here keeps no user from being looked up: these calls do not count for the
//! client's circuit breaker.

mod beat;
mod config_file;
mod handle;
mod host;
mod registration;
mod service;
#[cfg(test)]
mod tests;

pub use handle::{RegistrationHandle, RegistrationState};
pub use registration::{Environment, Registration, ServiceType};
pub use service::{Registered, Service, ServiceConfig};
