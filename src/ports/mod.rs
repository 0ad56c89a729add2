//! Traits that an app may implement.

pub(crate) mod audit;
pub(crate) mod invalidate;
pub(crate) mod invalidation;
#[cfg(feature = "client")]
pub(crate) mod invalidation_bus;
pub(crate) mod memberships;
pub mod observer;
pub(crate) mod readiness;
#[cfg(feature = "webhook")]
pub(crate) mod replay_memory;
#[cfg(feature = "jwt")]
pub(crate) mod revocations;
pub(crate) mod usage;
pub(crate) mod user_directory;
pub(crate) mod verify;
