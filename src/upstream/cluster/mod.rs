//! Connect the replicas of a service, so that what one invalidates, all invalidate.
//!
//! `RedisCluster` does so by Redis (feature `redis`); [`Cluster::new`] by any other [`InvalidationBus`].

mod builder;
#[allow(clippy::module_inception)]
mod cluster;
mod constructors;
pub(crate) mod keys;
pub(crate) mod member;
mod queue;
#[cfg(feature = "redis")]
mod redis_bus;
mod settings;
mod shared;
mod tasks;
mod times;

pub use crate::ports::invalidation_bus::{BusError, BusListener, InvalidationBus};
pub use builder::ClusterBuilder;
pub use cluster::Cluster;
#[cfg(feature = "redis")]
pub(crate) use redis_bus::{Horizon, Ledger, Names, RedisStore};
#[cfg(feature = "redis")]
pub use redis_bus::{RedisCluster, RedisClusterBuilder};
