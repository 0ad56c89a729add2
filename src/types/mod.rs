//! Plain data and rules: no runtime, no HTTP client, no framework.

#[cfg(feature = "client")]
pub(crate) mod claims;
pub(crate) mod code;
pub(crate) mod combinations;
pub(crate) mod credential;
pub(crate) mod credential_seen;
pub(crate) mod credential_tag;
pub(crate) mod envelope;
pub(crate) mod error;
pub(crate) mod handler;
pub(crate) mod labels;
pub(crate) mod lenient;
pub(crate) mod permission;
pub(crate) mod present;
pub(crate) mod presented;
pub(crate) mod requirement;
pub(crate) mod requires;
#[cfg(feature = "jwt")]
pub(crate) mod revocation;
pub(crate) mod secret;
pub(crate) mod service;
pub(crate) mod spelling;
pub(crate) mod tenant;
pub(crate) mod user;
#[cfg(feature = "client")]
pub(crate) mod webhook_secret;
