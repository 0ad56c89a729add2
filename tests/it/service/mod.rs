//! Callers that are services: whose token is whose, what extractors and the context say, tokens of our own.

mod callers;
mod confusion;
mod python;
mod signer;
pub(crate) mod support;
