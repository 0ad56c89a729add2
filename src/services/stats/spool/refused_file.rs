use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::disk_queue::DiskQueue;
use super::queue_files::records;
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// The file of batches that were refused: by the auth center, or by the seal.
pub(super) struct RefusedFile {
    queue: DiskQueue,
    /// The largest id that an entry has or had.
    last_id: u128,
    warn_throttle: LogThrottle,
}

/// A refused batch, with what is known without the app secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefusedEntry {
    /// Set when it is added: larger than those of the entries before it, and in part random, so that no other entry ever has
    /// it.
    pub(super) id: u128,
    /// The time of the refusal, in seconds since 1970.
    pub(super) refused: u64,
    /// The auth center's code; `None` if the auth center did not refuse it.
    pub(super) code: Option<u16>,
    pub(super) reason: String,
    /// The batch as it was sealed.
    pub(super) sealed: Vec<u8>,
}

impl RefusedEntry {
    const VERSION: u8 = 1;

    pub(super) fn new(refused: u64, code: Option<u16>, reason: impl Into<String>, sealed: Vec<u8>) -> Self {
        Self { id: 0, refused, code, reason: reason.into(), sealed }
    }

    fn encode(&self) -> Vec<u8> {
        let mut entry = vec![Self::VERSION];
        entry.extend_from_slice(&self.id.to_be_bytes());
        entry.extend_from_slice(&self.refused.to_be_bytes());
        entry.extend_from_slice(&self.code.unwrap_or(0).to_be_bytes());
        entry.extend_from_slice(&u32::try_from(self.reason.len()).unwrap_or(0).to_be_bytes());
        entry.extend_from_slice(self.reason.as_bytes());
        entry.extend_from_slice(&self.sealed);
        entry
    }

    /// `None` if it is malformed.
    fn decode(entry: &[u8]) -> Option<Self> {
        let (version, rest) = entry.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (refused, rest) = rest.split_first_chunk()?;
        let (code, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (reason, sealed) = rest.split_at_checked(length)?;
        (*version == Self::VERSION).then_some(())?;
        Some(Self {
            id: u128::from_be_bytes(*id),
            refused: u64::from_be_bytes(*refused),
            code: Some(u16::from_be_bytes(*code)).filter(|code| *code != 0),
            reason: String::from_utf8(reason.to_vec()).ok()?,
            sealed: sealed.to_vec(),
        })
    }

    pub(super) fn records(&self) -> u64 {
        records(&self.sealed)
    }
}

impl RefusedFile {
    /// Opens or creates a file.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let warn_throttle = LogThrottle::new(Clock::default(), Duration::from_secs(60));
        let mut file = Self { queue: DiskQueue::open(path)?, last_id: 0, warn_throttle };
        file.last_id = file.entries().map(|entry| entry.id).max().unwrap_or_default();
        Ok(file)
    }

    /// The largest id that an entry has or had.
    pub(super) fn last_id(&self) -> u128 {
        self.last_id
    }

    /// Returns an id that is larger than all before, also if the clock was set back.
    fn next_id(&mut self) -> u128 {
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let time = nanoseconds.max((self.last_id >> 64) + 1);
        self.last_id = time << 64 | u128::from(fastrand::u64(..));
        self.last_id
    }

    /// Adds entries; the oldest are evicted, so that the file has no more than so many bytes, for which no entry may be too
    /// large. Returns how many records could
    /// not be added, and why.
    pub(super) fn add(&mut self, mut refused: Vec<RefusedEntry>, max_bytes: u64) -> (u64, Option<io::Error>) {
        refused.iter_mut().for_each(|entry| entry.id = self.next_id());
        let entries: Vec<_> = refused.iter().map(RefusedEntry::encode).collect();
        if self.add_all(&entries, max_bytes).is_ok() {
            return (0, None);
        }
        // As many as there is room for.
        let (mut unkept, mut error) = (0, None);
        for (entry, refused) in entries.into_iter().zip(refused) {
            if let Err(why) = self.add_all(&[entry], max_bytes) {
                unkept += refused.records();
                error = Some(why);
            }
        }
        (unkept, error)
    }

    fn add_all(&mut self, entries: &[Vec<u8>], max_bytes: u64) -> io::Result<()> {
        let needed = DiskQueue::bytes_of(entries);
        let Some(others) = max_bytes.checked_sub(needed) else {
            let message = format!("{needed} bytes of refused records, and room for {max_bytes} at the most");
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        };
        self.trim(others)?;
        self.queue.add(entries)
    }

    /// Evicts the oldest entries, until the file has no more than so many bytes.
    pub(super) fn trim(&mut self, max_bytes: u64) -> io::Result<()> {
        let mut evicted = 0;
        while self.queue.len() > 0 && self.queue.used_bytes() > max_bytes {
            let oldest = self.queue.entries().next().and_then(|entry| RefusedEntry::decode(&entry));
            self.queue.remove(1)?;
            evicted += oldest.map_or(0, |oldest| oldest.records());
        }
        if evicted > 0 && self.warn_throttle.is_due() {
            tracing::warn!(evicted, "refused usage records dropped: the spool is full");
        }
        Ok(())
    }

    /// Removes the entries with these ids.
    pub(super) fn remove(&mut self, ids: &HashSet<u128>) -> io::Result<()> {
        let is_kept = |entry: &[u8]| RefusedEntry::decode(entry).is_none_or(|entry| !ids.contains(&entry.id));
        self.queue.retain(is_kept)
    }

    /// Returns the readable entries, the oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = RefusedEntry> {
        self.queue.entries().filter_map(|entry| RefusedEntry::decode(&entry))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Directory;
    use super::*;

    #[test]
    fn file_is_never_larger_than_it_may_be() {
        let directory = Directory::new();
        std::fs::create_dir_all(&directory.0).unwrap();
        let mut file = RefusedFile::open(directory.0.join("refused.queue")).unwrap();
        let entry = |length| RefusedEntry::new(1, Some(401), "", vec![7; length]);
        let kept = |file: &RefusedFile| file.entries().map(|entry| entry.sealed.len()).collect::<Vec<_>>();
        file.add(vec![entry(1_000), entry(1_001)], 10_000);
        let (_, error) = file.add(vec![entry(20_000), entry(1_002)], 10_000);
        assert_eq!(error.unwrap().kind(), io::ErrorKind::StorageFull);
        assert_eq!(kept(&file), [1_000, 1_001, 1_002], "one that is too large evicts nobody");
        file.add(vec![entry(8_000)], 10_000);
        assert_eq!(kept(&file), [1_002, 8_000]);
    }

    #[test]
    fn entry_decodes_as_it_was() {
        for code in [Some(401), None] {
            let entry = RefusedEntry::new(1_795_298_400, code, "未登录", vec![1, 2, 3]);
            let encoded = entry.encode();
            assert_eq!(RefusedEntry::decode(&encoded).as_ref(), Some(&entry));
            for length in 0..encoded.len() - entry.sealed.len() {
                assert_eq!(RefusedEntry::decode(&encoded[..length]), None, "{length}");
            }
        }
    }
}
