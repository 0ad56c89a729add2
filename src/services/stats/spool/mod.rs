//! Store records on disk, so that they survive crashes and long outages.

mod builder;
mod disk_queue;
mod files;
mod queue_files;
mod refused_file;
mod seal;
#[allow(clippy::module_inception)]
mod spool;
#[cfg(test)]
mod tests;
mod waiting;
mod worker;

pub use builder::SpoolBuilder;
pub use spool::Spool;
