use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use highway::{HighwayHash, HighwayHasher};

use crate::types::credential_tag::CredentialTag;

/// The cache key of a credential: a keyed hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    // Not a `u128`, which would make every slot of a map a multiple of 16 bytes.
    low: u64,
    high: u64,
}

impl Key {
    pub(crate) fn bits(self) -> u128 {
        u128::from(self.low) | u128::from(self.high) << 64
    }

    /// What stands for the credential among replicas that have the same keys.
    pub(crate) fn tag(self) -> CredentialTag {
        CredentialTag::new(self.bits().to_be_bytes())
    }

    pub(crate) fn of_tag(tag: CredentialTag) -> Self {
        Self::from_bits(u128::from_be_bytes(tag.to_bytes()))
    }

    /// A key that is hashed elsewhere.
    pub(crate) fn of_hash([low, high]: [u64; 2]) -> Self {
        Self { low, high }
    }

    pub(super) fn from_bits(bits: u128) -> Self {
        Self { low: bits as u64, high: (bits >> 64) as u64 }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The bits are a keyed hash already: an attacker cannot choose them.
        state.write_u64(self.low);
    }
}

/// A map by such keys, whose owner bounds it.
#[cfg(feature = "stats")]
pub(crate) type KeyMap<V> = std::collections::HashMap<Key, V, std::hash::BuildHasherDefault<PassThrough>>;

/// Returns the bits of a [`Key`] as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct PassThrough(u64);

impl Hasher for PassThrough {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The kind of a credential, which decides how it is verified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Token = 0,
    AccessKey = 1,
    /// Not a credential, and grants nothing: the id of a user to look up.
    UserId = 2,
}

/// Hashes credentials to [`Key`]s by a key of 256 bits, in one pass over what may be a long text.
pub(crate) struct KeyHasher(HighwayHasher);

impl KeyHasher {
    /// Creates a hasher with a random key. `RandomState` is seeded by the operating system, and its SipHash does not reveal the
    /// seed.
    pub(crate) fn random() -> Self {
        let state = RandomState::new();
        Self(HighwayHasher::new(highway::Key([0u8, 1, 2, 3].map(|n| state.hash_one(n)))))
    }

    /// Creates a hasher with this key.
    pub(super) fn with_key(bytes: &[u8; 32]) -> Self {
        let word = |n: usize| u64::from_le_bytes(std::array::from_fn(|at| bytes[n * 8 + at]));
        Self(HighwayHasher::new(highway::Key([0, 1, 2, 3].map(word))))
    }

    #[inline]
    pub(crate) fn key(&self, credential: &[u8]) -> Key {
        // Not `hash128`, which would move the state once more.
        let mut hasher = self.0.clone();
        hasher.append(credential);
        Key::of_hash(hasher.finalize128())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_byte_of_a_shared_key_counts() {
        let hash = |bytes: [u8; 32]| KeyHasher::with_key(&bytes).key(b"credential").bits();
        let other = |at: usize| hash(std::array::from_fn(|n| if n == at { 8 } else { 7 }));
        let keys: BTreeSet<_> = (0..32).map(other).chain([hash([7; 32])]).collect();
        assert_eq!(keys.len(), 33);
    }
}
