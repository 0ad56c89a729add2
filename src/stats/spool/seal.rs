//! Batches as they lie on disk: sealed under the app's secret, for they hold their users' tokens.

use bytes::Bytes;
use http::HeaderValue;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};

use crate::secret::Secret;
use crate::stats::batch::Batch;

/// Version, time in seconds since 1970, records, nonce; then what is sealed, which vouches for the first three too.
const HEAD: usize = 1 + 8 + 8;
const VERSION: u8 = 1;

pub(super) struct Seal {
    key: LessSafeKey,
    random: SystemRandom,
}

/// What can be told of an entry without opening it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// When it was written, in seconds since 1970.
    pub(super) written: u64,
    pub(super) records: u64,
}

/// It was sealed under another secret, or is damaged.
#[derive(Debug)]
pub(super) struct Unsealable;

impl Seal {
    pub(super) fn new(secret: &Secret) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"aigc-auth stats spool 1").extract(secret.expose().as_bytes());
        let key = prk
            .expand(&[b"aes-256-gcm"], &AES_256_GCM)
            .map(UnboundKey::from)
            .unwrap_or_else(|_| unreachable!("one key is not too much to expand"));
        Self { key: LessSafeKey::new(key), random: SystemRandom::new() }
    }

    /// `None` if the system has no random numbers.
    pub(super) fn close(&self, batch: &Batch, written: u64) -> Option<Vec<u8>> {
        let mut entry = vec![VERSION];
        entry.extend_from_slice(&written.to_be_bytes());
        entry.extend_from_slice(&batch.records.to_be_bytes());
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = Vec::with_capacity(batch.body.len() + 512);
        for part in [batch.key.as_bytes(), batch.authorization.as_bytes(), &batch.body] {
            sealed.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
            sealed.extend_from_slice(part);
        }
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce_of, Aad::from(&entry), &mut sealed).ok()?;
        entry.extend_from_slice(&nonce);
        entry.append(&mut sealed);
        Some(entry)
    }

    /// The batch, which has no number here.
    pub(super) fn open(&self, entry: &[u8]) -> Result<Batch, Unsealable> {
        let Head { records, .. } = head(entry).ok_or(Unsealable)?;
        let (head, rest) = entry.split_at_checked(HEAD).ok_or(Unsealable)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(Unsealable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unsealable)?;
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(head), &mut sealed).map_err(|_| Unsealable)?;
        let mut rest = &*opened;
        let mut part = || {
            let (length, after) = rest.split_first_chunk().ok_or(Unsealable)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Unsealable)?;
            let (part, after) = after.split_at_checked(length).ok_or(Unsealable)?;
            rest = after;
            Ok(part)
        };
        let (key, authorization, body) = (part()?, part()?, part()?);
        let mut authorization = HeaderValue::from_bytes(authorization).map_err(|_| Unsealable)?;
        authorization.set_sensitive(true);
        Ok(Batch {
            key: String::from_utf8(key.to_vec()).map_err(|_| Unsealable)?,
            number: 0,
            authorization,
            body: Bytes::copy_from_slice(body),
            records,
            attempts: 0,
            spooled: true,
        })
    }
}

/// `None` if it is no entry.
pub(super) fn head(entry: &[u8]) -> Option<Head> {
    let (version, rest) = entry.split_first()?;
    let (written, rest) = rest.split_first_chunk()?;
    let (records, _) = rest.split_first_chunk()?;
    (*version == VERSION)
        .then(|| Head { written: u64::from_be_bytes(*written), records: u64::from_be_bytes(*records) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch {
            key: "key".to_owned(),
            number: 7,
            authorization: HeaderValue::from_static("Bearer hunter2"),
            body: Bytes::from_static(b"{\"stats\":[]}"),
            records: 3,
            attempts: 2,
            spooled: false,
        }
    }

    #[test]
    fn what_was_sealed_opens_under_the_same_secret_only() {
        let seal = Seal::new(&"secret".into());
        let entry = seal.close(&batch(), 1_795_298_400).unwrap();
        assert_eq!(head(&entry), Some(Head { written: 1_795_298_400, records: 3 }));
        assert!(!entry.windows(7).any(|part| part == b"hunter2" || part == b"\"stats\""));
        assert_ne!(entry, seal.close(&batch(), 1_795_298_400).unwrap(), "each has a nonce of its own");

        let opened = seal.open(&entry).unwrap();
        assert_eq!((opened.key.as_str(), opened.records, opened.spooled), ("key", 3, true));
        assert_eq!(
            (opened.authorization.as_bytes(), &*opened.body),
            (&b"Bearer hunter2"[..], &*batch().body)
        );
        assert!(Seal::new(&"secret".into()).open(&entry).is_ok(), "after a restart");
        assert!(Seal::new(&"another".into()).open(&entry).is_err());
    }

    #[test]
    fn a_damaged_entry_does_not_open() {
        let seal = Seal::new(&"secret".into());
        let entry = seal.close(&batch(), 1).unwrap();
        for at in 0..entry.len() {
            let mut damaged = entry.clone();
            damaged[at] ^= 1;
            assert!(seal.open(&damaged).is_err(), "byte {at}");
            assert!(seal.open(&entry[..at]).is_err(), "cut at {at}");
        }
    }
}
