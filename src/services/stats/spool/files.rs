use std::fs::{self, File};
use std::io;
use std::path::Path;

use queue_file::QueueFile;

use super::queue_files::{failed, now, open, records};
use super::seal::{SealKey, header};
use super::waiting::WaitingFile;
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::{ByLane, Lane};
use crate::services::stats::store::Window;

/// The files of a spool. Used on a thread of its own, since disk access blocks.
pub(super) struct Files {
    key: SealKey,
    waiting: ByLane<WaitingFile>,
    /// Batches of verified users that the auth center rejected permanently or that cannot be decrypted, for inspection.
    rejected: QueueFile,
    max_rejected_bytes: u64,
    /// Held while this process uses the directory.
    _lock: File,
}

impl Files {
    /// Opens or creates the files of a directory. Returns how many records wait there.
    pub(super) fn open(directory: &Path, key: SealKey, max_bytes: u64) -> io::Result<(Self, u64)> {
        fs::create_dir_all(directory)?;
        let lock = lock(&directory.join("lock"))?;
        let verified = WaitingFile::open(directory.join("waiting.queue"), max_bytes)?;
        let unverified = WaitingFile::open(directory.join("unverified.queue"), max_bytes / 10)?;
        let rejected = open(&directory.join("refused.queue"))?;
        let records = verified.records() + unverified.records();
        let waiting = ByLane::of(verified, unverified);
        Ok((Self { key, waiting, rejected, max_rejected_bytes: max_bytes / 10, _lock: lock }, records))
    }

    /// Appends batches of a lane durably. Returns how many of its records were evicted for them.
    pub(super) fn add(&mut self, lane: Lane, batches: &[Batch]) -> io::Result<u64> {
        let entries = self.seal(batches)?;
        let waiting = &mut self.waiting[lane];
        let evicted = waiting.make_room(entries.iter().map(|entry| entry.len() as u64).sum())?;
        waiting.add(&entries)?;
        Ok(evicted)
    }

    fn seal(&self, batches: &[Batch]) -> io::Result<Vec<Vec<u8>>> {
        let written = now();
        let entries: Option<_> = batches.iter().map(|batch| self.key.seal(batch, written)).collect();
        entries.ok_or(io::Error::other("the system's random number generator failed"))
    }

    /// Reads up to `limit` of the oldest batches of a lane. They stay in the file until [`Files::finish`].
    pub(super) fn read(&mut self, lane: Lane, limit: usize) -> io::Result<Window> {
        let mut window = Window::default();
        loop {
            let Some(entries) = self.waiting[lane].oldest(limit) else {
                window.lost = self.waiting[lane].replace_damaged()?;
                return Ok(window);
            };
            let Some(oldest) = entries.first() else { return Ok(window) };
            window.age = now().saturating_sub(header(oldest).unwrap_or_default().written);
            let (mut undecryptable, mut lost) = (0, 0);
            for entry in &entries {
                match self.key.open(lane, entry) {
                    Ok(batch) => window.batches.push(batch),
                    // Entries can be removed at the front only; a later one is handled by a later read.
                    Err(_) if window.batches.is_empty() => {
                        lost += records(entry);
                        self.add_rejected(lane, entry)?;
                        undecryptable += 1;
                    }
                    Err(_) => break,
                }
            }
            window.undecryptable += lost;
            self.waiting[lane].remove(undecryptable, lost)?;
            if !window.batches.is_empty() {
                self.waiting[lane].set_reading(window.batches.iter().map(|batch| batch.records).collect());
                return Ok(window);
            }
        }
    }

    /// Removes what was read last from a lane. Keeps the rejected batches in their own file, and appends those of
    /// `requeue`. For them nothing is evicted: they take the place of what is removed.
    pub(super) fn finish(&mut self, lane: Lane, rejected: &[Batch], requeue: &[Batch]) -> io::Result<()> {
        for entry in self.seal(rejected)? {
            self.add_rejected(lane, &entry)?;
        }
        // Appended before the removal, so that a crash in between loses nothing.
        if !requeue.is_empty() {
            let entries = self.seal(requeue)?;
            self.waiting[lane].add(&entries)?;
        }
        self.waiting[lane].remove_read()
    }

    /// Keeps an entry, up to the limit; the oldest are evicted.
    fn add_rejected(&mut self, lane: Lane, entry: &[u8]) -> io::Result<()> {
        // Anybody can have those rejected, and would evict the users'.
        if lane == Lane::Unverified {
            return Ok(());
        }
        while !self.rejected.is_empty()
            && self.rejected.used_bytes() + entry.len() as u64 > self.max_rejected_bytes
        {
            self.rejected.remove().map_err(failed)?;
        }
        self.rejected.add(entry).map_err(failed)
    }
}

fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match fs4::FileExt::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(fs4::TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another process uses it"))
        }
        Err(fs4::TryLockError::Error(error)) => Err(error),
    }
}
