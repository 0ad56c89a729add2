//! The observer: an event for everything that an operator asks about, and as many as there were.

// Refusals: by kind, by whom, and by what was sent.
mod refusals;
// Lookups: each answer, and their sums.
mod lookups;
// No secret in anything that is told, logged or measured.
mod secrets;
// An observer that panics or calls back, and one behind a verifier that is wrapped by hand.
mod observers;
// What the guide says of it.
mod guide;
// Calls of the auth center, and its circuit breaker.
mod calls;
// Replicas.
mod cluster;
// Usage records, webhooks, the synchronization of users, the register, impersonation.
mod services;
pub(crate) mod support;
// Usage records that are on disk, or lost.
mod usage;
// Other verifiers than the client.
mod verifiers;
