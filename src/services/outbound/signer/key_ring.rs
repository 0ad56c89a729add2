//! Which key signs, and which keys are published: a plain function of the time.

use serde_json::Value;

use super::key::ServiceKey;
use crate::types::error::BuildError;
use crate::util::clock::Millis;

/// So many keys may be published at once.
const MAX_KEYS: usize = 8;

/// The keys in the order in which they sign. Never empty.
pub(super) struct KeyRing {
    first: Entry,
    next: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    key: ServiceKey,
    signs_from: Millis,
}

impl KeyRing {
    pub(super) fn new(key: ServiceKey) -> Self {
        Self { first: Entry { key, signs_from: 0 }, next: Vec::new() }
    }

    /// The key that signs now.
    pub(super) fn current(&self, now: Millis) -> &ServiceKey {
        let last = self.next.iter().rev().find(|entry| entry.signs_from <= now);
        &last.unwrap_or(&self.first).key
    }

    /// The public keys: also of keys that are to sign, and of those that have signed less than `kept` ago.
    pub(super) fn published(&self, now: Millis, kept: Millis) -> impl Iterator<Item = &Value> {
        let entries = std::iter::once(&self.first).chain(&self.next);
        let ends = self.next.iter().map(move |next| Some(next.signs_from.saturating_add(kept))).chain([None]);
        entries
            .zip(ends)
            .filter(move |(_, end)| end.is_none_or(|end| now < end))
            .map(|(entry, _)| entry.key.jwk())
    }

    /// Publishes a key now, and signs by it from `ahead` on, or from when those that were added before do.
    pub(super) fn rotate(
        &mut self,
        key: ServiceKey,
        now: Millis,
        ahead: Millis,
        kept: Millis,
    ) -> Result<(), BuildError> {
        while let Some(next) = self.next.first().filter(|next| next.signs_from.saturating_add(kept) <= now) {
            self.first = next.clone();
            self.next.remove(0);
        }
        let mut entries = std::iter::once(&self.first).chain(&self.next);
        if entries.any(|entry| entry.key.kid() == key.kid()) {
            let kid = key.kid();
            return Err(BuildError::new(format!(
                "the key {kid} is published already: expected a new key to rotate to"
            )));
        }
        if self.next.len() + 1 >= MAX_KEYS {
            return Err(BuildError::new(format!(
                "{MAX_KEYS} keys of this service are published: expected to rotate again only after old ones have left"
            )));
        }
        let after = self.next.last().map_or(0, |entry| entry.signs_from);
        self.next.push(Entry { key, signs_from: now.saturating_add(ahead).max(after) });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifiers::jwt::Algorithm;

    #[test]
    fn keys_are_published_before_and_after_they_sign() {
        let [a, b, c] = [(); 3].map(|()| ServiceKey::generate(Algorithm::EdDsa).unwrap());
        let mut ring = KeyRing::new(a.clone());
        ring.rotate(b.clone(), 1_000, 100, 20).unwrap();
        // Sooner by its own count, and not before the other.
        ring.rotate(c.clone(), 1_010, 50, 20).unwrap();
        for (now, signs, published) in [
            (1_010, &a, vec![&a, &b, &c]),
            (1_099, &a, vec![&a, &b, &c]),
            (1_100, &c, vec![&a, &b, &c]),
            (1_119, &c, vec![&a, &b, &c]),
            (1_120, &c, vec![&c]),
        ] {
            assert_eq!(ring.current(now).kid(), signs.kid(), "{now}");
            let kids: Vec<_> = ring.published(now, 20).map(|jwk| jwk["kid"].as_str().unwrap()).collect();
            assert_eq!(kids, published.iter().map(|key| key.kid()).collect::<Vec<_>>(), "{now}");
        }
        assert!(ring.rotate(c, 2_000, 0, 20).is_err(), "it signs");
        assert!(ring.rotate(a, 2_000, 0, 20).is_ok(), "it has left");
        let more: Vec<_> = (0..9)
            .map(|_| ring.rotate(ServiceKey::generate(Algorithm::EdDsa).unwrap(), 2_000, 10, 20).is_ok())
            .collect();
        assert_eq!(more.iter().filter(|ok| **ok).count(), MAX_KEYS - 2, "bounded: {more:?}");
    }
}
