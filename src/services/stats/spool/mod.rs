//! Store records on disk, so that they survive crashes and long outages.

mod builder;
mod cleared;
mod disk_queue;
mod export;
mod files;
mod lock;
mod page;
mod queue_files;
mod refused_batch;
mod refused_file;
mod refused_jobs;
mod refused_pages;
mod refused_records;
mod returned;
mod seal;
#[allow(clippy::module_inception)]
mod spool;
#[cfg(test)]
mod tests;
mod waiting;
mod worker;

pub use builder::SpoolBuilder;
pub use refused_batch::RefusedBatch;
pub use refused_pages::RefusedPages;
pub use refused_records::RefusedRecords;
pub use spool::Spool;
