use std::io;

use bytes::Bytes;
use http::HeaderValue;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};

use crate::services::stats::batch::{Batch, Position};
use crate::services::stats::lane::Lane;
use crate::types::secret::Secret;
use crate::types::user::{UserId, UserInfo};

/// The length of the header: version, time in seconds since 1970, number of records. The nonce and the ciphertext
/// follow; the tag authenticates the header too.
const HEADER_LEN: usize = 1 + 8 + 8;
const VERSION: u8 = 1;

/// Encrypts batches for the disk under the app's secret, since they contain tokens of users.
pub(super) struct SealKey {
    key: LessSafeKey,
    random: SystemRandom,
}

/// The part of an entry that is not encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// The time of writing, in seconds since 1970.
    pub(super) written: u64,
    pub(super) records: u64,
}

/// The entry was sealed under another secret, or is damaged.
#[derive(Debug)]
pub(super) struct OpenError;

impl SealKey {
    pub(super) fn new(secret: &Secret) -> Self {
        let prk = Salt::new(HKDF_SHA256, b"aigc-auth stats spool 1").extract(secret.expose().as_bytes());
        let key = prk
            .expand(&[b"aes-256-gcm"], &AES_256_GCM)
            .map(UnboundKey::from)
            .unwrap_or_else(|_| unreachable!("HKDF can expand a key of 32 bytes"));
        Self { key: LessSafeKey::new(key), random: SystemRandom::new() }
    }

    /// Encrypts a batch. Fails if the system's random number generator does.
    pub(super) fn seal(&self, batch: &Batch, written: u64) -> io::Result<Vec<u8>> {
        self.try_seal(batch, written)
            .ok_or_else(|| io::Error::other("the system's random number generator failed"))
    }

    fn try_seal(&self, batch: &Batch, written: u64) -> Option<Vec<u8>> {
        let mut entry = vec![VERSION];
        entry.extend_from_slice(&written.to_be_bytes());
        entry.extend_from_slice(&batch.records.to_be_bytes());
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let mut sealed = Vec::with_capacity(batch.body.len() + 512);
        let user = batch.user.as_ref().map(|user| (user.id(), user.username()));
        let user = serde_json::to_vec(&user).ok()?;
        for part in [batch.idempotency_key.as_bytes(), batch.authorization.as_bytes(), &user, &batch.body] {
            sealed.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
            sealed.extend_from_slice(part);
        }
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce_of, Aad::from(&entry), &mut sealed).ok()?;
        entry.extend_from_slice(&nonce);
        entry.append(&mut sealed);
        Some(entry)
    }

    /// Decrypts a batch of a lane. Its position is to be set by the reader.
    pub(super) fn open(&self, lane: Lane, entry: &[u8]) -> Result<Batch, OpenError> {
        let Header { records, .. } = header(entry).ok_or(OpenError)?;
        let (header, rest) = entry.split_at_checked(HEADER_LEN).ok_or(OpenError)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(OpenError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
        let mut sealed = sealed.to_vec();
        let opened = self.key.open_in_place(nonce, Aad::from(header), &mut sealed).map_err(|_| OpenError)?;
        let mut rest = &*opened;
        let mut part = || {
            let (length, after) = rest.split_first_chunk().ok_or(OpenError)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| OpenError)?;
            let (part, after) = after.split_at_checked(length).ok_or(OpenError)?;
            rest = after;
            Ok(part)
        };
        let (key, authorization, user, body) = (part()?, part()?, part()?, part()?);
        let user: Option<(UserId, String)> = serde_json::from_slice(user).map_err(|_| OpenError)?;
        let mut authorization = HeaderValue::from_bytes(authorization).map_err(|_| OpenError)?;
        authorization.set_sensitive(true);
        Ok(Batch {
            idempotency_key: String::from_utf8(key.to_vec()).map_err(|_| OpenError)?,
            lane,
            position: Position::whole(0),
            authorization,
            user: user.map(|(id, username)| UserInfo::builder(id, username).build()),
            body: Bytes::copy_from_slice(body),
            records,
            attempts: 0,
            spooled: true,
        })
    }
}

/// Reads the header of an entry. `None` if it is malformed.
pub(super) fn header(entry: &[u8]) -> Option<Header> {
    let (version, rest) = entry.split_first()?;
    let (written, rest) = rest.split_first_chunk()?;
    let (records, _) = rest.split_first_chunk()?;
    (*version == VERSION)
        .then(|| Header { written: u64::from_be_bytes(*written), records: u64::from_be_bytes(*records) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch {
            idempotency_key: "key".to_owned(),
            lane: Lane::Verified,
            position: Position::whole(7),
            authorization: HeaderValue::from_static("Bearer hunter2"),
            user: Some(UserInfo::builder(7, "alice").build()),
            body: Bytes::from_static(b"{\"stats\":[]}"),
            records: 3,
            attempts: 2,
            spooled: false,
        }
    }

    #[test]
    fn sealed_batch_opens_under_same_secret_only() {
        let key = SealKey::new(&"secret".into());
        let entry = key.seal(&batch(), 1_795_298_400).unwrap();
        assert_eq!(header(&entry), Some(Header { written: 1_795_298_400, records: 3 }));
        assert!(!entry.windows(7).any(|part| part == b"hunter2" || part == b"\"stats\""));
        assert_ne!(entry, key.seal(&batch(), 1_795_298_400).unwrap(), "each entry has a nonce of its own");

        let opened = key.open(Lane::Verified, &entry).unwrap();
        assert_eq!((opened.idempotency_key.as_str(), opened.records, opened.spooled), ("key", 3, true));
        let user = opened.user.unwrap();
        assert_eq!((user.id(), user.username()), (&UserId::Int(7), "alice"));
        assert_eq!(
            (opened.authorization.as_bytes(), &*opened.body),
            (&b"Bearer hunter2"[..], &*batch().body)
        );
        assert!(SealKey::new(&"secret".into()).open(Lane::Verified, &entry).is_ok(), "after a restart");
        assert!(SealKey::new(&"another".into()).open(Lane::Verified, &entry).is_err());
    }

    #[test]
    fn damaged_entry_does_not_open() {
        let key = SealKey::new(&"secret".into());
        let entry = key.seal(&batch(), 1).unwrap();
        for at in 0..entry.len() {
            let mut damaged = entry.clone();
            damaged[at] ^= 1;
            assert!(key.open(Lane::Verified, &damaged).is_err(), "byte {at}");
            assert!(key.open(Lane::Verified, &entry[..at]).is_err(), "cut at {at}");
        }
    }
}
