//! Tools that know nothing of authentication.

#[cfg(any(feature = "registry", feature = "user-sync", feature = "webhook"))]
pub(crate) mod atomic_file;
#[cfg(feature = "client")]
pub(crate) mod backoff;
pub(crate) mod boxed;
// Only tests hold it, and only `testing` exports it.
#[cfg_attr(not(all(feature = "client", feature = "test-util")), allow(dead_code, unreachable_pub))]
pub(crate) mod clock;
#[cfg(feature = "client")]
pub(crate) mod env;
#[cfg(feature = "redis")]
pub(crate) mod fair_timeout;
pub(crate) mod header_text;
pub(crate) mod log_throttle;
#[cfg(feature = "client")]
pub(crate) mod narrow;
#[cfg(feature = "user-sync")]
pub(crate) mod nul_characters;
#[cfg(any(feature = "redis", feature = "spool"))]
pub(crate) mod seal;
#[cfg(feature = "client")]
pub(crate) mod single_flight;
#[cfg(feature = "client")]
pub(crate) mod sync;
#[cfg(all(test, shuttle))]
mod tests;
