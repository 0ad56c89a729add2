//! Detect events that come again.

mod identity;
mod in_memory;
mod lease;
mod memory;
#[cfg(feature = "redis")]
mod redis_replays;
#[allow(clippy::module_inception)]
mod replays;

pub(super) use identity::Identity;
pub use in_memory::InMemoryReplays;
pub(super) use lease::Lease;
#[cfg(feature = "redis")]
pub use redis_replays::RedisReplays;
pub(super) use replays::{Claim, Replays, Seen};
