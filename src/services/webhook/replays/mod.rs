//! Detect events that come again.

mod identity;
mod in_memory;
mod lease;
mod memory;
#[allow(clippy::module_inception)]
mod replays;

pub(super) use identity::Identity;
pub use in_memory::InMemoryReplays;
pub(super) use lease::Lease;
pub(super) use replays::{Claim, Replays, Seen};
