//! Webhooks: receiving, sending, subscribing.

// Signatures, bodies, and answers of the endpoint.
mod endpoint;
// Handlers, their errors, and the extractors.
mod handlers;
// Messages beside those of the libraries of Standard Webhooks.
mod libraries;
// Which caches an event invalidates, and when.
mod invalidation;
// What strangers may have read.
#[cfg(target_os = "linux")]
mod memory;
// A receiver for the tests of senders.
pub(crate) mod receiver;
// Events and signatures beside those of the reference client.
mod reference;
// A memory in Redis, for several replicas.
#[cfg(unix)]
mod redis_replays;
// Each event is handled once.
mod replays;
// Memories of replays, one for several processes.
mod shared_replays;
// What a sender sends.
mod sender;
// Events of a user in their order.
mod sender_order;
// What becomes of a delivery, by the answer.
mod sender_outcomes;
// Subscribing and unsubscribing.
mod subscription;
// Signed deliveries, and handlers that take notes.
pub(crate) mod support;
