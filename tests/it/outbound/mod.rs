//! Calls to other services.

// Propagation, bodies, timeouts, errors.
mod calls;
// Jobs without a request.
mod jobs;
// The same as a `reqwest-middleware`.
mod middleware;
// Which redirects are followed, and which headers go along.
mod redirects;
// Requests and records beside those of the reference client.
mod reference;
// Answers that go on.
mod streams;
// Trusted and hostile hosts.
pub(crate) mod support;
// Usage records of outbound calls.
mod usage_records;
