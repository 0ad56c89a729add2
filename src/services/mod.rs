//! What an app may run beside its handlers, each on its own.

#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "outbound")]
pub mod outbound;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "jwt")]
pub mod revocation;
#[cfg(feature = "stats")]
pub mod stats;
pub(crate) mod tenant;
#[cfg(feature = "user-sync")]
pub mod user_sync;
#[cfg(feature = "webhook")]
pub mod webhook;
