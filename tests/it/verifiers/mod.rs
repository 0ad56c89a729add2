//! Verifiers that combine: a cache around any of them, introspection, and tokens that go to the verifier of their issuer.

// JWTs verified here, beside tokens of others.
mod by_issuer;
// What `Cached` keeps, asks and withholds.
mod cached;
// RFC 7662, against an endpoint on this machine.
mod introspection;
// A verifier that says what a test wants.
pub(crate) mod support;
// What those that stand before another one hand to it.
mod wrappers;
