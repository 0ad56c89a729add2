//! A cluster over Redis.

mod bus;
mod early;
mod history;
mod horizon;
mod id;
pub(super) mod ledger;
mod listening;
mod message;
mod observe;
mod proof;
mod publisher;
mod redis_cluster;
mod state;
pub(super) mod store;

pub(crate) use horizon::Horizon;
pub(crate) use ledger::Ledger;
pub use redis_cluster::{RedisCluster, RedisClusterBuilder};
pub(crate) use store::{Names, RedisStore};
