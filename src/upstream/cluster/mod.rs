//! Connect the replicas of a service, so that what one invalidates, all invalidate.
//!
//! `RedisCluster` does so by Redis (feature `redis`); [`Cluster::new`] by any other [`InvalidationBus`], such as `PostgresBus`, over
//! PostgreSQL's LISTEN and NOTIFY (feature `postgres`).

mod builder;
#[allow(clippy::module_inception)]
mod cluster;
mod constructors;
pub(crate) mod joins;
pub(crate) mod keys;
pub(crate) mod member;
#[cfg(feature = "postgres")]
mod postgres_bus;
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
#[cfg(feature = "postgres")]
pub use postgres_bus::PostgresBus;
#[cfg(feature = "redis")]
pub(crate) use redis_bus::{Horizon, Ledger, Names, RedisStore};
#[cfg(feature = "redis")]
pub use redis_bus::{RedisCluster, RedisClusterBuilder};
