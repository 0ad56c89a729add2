use super::names::{Entry, VERSION};
use crate::types::secret::Secret;
use crate::upstream::identity_cache::Key;
use crate::util::seal::SealKey;

/// Encrypts what is put in Redis, under the app's secret: users are personal data, and whoever may write in Redis must not make
/// users.
///
/// Each credential has a key of its own. So a value opens for the credential it was sealed for alone, whatever reply a confused
/// connection hands out; and no key seals so much that two random nonces might be the same.
pub(super) struct Seal {
    secret: Secret,
    /// Keeps apart what is verified otherwise under the same secret.
    realm: Box<str>,
}

impl Seal {
    pub(super) fn new(secret: &Secret, realm: &str) -> Self {
        Self { secret: secret.clone(), realm: realm.into() }
    }

    /// Encrypts. `None` if the system's random number generator fails.
    pub(super) fn seal(&self, entry: Entry, key: Key, text: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = self.key(entry, key).seal(&[VERSION], text)?;
        sealed.insert(0, VERSION);
        Some(sealed)
    }

    /// Decrypts; `None` for what was not sealed so, under another secret or for another credential, or is damaged.
    pub(super) fn open(&self, entry: Entry, key: Key, sealed: &[u8]) -> Option<Vec<u8>> {
        match sealed.split_first() {
            Some((&VERSION, sealed)) => self.key(entry, key).open(&[VERSION], sealed),
            _ => None,
        }
    }

    fn key(&self, entry: Entry, key: Key) -> SealKey {
        let (realm, entry, bits) = (&self.realm, entry as u8, key.bits());
        SealKey::new(&self.secret, &format!("aigc-auth shared cache 1 {realm} {entry} {bits:032x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::seed::random;

    fn sealer(secret: &str, realm: &str) -> Seal {
        Seal::new(&secret.into(), realm)
    }

    #[test]
    fn value_opens_for_its_credential_under_its_secret_alone() {
        let (one, key) = (sealer("secret", "a"), Key::of_hash([1, 2]));
        let sealed = one.seal(Entry::Value, key, b"alice").unwrap();
        assert_eq!(one.open(Entry::Value, key, &sealed).as_deref(), Some(&b"alice"[..]));
        assert!(!sealed.windows(5).any(|part| part == b"alice"));
        assert_ne!(sealed, one.seal(Entry::Value, key, b"alice").unwrap(), "each has a nonce of its own");
        for (what, sealer, entry, key) in [
            ("another credential", &one, Entry::Value, Key::of_hash([2, 1])),
            ("another kind", &one, Entry::Pause, key),
            ("another secret", &sealer("secret2", "a"), Entry::Value, key),
            ("another realm", &sealer("secret", "b"), Entry::Value, key),
        ] {
            assert!(sealer.open(entry, key, &sealed).is_none(), "{what}");
        }
        let after_restart = sealer("secret", "a");
        assert!(after_restart.open(Entry::Value, key, &sealed).is_some());
    }

    #[test]
    fn damaged_value_does_not_open() {
        let mut random = random();
        let sealer = sealer("secret", "a");
        for _ in 0..50 {
            let key = Key::of_hash([random.u64(..), random.u64(..)]);
            let text: Vec<u8> = (0..random.usize(..200)).map(|_| random.u8(..)).collect();
            let sealed = sealer.seal(Entry::Value, key, &text).unwrap();
            let open = |sealed: &[u8]| sealer.open(Entry::Value, key, sealed);
            assert_eq!(open(&sealed).as_ref(), Some(&text));
            for at in 0..sealed.len() {
                assert!(open(&sealed[..at]).is_none(), "cut at {at}");
                let mut damaged = sealed.clone();
                damaged[at] ^= 1 << random.u8(..8);
                assert!(open(&damaged).is_none(), "byte {at}");
            }
            assert!(open(&[&*sealed, &[0]].concat()).is_none(), "longer");
            let other = sealer.seal(Entry::Value, key, b"other").unwrap();
            let mixed = [&sealed[..13], &other[13..]].concat();
            assert!(open(&mixed).is_none(), "the nonce of another");
        }
    }

    #[test]
    fn another_version_does_not_open() {
        let (sealer, key) = (sealer("secret", "a"), Key::of_hash([1, 2]));
        let sealed = sealer.seal(Entry::Value, key, b"alice").unwrap();
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let mut other = sealed.clone();
            other[0] = version;
            assert!(sealer.open(Entry::Value, key, &other).is_none(), "{version}");
        }
    }
}
