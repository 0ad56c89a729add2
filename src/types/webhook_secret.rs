//! What a secret of webhooks has to be.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::BuildError;
use super::secret::{Secret, check_ends};

/// The minimum length in bytes; shorter secrets can be guessed.
const MIN_LEN: usize = 16;
const PREFIX: &str = "whsec_";
/// Some services show secrets with the version of the signature in front.
const VERSION: &str = "v1,";
/// A secret that all libraries of Standard Webhooks take for the same key. One without `whsec_` they decode from base64, and
/// so have another key than its characters.
const GENERATE: &str = "`echo \"whsec_$(openssl rand -base64 32)\"`";

/// Checks a secret, and returns its key for Standard Webhooks: that of `whsec_…` is decoded from base64.
///
/// # Errors
/// If it is shorter than 16 bytes, has white space at an end, or is not base64 after `whsec_`.
pub(crate) fn standard_key(secret: &Secret) -> Result<Cow<'_, [u8]>, BuildError> {
    let secret = secret.expose();
    check_ends(secret, "webhook secret (AIGC_AUTH_WEBHOOK_SECRET)")?;
    let key = match secret.strip_prefix(VERSION).unwrap_or(secret).strip_prefix(PREFIX) {
        Some(encoded) => Cow::Owned(STANDARD.decode(encoded).map_err(|_| {
            BuildError::new(format!(
                "the webhook secret (AIGC_AUTH_WEBHOOK_SECRET) is not base64 after `whsec_`: expected the \
                 alphabet with `+` and `/`, and padding by `=`; generate one with {GENERATE}"
            ))
        })?),
        None => Cow::Borrowed(secret.as_bytes()),
    };
    if key.len() < MIN_LEN {
        return Err(BuildError::new(format!(
            "the webhook secret (AIGC_AUTH_WEBHOOK_SECRET) has {} bytes and needs at least {MIN_LEN}; \
             generate one with {GENERATE}",
            key.len()
        )));
    }
    Ok(key)
}
