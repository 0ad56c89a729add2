//! A cluster over Redis.

mod bus;
mod id;
mod listening;
mod message;
mod observe;
mod proof;
mod publisher;
mod redis_cluster;
mod state;
pub(super) mod store;

pub use redis_cluster::{RedisCluster, RedisClusterBuilder};
