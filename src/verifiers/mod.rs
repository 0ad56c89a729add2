//! Turn credentials into users.

#[cfg(feature = "client")]
pub mod cached;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "client")]
pub mod introspection;
#[cfg(feature = "jwt")]
pub mod jwt;
