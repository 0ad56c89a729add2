//! Turn credentials into users.

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "jwt")]
pub mod jwt;
