use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use queue_file::QueueFile;

use super::seal::{SealKey, header};
use crate::services::stats::batch::Batch;
use crate::services::stats::store::Window;

/// The files of a spool. Used on a thread of its own, since disk access blocks.
pub(super) struct Files {
    key: SealKey,
    max_bytes: u64,
    waiting: QueueFile,
    /// Batches that the auth center rejected permanently or that cannot be decrypted, for inspection.
    rejected: QueueFile,
    /// The number of records in `waiting`.
    records: u64,
    /// The number of records in each batch at the front of `waiting` that was read and is being sent.
    reading: VecDeque<u64>,
    directory: PathBuf,
    /// Held while this process uses the directory.
    _lock: File,
}

impl Files {
    /// Opens or creates the files of a directory. Returns how many records wait there.
    pub(super) fn open(directory: PathBuf, key: SealKey, max_bytes: u64) -> io::Result<(Self, u64)> {
        fs::create_dir_all(&directory)?;
        let lock = lock(&directory.join("lock"))?;
        let waiting = open(&directory.join("waiting.queue"))?;
        let rejected = open(&directory.join("refused.queue"))?;
        let records = waiting.iter().map(|entry| records(&entry)).sum();
        let reading = VecDeque::new();
        Ok((Self { key, max_bytes, waiting, rejected, records, reading, directory, _lock: lock }, records))
    }

    /// Appends batches durably. Returns how many records were evicted for them.
    pub(super) fn add(&mut self, batches: &[Batch]) -> io::Result<u64> {
        let written = now();
        let entries: Option<Vec<_>> = batches.iter().map(|batch| self.key.seal(batch, written)).collect();
        let entries = entries.ok_or(io::Error::other("the system's random number generator failed"))?;
        let evicted = self.make_room(entries.iter().map(|entry| entry.len() as u64).sum())?;
        self.waiting.add_n(&entries).map_err(failed)?;
        self.records += batches.iter().map(|batch| batch.records).sum::<u64>();
        Ok(evicted)
    }

    fn make_room(&mut self, needed: u64) -> io::Result<u64> {
        let mut evicted = 0;
        while !self.waiting.is_empty() && self.waiting.used_bytes() + needed > self.max_bytes {
            let oldest = self.waiting.peek().map_err(failed)?.map_or(0, |oldest| records(&oldest));
            self.waiting.remove().map_err(failed)?;
            self.records = self.records.saturating_sub(oldest);
            // A batch that was read is not lost: it is in memory and being sent.
            if self.reading.pop_front().is_none() {
                evicted += oldest;
            }
        }
        Ok(evicted)
    }

    /// Reads up to `limit` of the oldest batches. They stay in the file until [`Files::finish`].
    pub(super) fn read(&mut self, limit: usize) -> io::Result<Window> {
        let mut window = Window::default();
        while window.batches.is_empty() && !self.waiting.is_empty() {
            let entries: Vec<_> = self.waiting.iter().take(limit).collect();
            if entries.is_empty() {
                window.lost = std::mem::take(&mut self.records);
                self.replace_damaged()?;
                return Ok(window);
            }
            let oldest = entries.first().and_then(|entry| header(entry)).unwrap_or_default();
            window.age = now().saturating_sub(oldest.written);
            let mut undecryptable = 0;
            for entry in &entries {
                match self.key.open(entry) {
                    Ok(batch) => window.batches.push(batch),
                    // Entries can be removed at the front only; a later one is handled by a later read.
                    Err(_) if window.batches.is_empty() => {
                        window.undecryptable += records(entry);
                        self.add_rejected(entry)?;
                        undecryptable += 1;
                    }
                    Err(_) => break,
                }
            }
            self.waiting.remove_n(undecryptable).map_err(failed)?;
        }
        self.records = self.records.saturating_sub(window.undecryptable);
        self.reading = window.batches.iter().map(|batch| batch.records).collect();
        Ok(window)
    }

    /// Removes what was read last. Keeps the rejected batches in their own file, and appends those of `requeue`.
    /// Returns how many records were evicted for them.
    pub(super) fn finish(&mut self, rejected: &[Batch], requeue: &[Batch]) -> io::Result<u64> {
        for batch in rejected {
            if let Some(entry) = self.key.seal(batch, now()) {
                self.add_rejected(&entry)?;
            }
        }
        // Appended before the removal, so that a crash in between loses nothing.
        let evicted = if requeue.is_empty() { 0 } else { self.add(requeue)? };
        let read = std::mem::take(&mut self.reading);
        self.waiting.remove_n(read.len()).map_err(failed)?;
        self.records = self.records.saturating_sub(read.iter().sum());
        Ok(evicted)
    }

    fn add_rejected(&mut self, entry: &[u8]) -> io::Result<()> {
        // Up to a tenth of the limit; the oldest are evicted.
        while !self.rejected.is_empty()
            && self.rejected.used_bytes() + entry.len() as u64 > self.max_bytes / 10
        {
            self.rejected.remove().map_err(failed)?;
        }
        self.rejected.add(entry).map_err(failed)
    }

    /// Replaces `waiting` by a new file, since it is damaged at its front.
    fn replace_damaged(&mut self) -> io::Result<()> {
        let path = self.directory.join("waiting.queue");
        set_aside(&path)?;
        self.waiting = open(&path)?;
        Ok(())
    }
}

/// Opens a queue. The readable entries of a damaged one are copied to a new file.
///
/// Removed entries are overwritten, as is queue-file's default. Without that, version 2.0.0 appends at the wrong
/// position right after it has moved entries to make room, since it tracks the file's cursor incorrectly.
fn open(path: &Path) -> io::Result<QueueFile> {
    match QueueFile::open(path) {
        Ok(file) if file.iter().count() == file.size() => Ok(file),
        Ok(damaged) => repair(&damaged, path),
        Err(error) if path.exists() => {
            tracing::error!(%error, "cannot open a spool of usage records");
            set_aside(path)?;
            QueueFile::open(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Replaces a damaged queue by a new one with its readable entries.
fn repair(damaged: &QueueFile, path: &Path) -> io::Result<QueueFile> {
    set_aside(path)?;
    let mut repaired = QueueFile::open(path).map_err(failed)?;
    repaired.set_sync_writes(false);
    for entry in damaged {
        repaired.add(&entry).map_err(failed)?;
    }
    repaired.sync_all().map_err(failed)?;
    repaired.set_sync_writes(true);
    Ok(repaired)
}

/// Renames a damaged file, to keep it for inspection.
fn set_aside(path: &Path) -> io::Result<()> {
    let kept = path.with_extension(format!("damaged-{}", now()));
    fs::rename(path, &kept)?;
    tracing::error!(kept = %kept.display(), "a spool of usage records is damaged and was renamed");
    Ok(())
}

/// Returns how many records an entry has; 0 if it is malformed.
fn records(entry: &[u8]) -> u64 {
    header(entry).map_or(0, |header| header.records)
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

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn failed(error: queue_file::Error) -> io::Error {
    io::Error::other(error)
}
