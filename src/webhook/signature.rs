use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::BuildError;
use crate::secret::Secret;

type HmacSha256 = Hmac<Sha256>;

/// What a signature comes to: HMAC-SHA256.
pub(super) type Tag = [u8; 32];

/// Signs a body as the auth center does: lower-case hex of HMAC-SHA256 over the raw bytes, for `X-Webhook-Signature`.
///
/// ```
/// let signature = aigc_auth::webhook::sign(b"{}", &"a secret of the webhook".into());
/// assert_eq!(signature.len(), 64);
/// ```
pub fn sign(body: &[u8], secret: &Secret) -> String {
    base16ct::lower::encode_string(&tag(&hmac(secret.expose().as_bytes()), &[body]))
}

/// Whether this is the `X-Webhook-Signature` of a body under a secret. Takes the same time wherever they differ.
///
/// Never true for an empty secret. Sign what came over the wire, byte for byte; JSON that was parsed and written again
/// is another body.
///
/// ```
/// use aigc_auth::{Secret, webhook};
///
/// let secret = Secret::from("a secret of the webhook");
/// let signature = webhook::sign(br#"{"event": "user.deleted"}"#, &secret);
/// assert!(webhook::verify_signature(br#"{"event": "user.deleted"}"#, &signature, &secret));
/// assert!(!webhook::verify_signature(br#"{"event":"user.deleted"}"#, &signature, &secret));
/// ```
#[must_use]
pub fn verify_signature(body: &[u8], signature: &str, secret: &Secret) -> bool {
    !secret.expose().is_empty()
        && from_hex(signature)
            .is_some_and(|sent| is_same(sent, tag(&hmac(secret.expose().as_bytes()), &[body])))
}

/// What a secret signs with: keyed once, copied for each signature.
#[derive(Clone)]
pub(super) struct Key {
    plain: HmacSha256,
    /// Of a `whsec_…` secret, Standard Webhooks takes the bytes that its rest stands for.
    standard: HmacSha256,
}

impl Key {
    /// Shorter secrets can be guessed.
    const SHORTEST: usize = 16;
    const PREFIX: &str = "whsec_";

    /// # Errors
    /// If the secret is too short, or is no base64 after `whsec_`.
    pub(super) fn new(secret: &Secret) -> Result<Self, BuildError> {
        let secret = secret.expose();
        let decoded = match secret.strip_prefix(Self::PREFIX) {
            Some(rest) => Some(STANDARD.decode(rest).map_err(|_| {
                BuildError::new(
                    "the webhook secret (AIGC_AUTH_WEBHOOK_SECRET) is no base64 after its `whsec_`",
                )
            })?),
            None => None,
        };
        let standard = decoded.as_deref().unwrap_or(secret.as_bytes());
        if standard.len() < Self::SHORTEST {
            return Err(BuildError::new(format!(
                "the webhook secret (AIGC_AUTH_WEBHOOK_SECRET) has {} bytes and needs at least {}; \
                 `openssl rand -hex 32` makes one",
                standard.len(),
                Self::SHORTEST
            )));
        }
        Ok(Self { plain: hmac(secret.as_bytes()), standard: hmac(standard) })
    }

    /// Of a body, for `X-Webhook-Signature`.
    pub(super) fn plain(&self, body: &[u8]) -> Tag {
        tag(&self.plain, &[body])
    }

    /// Of a message of Standard Webhooks, for `webhook-signature`.
    pub(super) fn standard(&self, id: &str, timestamp: &str, body: &[u8]) -> Tag {
        tag(&self.standard, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The tag that lower-case hex stands for.
pub(super) fn from_hex(text: &str) -> Option<Tag> {
    let mut tag = Tag::default();
    let decoded = base16ct::lower::decode(text, &mut tag).ok()?.len();
    (decoded == tag.len()).then_some(tag)
}

pub(super) fn to_hex(tag: Tag) -> String {
    base16ct::lower::encode_string(&tag)
}

pub(super) fn from_base64(text: &str) -> Option<Tag> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

pub(super) fn to_base64(tag: Tag) -> String {
    STANDARD.encode(tag)
}

/// Takes the same time wherever they differ.
pub(super) fn is_same(a: Tag, b: Tag) -> bool {
    CtOutput::<HmacSha256>::new(a.into()) == CtOutput::new(b.into())
}

fn hmac(key: &[u8]) -> HmacSha256 {
    // The trait's signature allows for ciphers of fixed keys; HMAC takes keys of any length.
    HmacSha256::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"))
}

fn tag(key: &HmacSha256, parts: &[&[u8]]) -> Tag {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1, 2, 6 and 7.
    #[test]
    fn vectors_of_rfc_4231() {
        for (key, data, expected) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. \
                  The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(to_hex(tag(&hmac(key), &[data])), expected);
        }
    }

    #[test]
    fn a_signature_is_lower_case_hex_of_the_whole_tag() {
        let secret = Secret::from("0123456789abcdef");
        let right = sign(b"body", &secret);
        assert!(verify_signature(b"body", &right, &secret));
        let cut = &right[..62];
        for wrong in [
            String::new(),
            "0".repeat(64),
            right.to_uppercase(),
            cut.to_owned(),
            format!("{right}00"),
            format!(" {right}"),
            format!("sha256={right}"),
            format!("{cut}+f"),
            format!("{cut}é"),
            sign(b"body ", &secret),
            sign(b"body", &"0123456789abcdeF".into()),
        ] {
            assert!(!verify_signature(b"body", &wrong, &secret), "{wrong}");
        }
    }

    #[test]
    fn an_empty_secret_signs_nothing_in() {
        let empty = Secret::from("");
        assert!(!verify_signature(b"body", &sign(b"body", &empty), &empty));
    }

    #[test]
    fn secrets() {
        for (secret, complaint) in [
            ("", Some("has 0 bytes")),
            ("0123456789abcde", Some("has 15 bytes")),
            ("0123456789abcdef", None),
            ("密钥密钥密钥", None),
            // 18 bytes, but they stand for 9.
            ("whsec_MDEyMzQ1Njc4", Some("has 9 bytes")),
            ("whsec_MDEyMzQ1Njc4OWFiY2RlZg==", None),
            ("whsec_not base64 at all", Some("no base64")),
        ] {
            let key = Key::new(&secret.into());
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
        let key = Key::new(&"0123456789abcdef".into()).unwrap();
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
