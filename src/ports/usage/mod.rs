//! Record the calls that users made.

mod cut;
#[cfg(feature = "stats")]
mod json;
mod mask;
mod record;
mod sizes;
#[cfg(feature = "stats")]
mod stats_snapshot;
mod texts;

pub use record::{ApiRecord, Record, Served};
#[cfg(feature = "stats")]
pub use stats_snapshot::StatsSnapshot;
