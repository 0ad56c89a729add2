use std::io;

use bytes::Bytes;
use http::HeaderValue;

use crate::services::stats::batch::{Batch, Position};
use crate::services::stats::lane::Lane;
use crate::types::secret::Secret;
use crate::types::user::{UserId, UserInfo};
use crate::util::seal::SealKey;

/// The length of the header: version, time in seconds since 1970, number of records. The sealed batch follows, bound to it.
const HEADER_LEN: usize = 1 + 8 + 8;
const VERSION: u8 = 1;

/// Encrypts batches for the disk under the app's secret, since they contain tokens of users.
pub(super) struct BatchKey(SealKey);

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

impl BatchKey {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(SealKey::new(secret, "aigc-auth stats spool 1"))
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
        let mut plain = Vec::with_capacity(batch.body.len() + 512);
        let user = batch.user.as_ref().map(|user| (user.id(), user.username()));
        let user = serde_json::to_vec(&user).ok()?;
        for part in [batch.idempotency_key.as_bytes(), batch.authorization.as_bytes(), &user, &batch.body] {
            plain.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
            plain.extend_from_slice(part);
        }
        let mut sealed = self.0.seal(&entry, &plain)?;
        entry.append(&mut sealed);
        Some(entry)
    }

    /// Decrypts a batch of a lane. Its position is to be set by the reader.
    pub(super) fn open(&self, lane: Lane, entry: &[u8]) -> Result<Batch, OpenError> {
        let Header { records, .. } = header(entry).ok_or(OpenError)?;
        let (header, sealed) = entry.split_at_checked(HEADER_LEN).ok_or(OpenError)?;
        let opened = self.0.open(header, sealed).ok_or(OpenError)?;
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
        let key = BatchKey::new(&"secret".into());
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
        assert!(BatchKey::new(&"secret".into()).open(Lane::Verified, &entry).is_ok(), "after a restart");
        assert!(BatchKey::new(&"another".into()).open(Lane::Verified, &entry).is_err());
    }

    /// Sealed by version 0.1.0 before the key became one of several.
    #[test]
    fn entry_of_an_earlier_version_opens() {
        let entry = "01000000006b021460000000000000000302ca181d53ae0885dc145b134977d54da7c56abc64b30e2a6e642a6fd99cd2fc\
                     66f8d9e529425456c01533ee3e040ca42759938882b5723949a4be4b0a0bfd3d63341b61f4b861cb687868c823458f41ee\
                     fdbd38";
        let entry: Vec<u8> = (0..entry.len() / 2)
            .map(|at| u8::from_str_radix(&entry[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let opened = BatchKey::new(&"secret".into()).open(Lane::Verified, &entry).unwrap();
        assert_eq!((&*opened.body, opened.records), (&*batch().body, 3));
    }

    #[test]
    fn damaged_entry_does_not_open() {
        let key = BatchKey::new(&"secret".into());
        let entry = key.seal(&batch(), 1).unwrap();
        for at in 0..entry.len() {
            let mut damaged = entry.clone();
            damaged[at] ^= 1;
            assert!(key.open(Lane::Verified, &damaged).is_err(), "byte {at}");
            assert!(key.open(Lane::Verified, &entry[..at]).is_err(), "cut at {at}");
        }
    }
}
