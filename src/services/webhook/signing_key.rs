use std::fmt;

use super::signature::{HmacSha256, Tag, hmac, tag};
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::types::webhook_secret::standard_key;

/// The HMAC keys of a secret, set up once and cloned for each signature.
#[derive(Clone)]
pub(super) struct SigningKey {
    plain: HmacSha256,
    /// For Standard Webhooks, the key of a `whsec_…` secret is decoded from base64.
    standard: HmacSha256,
}

impl SigningKey {
    /// # Errors
    /// If the secret is too short, has white space at an end, or is not base64 after `whsec_`.
    pub(super) fn new(secret: &Secret) -> Result<Self, BuildError> {
        let standard = standard_key(secret)?;
        Ok(Self { plain: hmac(secret.expose().as_bytes()), standard: hmac(&standard) })
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
            ("whsec_MDEyMzQ1Njc4OWFiY2RlZg", Some("padding by `=`")),
            ("v1,whsec_MDEyMzQ1Njc4OWFiY2RlZg==", None),
            ("v1,whsec_MDEyMzQ1Njc4", Some("has 9 bytes")),
            ("v1,whsec_!", Some("not base64")),
            // Only the form that is shown.
            ("v2,whsec_MDEyMzQ1Njc4OWFiY2RlZg==", None),
            ("0123456789abcdef\n", Some("white space")),
            (" whsec_MDEyMzQ1Njc4OWFiY2RlZg==", Some("white space")),
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
        let short = SigningKey::new(&"short".into()).unwrap_err().to_string();
        assert!(short.contains("whsec_$(openssl rand -base64 32)"), "{short}");
        let key = SigningKey::new(&"0123456789abcdef".into()).unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
    }

    /// The plain signature is keyed by the characters, as the auth center was told them.
    #[test]
    fn version_in_front_changes_no_standard_signature() {
        let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==";
        let [bare, shown, other] =
            ["", "v1,", "v2,"].map(|version| SigningKey::new(&format!("{version}{secret}").into()).unwrap());
        let standard = |key: &SigningKey| key.standard("msg_1", "1614265330", b"{}");
        assert_eq!(standard(&bare), standard(&shown));
        assert_ne!(standard(&bare), standard(&other));
        assert_ne!(bare.plain(b"{}"), shown.plain(b"{}"));
    }
}
