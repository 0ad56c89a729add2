//! Verify the tokens of services, which have an audience and a subject of their own.

mod builder;
mod reject_prefix;
mod verifier;
mod with_services;

pub use builder::ServiceVerifierBuilder;
pub use verifier::ServiceVerifier;
pub use with_services::WithServices;
