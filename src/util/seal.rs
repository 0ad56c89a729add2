//! Encrypt bytes for places that others can read: AES-256-GCM under a key that is derived from a secret by HKDF-SHA-256.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};

use crate::types::secret::Secret;

/// Seals with a random nonce for each value: at most 2^32 values with one key.
pub(crate) struct SealKey {
    key: LessSafeKey,
    random: SystemRandom,
}

impl SealKey {
    /// Derives the key of the secret. `purpose` keeps the keys of several uses of one secret apart.
    pub(crate) fn new(secret: &Secret, purpose: &str) -> Self {
        let prk = Salt::new(HKDF_SHA256, purpose.as_bytes()).extract(secret.expose().as_bytes());
        let key = prk
            .expand(&[b"aes-256-gcm"], &AES_256_GCM)
            .map(UnboundKey::from)
            .unwrap_or_else(|_| unreachable!("HKDF can expand a key of 32 bytes"));
        Self::with(key)
    }

    /// Takes a key that is derived from a secret already.
    #[cfg(all(feature = "redis", feature = "registry"))]
    pub(crate) fn of_derived(key: &[u8; 32]) -> Self {
        Self::with(
            UnboundKey::new(&AES_256_GCM, key)
                .unwrap_or_else(|_| unreachable!("AES-256 has keys of 32 bytes")),
        )
    }

    fn with(key: UnboundKey) -> Self {
        Self { key: LessSafeKey::new(key), random: SystemRandom::new() }
    }

    /// Returns nonce, ciphertext and tag. The tag covers what it is `bound_to` as well, which is not part of it. `None` if the
    /// system's random number generator fails.
    pub(crate) fn seal(&self, bound_to: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let text = &mut sealed[NONCE_LEN..];
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(bound_to), text).ok()?;
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// `None` if it was sealed under another secret, for another purpose or bound to something else, or is damaged.
    pub(crate) fn open(&self, bound_to: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = sealed.to_vec();
        let len = self.key.open_in_place(nonce, Aad::from(bound_to), &mut text).ok()?.len();
        text.truncate(len);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str, purpose: &str) -> SealKey {
        SealKey::new(&secret.into(), purpose)
    }

    #[test]
    fn value_opens_where_all_agrees_only() {
        let sealed = key("secret", "tests 1").seal(b"name", b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_ne!(
            sealed,
            key("secret", "tests 1").seal(b"name", b"hunter2").unwrap(),
            "each has a nonce of its own"
        );
        for (secret, purpose, bound_to, opens) in [
            ("secret", "tests 1", "name", true),
            ("other", "tests 1", "name", false),
            ("secret", "tests 2", "name", false),
            ("secret", "tests 1", "names", false),
        ] {
            let opened = key(secret, purpose).open(bound_to.as_bytes(), &sealed);
            assert_eq!(opened, opens.then(|| b"hunter2".to_vec()), "{secret} {purpose} {bound_to}");
        }
        let empty = key("secret", "tests 1").seal(b"", b"").unwrap();
        assert_eq!(key("secret", "tests 1").open(b"", &empty), Some(vec![]));
    }

    #[test]
    fn damaged_value_does_not_open() {
        let key = key("secret", "tests 1");
        let sealed = key.seal(b"name", b"hunter2").unwrap();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(key.open(b"name", &damaged), None, "byte {at}");
            assert_eq!(key.open(b"name", &sealed[..at]), None, "cut at {at}");
        }
    }
}
