//! Keys that verify signatures, and the algorithms that each of them is meant for.

mod key_type;
mod public_key;
#[cfg(test)]
mod tests;
mod verification_key;

pub(super) use verification_key::VerificationKey;
