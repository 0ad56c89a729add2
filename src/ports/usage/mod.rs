//! Record the calls that users made.

mod cut;
mod mask;
mod record;

pub use record::{ApiRecord, Record, Served};
