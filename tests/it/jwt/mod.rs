//! Tokens that are verified locally.

// Forgeries: algorithms, keys, signatures.
mod attacks;
// How long a verified token is not verified again.
mod caching;
// Canaille: found by its metadata, and asked about its tokens.
mod canaille;
// Key sets that are found by their issuer's metadata.
mod discovery;
// Malformed tokens: segments, base64url, JSON, claims of wrong types.
mod encoding;
// What is expected of tokens that other software has issued.
pub(crate) mod issued;
// Which keys of a key set are used, and which answers are a key set.
mod jwks_parsing;
// When a key set is fetched, and what is valid until then.
mod jwks_refresh;
// Tokens that are no access tokens.
mod kinds;
// Tokens that libraries issue, and users that come out.
pub(crate) mod libraries;
// Presets of well-known issuers.
mod presets;
// What is said of rejected tokens.
mod reasons;
// Tokens of other libraries.
mod reference;
// Signers, and a server of key sets.
pub(crate) use test_support::jwt as support;
// Several sources of keys in one verifier.
mod sources;
// Verifiers of each kind, which `attacks` and `encoding` run against.
mod targets;
// Certificates of a server of keys behind https.
mod tls;
// Algorithms, claims, extractors.
mod verification;
