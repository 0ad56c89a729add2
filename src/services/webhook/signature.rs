use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::types::secret::Secret;

pub(super) type HmacSha256 = Hmac<Sha256>;

/// An HMAC-SHA256 tag.
pub(super) type Tag = [u8; 32];

/// Signs a body for `X-Webhook-Signature`, as the auth center does: lower-case hex of HMAC-SHA256 over the raw bytes.
///
/// ```
/// let signature = aigc_auth::webhook::sign(b"{}", &"a secret of the webhook".into());
/// assert_eq!(signature.len(), 64);
/// ```
pub fn sign(body: &[u8], secret: &Secret) -> String {
    base16ct::lower::encode_string(&tag(&hmac(secret.expose().as_bytes()), &[body]))
}

/// Verifies an `X-Webhook-Signature` over the raw body, in constant time.
///
/// Returns `false` for an empty secret. Pass the bytes as received: JSON that was parsed and serialized again may
/// differ.
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

/// Decodes lower-case hex.
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

/// Compares in constant time.
pub(super) fn is_same(a: Tag, b: Tag) -> bool {
    CtOutput::<HmacSha256>::new(a.into()) == CtOutput::new(b.into())
}

pub(super) fn hmac(key: &[u8]) -> HmacSha256 {
    // `KeyInit` is fallible for algorithms with keys of a fixed length.
    HmacSha256::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC accepts keys of any length"))
}

pub(super) fn tag(key: &HmacSha256, parts: &[&[u8]]) -> Tag {
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
    fn hmac_matches_rfc_4231_vectors() {
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
    fn signature_must_be_lower_case_hex_of_whole_tag() {
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
    fn empty_secret_verifies_no_signature() {
        let empty = Secret::from("");
        assert!(!verify_signature(b"body", &sign(b"body", &empty), &empty));
    }
}
