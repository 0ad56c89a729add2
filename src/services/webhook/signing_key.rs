use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::signature::{HmacSha256, Tag, hmac, tag};
use crate::types::error::BuildError;
use crate::types::secret::Secret;

/// The HMAC keys of a secret, set up once and cloned for each signature.
#[derive(Clone)]
pub(super) struct SigningKey {
    plain: HmacSha256,
    /// For Standard Webhooks, the key of a `whsec_…` secret is decoded from base64.
    standard: HmacSha256,
}

impl SigningKey {
    /// The minimum length in bytes; shorter secrets can be guessed.
    const MIN_LEN: usize = 16;
    const PREFIX: &str = "whsec_";

    /// # Errors
    /// If the secret is too short, or is not base64 after `whsec_`.
    pub(super) fn new(secret: &Secret) -> Result<Self, BuildError> {
        let secret = secret.expose();
        let decoded = match secret.strip_prefix(Self::PREFIX) {
            Some(rest) => Some(STANDARD.decode(rest).map_err(|_| {
                BuildError::new("the webhook secret (AIGC_AUTH_WEBHOOK_SECRET) is not base64 after `whsec_`")
            })?),
            None => None,
        };
        let standard = decoded.as_deref().unwrap_or(secret.as_bytes());
        if standard.len() < Self::MIN_LEN {
            return Err(BuildError::new(format!(
                "the webhook secret (AIGC_AUTH_WEBHOOK_SECRET) has {} bytes and needs at least {}; \
                 generate one with `openssl rand -hex 32`",
                standard.len(),
                Self::MIN_LEN
            )));
        }
        Ok(Self { plain: hmac(secret.as_bytes()), standard: hmac(standard) })
    }

    /// Signs a body for `X-Webhook-Signature`.
    pub(super) fn plain(&self, body: &[u8]) -> Tag {
        tag(&self.plain, &[body])
    }

    /// Signs a message for the `webhook-signature` of Standard Webhooks.
    pub(super) fn standard(&self, id: &str, timestamp: &str, body: &[u8]) -> Tag {
        tag(&self.standard, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_must_have_16_bytes_once_decoded() {
        for (secret, complaint) in [
            ("", Some("has 0 bytes")),
            ("0123456789abcde", Some("has 15 bytes")),
            ("0123456789abcdef", None),
            ("密钥密钥密钥", None),
            // 12 characters of base64, which decode to 9 bytes.
            ("whsec_MDEyMzQ1Njc4", Some("has 9 bytes")),
            ("whsec_MDEyMzQ1Njc4OWFiY2RlZg==", None),
            ("whsec_not base64 at all", Some("not base64")),
        ] {
            let key = SigningKey::new(&secret.into());
            match complaint {
                None => assert!(key.is_ok(), "{secret}"),
                Some(complaint) => {
                    let error = key.unwrap_err().to_string();
                    assert!(error.contains(complaint), "{secret}: {error}");
                    assert!(error.contains("AIGC_AUTH_WEBHOOK_SECRET"), "{error}");
                    assert!(secret.is_empty() || !error.contains(secret), "{error}");
                }
            }
        }
        let key = SigningKey::new(&"0123456789abcdef".into()).unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
