//! Share verified identities between the replicas of a service, in Redis.
//!
//! A value is sealed under the app's secret, bound to its credential, and says when it was asked for: at which time by the clock
//! of Redis, and after which of the cluster's numbered invalidations. Readers judge by that, so that neither a lost lock nor a write
//! that comes late has anybody served a value that is too old: a lock only saves calls.

mod calls;
mod codec;
mod names;
mod record;
mod seal;
#[allow(clippy::module_inception)]
mod shared_cache;
#[cfg(test)]
mod tests;
mod ticket;
mod turn;

pub(crate) use codec::Codec;
pub(crate) use record::Shared;
pub(crate) use shared_cache::{SharedCache, Sharing};
pub(crate) use turn::Turn;
