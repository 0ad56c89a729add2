//! Verifiers that combine: a cache around any of them, introspection, and tokens that go to the verifier of their issuer.

// What `Cached` keeps, asks and withholds.
mod cached;
// A verifier that says what a test wants.
mod support;
