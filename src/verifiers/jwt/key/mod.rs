//! Keys that verify signatures, and the algorithms that each of them is meant for.

mod jwk;
mod key_type;
mod pem;
mod public_key;
#[cfg(test)]
mod tests;
mod verification_key;

pub(super) use jwk::Jwk;
#[cfg(feature = "outbound")]
pub(crate) use pem::pem_block;
pub(super) use public_key::Unusable;
pub(super) use verification_key::VerificationKey;
