//! The one integration binary: a file a subject, over real sockets.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

mod architecture;
mod breaker;
mod building;
mod calls;
mod center_support;
mod compile_errors;
mod context;
mod extractors;
mod faults;
mod headers;
mod hook;
mod invalidation;
mod lifetimes;
mod paths;
mod quickstart;
mod receiver_support;
mod reference;
mod reference_support;
mod sender;
mod sender_outcomes;
mod services;
mod spool;
mod stats;
mod stats_bodies;
mod stats_delivery;
mod stats_endings;
mod stats_own;
mod stats_support;
mod storms;
mod subscription;
mod support;
mod sync_checkpoint;
mod sync_events;
mod sync_logins;
mod sync_outages;
mod sync_push;
mod sync_support;
mod tls;
mod webhook_handlers;
mod webhook_invalidation;
mod webhook_replays;
mod webhook_support;
mod webhooks;
