//! Verify JSON Web Tokens locally: by a shared secret, a public key, the key set (JWKS) of an issuer, or several of them.
//!
//! [`JwtVerifier`] replaces the `AuthClient` in [`AuthLayer::new`](crate::AuthLayer::new). Everything above it stays the
//! same: extractors, permissions, [context](crate::context), [`ActAsUser`](crate::ActAsUser).
//!
//! # What is rejected
//!
//! - tokens without `exp` or `sub`;
//! - expired tokens, tokens that are not valid yet (`nbf`), tokens issued in the future (`iat`);
//! - tokens for another audience or of another issuer than configured;
//! - tokens that say that they are no access tokens ([`TokenKind`](crate::claims::TokenKind));
//! - dates that are not numbers, or after the year 9999, duplicate claims, and extensions (`crit`);
//! - anything that is not strict base64url without padding.
//!
//! The key and the configuration decide the algorithm; the token's `alg` is only compared with them. Keys inside a token
//! (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
//!
//! A token is valid until it expires, even if its user has been disabled since: the auth center is not consulted. Keep
//! tokens short-lived, [revoke](crate::revocation) them, or use the `AuthClient`.
//!
//! # Issuers
//!
//! [`presets`] has what well-known issuers need: Keycloak, Auth0, Entra ID, Cognito, Supabase, Firebase and others.
//!
//! # Key sets
//!
//! The key set is fetched with the first token and cached for 10 minutes (its TTL); from 8 minutes on it is refreshed in
//! the background. A token with an unknown `kid` triggers a fetch at once, but at most one within 30 s, however many such
//! tokens arrive; until then they are answered with 503 and `Retry-After`, for the key may be newer than the set. Tokens of a
//! key that has left the set are rejected from the next fetch on. While the issuer is unavailable, or publishes no usable key,
//! the stale set is used, and tokens with an unknown `kid` are answered with 503. Encryption keys, symmetric keys, RSA keys
//! under 2048 bits and unknown key types are ignored.

mod algorithm;
mod build;
mod builder;
mod by_issuer;
mod candidates;
mod claims;
mod constructors;
mod discovery;
mod error;
#[cfg(feature = "test-util")]
pub(crate) mod fuzz;
mod header;
mod jwks;
mod jwks_endpoint;
mod key;
mod key_set;
mod key_source;
mod logout_token;
mod observed;
pub mod presets;
mod revocation;
mod revocation_setters;
mod revocation_settings;
mod revoke;
pub(crate) mod service;
mod source;
mod token;
mod validation;
mod verdict;
mod verifier;
mod verify;

pub use crate::types::claims::default_claims_mapping;
pub use algorithm::Algorithm;
pub use builder::JwtVerifierBuilder;
pub use by_issuer::ByIssuer;
pub use claims::Claims;
#[cfg(feature = "outbound")]
pub(crate) use key::pem_block;
pub(crate) use logout_token::{LogoutRules, LogoutToken};
pub use verifier::JwtVerifier;
