//! Record the calls that users made.

mod cut;
#[cfg(feature = "stats")]
mod json;
mod mask;
mod record;
mod texts;

pub use record::{ApiRecord, Record, Served};
