//! Futures that are dropped at each place where they wait, as callers that hang up, time out or lose a `select!` drop them: nothing is
//! lost or held, and the next call is served. And a runtime that ends under load.

// What drops them.
mod harness;
// `AuthClient`: lookups and every other call.
mod client;
// `AuthLayer` around a handler, its body included.
mod layer;
// Users and events that replicas share in Redis.
#[cfg(unix)]
mod redis;
// A runtime that ends under load.
mod runtime;
// Usage records, registrations, subscriptions, webhooks sent and received.
mod services;
