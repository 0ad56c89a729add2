//! Collect usage records, from which the auth center bills, and deliver them in the background.
//!
//! [`StatsCollector`] takes records from [`AuthLayer::with_stats`](crate::AuthLayer::with_stats), from handlers by
//! [`context::stats`](crate::context::stats), and from jobs by [`StatsCollector::record`].
//!
//! # What is recorded
//!
//! Method, path, status, duration in seconds and the rejection's message; the request headers `user-agent`,
//! `content-type`, `x-forwarded-for`, `x-request-id`, `x-trace-id`, `x-match-*` and, as `x-real-ip`, the client's
//! address as in the [context](crate::context); the query, and the path parameters where the layer is a router's; the
//! response headers `x-match-*`. `x-match-username`, by which another user is billed, counts only in requests with the
//! access key of an app or a global one. Values whose name indicates a secret (`password`, `token`, …) are masked.
//! Bodies are left out unless a [`CaptureBodyLayer`](crate::layer::CaptureBodyLayer) captures them.
//!
//! Values that callers choose are cut to 1 KiB, and then end in `…[cut]`. Requests with an invalid credential (401) leave
//! no record: nobody can be billed for them.
//!
//! # How records are delivered
//!
//! Grouped by credential, in batches of 100 and at most 256 KiB, after at most 5 s. A batch that fails with a broken
//! connection, 408, 429 or 5xx is retried, the oldest first, with an exponential backoff of up to 30 s that respects
//! `Retry-After`. Its content and its `Idempotency-Key` stay the same. A batch that is too large for a gateway (413) is
//! halved; a single record is sent once more without its `request_params`. A batch that the auth center rejects permanently
//! (another 4xx, or a business code in that range) is counted as dead-lettered and logged once per cause.
//!
//! Records of credentials that were denied or could not be verified have a lane of their own: they are sent last, and take
//! at most a tenth of what verified users have of the queue, of memory and of the disk.

mod batch;
mod batcher;
mod builder;
mod collector;
mod counters;
mod delivery;
mod lane;
mod queue;
mod reduction;
mod reporter;
mod retry_queue;
#[cfg(feature = "spool")]
mod spool;
mod store;
mod watched;

pub use crate::ports::usage::StatsSnapshot;
pub use builder::StatsCollectorBuilder;
pub use collector::StatsCollector;
#[cfg(feature = "spool")]
pub use spool::{RefusedBatch, RefusedPages, RefusedRecords, Spool, SpoolBuilder};

#[cfg(test)]
mod tests;
