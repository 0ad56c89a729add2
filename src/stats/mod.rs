//! Usage records, from which the auth center bills: collected off the requests' path, and delivered until they are there.
//!
//! [`StatsCollector`] takes records from [`AuthLayer::with_stats`](crate::AuthLayer::with_stats), from handlers by
//! [`context::stats`](crate::context::stats), and from jobs by [`StatsCollector::record`].
//!
//! # What is recorded
//!
//! Method, path, status, seconds, the refusal's message, of the request's headers `user-agent`, `content-type`,
//! `x-forwarded-for`, `x-request-id`, `x-trace-id`, `x-match-*` and, as `x-real-ip`, the client's address as the
//! [context](crate::context) knows it; the query, and the parameters of the path where the layer is a router's; of the
//! response's headers `x-match-*`. `x-match-username`, by which somebody else is billed, counts only in requests with the
//! access key of an app or a global one. Values whose name speaks of a secret (`password`, `token`, …) are masked. Bodies are left
//! out unless a [`CaptureBodyLayer`](crate::layer::CaptureBodyLayer) keeps them.
//!
//! # How it is delivered
//!
//! Grouped by credential, in batches of 100, at the latest after 5 s. What fails by a broken connection, 408, 429 or 5xx is
//! sent again, the oldest first, with pauses that grow up to 30 s and heed `Retry-After`; a batch keeps its content and its
//! `Idempotency-Key`. What the auth center refuses for good (another 4xx, or a code like one) is counted and logged once
//! per cause.

mod backlog;
mod batch;
mod collector;
mod counts;
mod deliver;
mod queue;
mod reporter;
#[cfg(feature = "spool")]
mod spool;
mod store;

pub use collector::{StatsBuilder, StatsCollector};
pub use counts::StatsSnapshot;
#[cfg(feature = "spool")]
pub use spool::{Spool, SpoolBuilder};

#[cfg(test)]
mod tests;
