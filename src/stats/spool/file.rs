//! The files of a spool, on a thread of their own: disks make nobody else wait.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use queue_file::QueueFile;

use super::seal::{Seal, head};
use crate::stats::batch::Batch;
use crate::stats::store::Window;

pub(super) struct Files {
    seal: Seal,
    most_bytes: u64,
    waiting: QueueFile,
    /// What the auth center refused for good, and what cannot be opened: for people to look at.
    refused: QueueFile,
    /// The records of all that wait.
    records: u64,
    /// The records of those in front that were read and are being sent.
    reading: VecDeque<u64>,
    directory: PathBuf,
    /// Held as long as this process uses the directory.
    _lock: File,
}

impl Files {
    /// Opens the files of a directory, or makes them. Returns how many records wait there.
    pub(super) fn open(directory: PathBuf, seal: Seal, most_bytes: u64) -> io::Result<(Self, u64)> {
        fs::create_dir_all(&directory)?;
        let lock = lock(&directory.join("lock"))?;
        let waiting = open(&directory.join("waiting.queue"))?;
        let refused = open(&directory.join("refused.queue"))?;
        let records = waiting.iter().map(|entry| records(&entry)).sum();
        let reading = VecDeque::new();
        Ok((Self { seal, most_bytes, waiting, refused, records, reading, directory, _lock: lock }, records))
    }

    /// Writes batches down, and has them on disk when it returns. Returns how many records had to go for them.
    pub(super) fn add(&mut self, batches: &[Batch]) -> io::Result<u64> {
        let written = now();
        let entries: Option<Vec<_>> = batches.iter().map(|batch| self.seal.close(batch, written)).collect();
        let entries = entries.ok_or(io::Error::other("the system has no random numbers"))?;
        let lost = self.make_room(entries.iter().map(|entry| entry.len() as u64).sum())?;
        self.waiting.add_n(&entries).map_err(failed)?;
        self.records += batches.iter().map(|batch| batch.records).sum::<u64>();
        Ok(lost)
    }

    fn make_room(&mut self, needed: u64) -> io::Result<u64> {
        let mut lost = 0;
        while !self.waiting.is_empty() && self.waiting.used_bytes() + needed > self.most_bytes {
            let oldest = self.waiting.peek().map_err(failed)?.map_or(0, |oldest| records(&oldest));
            self.waiting.remove().map_err(failed)?;
            self.records = self.records.saturating_sub(oldest);
            // What was read is in memory, on its way.
            if self.reading.pop_front().is_none() {
                lost += oldest;
            }
        }
        Ok(lost)
    }

    /// The oldest batches. They stay where they are until [`Files::finish`].
    pub(super) fn read(&mut self, batches: usize) -> io::Result<Window> {
        let mut window = Window::default();
        while window.batches.is_empty() && !self.waiting.is_empty() {
            let entries: Vec<_> = self.waiting.iter().take(batches).collect();
            if entries.is_empty() {
                window.lost = std::mem::take(&mut self.records);
                self.set_aside()?;
                return Ok(window);
            }
            let oldest = entries.first().and_then(|entry| head(entry)).unwrap_or_default();
            window.age = now().saturating_sub(oldest.written);
            let mut unsealable = 0;
            for entry in &entries {
                match self.seal.open(entry) {
                    Ok(batch) => window.batches.push(batch),
                    // Only those in front can be removed: the others' turn comes.
                    Err(_) if window.batches.is_empty() => {
                        window.unsealable += records(entry);
                        self.refuse(entry)?;
                        unsealable += 1;
                    }
                    Err(_) => break,
                }
            }
            self.waiting.remove_n(unsealable).map_err(failed)?;
        }
        self.records = self.records.saturating_sub(window.unsealable);
        self.reading = window.batches.iter().map(|batch| batch.records).collect();
        Ok(window)
    }

    /// Removes what was read last, but keeps those that the auth center refused, and puts others to the end. Returns how
    /// many records had to go for them.
    pub(super) fn finish(&mut self, refused: &[Batch], back: &[Batch]) -> io::Result<u64> {
        for batch in refused {
            if let Some(entry) = self.seal.close(batch, now()) {
                self.refuse(&entry)?;
            }
        }
        // First, lest a crash in between lose them.
        let lost = if back.is_empty() { 0 } else { self.add(back)? };
        let read = std::mem::take(&mut self.reading);
        self.waiting.remove_n(read.len()).map_err(failed)?;
        self.records = self.records.saturating_sub(read.iter().sum());
        Ok(lost)
    }

    fn refuse(&mut self, entry: &[u8]) -> io::Result<()> {
        // A tenth of the room; the oldest go first.
        while !self.refused.is_empty()
            && self.refused.used_bytes() + entry.len() as u64 > self.most_bytes / 10
        {
            self.refused.remove().map_err(failed)?;
        }
        self.refused.add(entry).map_err(failed)
    }

    /// The file is damaged where it is to be read.
    fn set_aside(&mut self) -> io::Result<()> {
        let path = self.directory.join("waiting.queue");
        set_aside(&path)?;
        self.waiting = open(&path)?;
        Ok(())
    }
}

/// Opens a queue. Of a damaged one, what can be read is taken over into a new one.
///
/// What is removed is overwritten, as is queue-file's default: without that, version 2.0.0 appends in the wrong place
/// right after it has moved entries to make room, since it then takes the file's cursor to be where it is not.
fn open(path: &Path) -> io::Result<QueueFile> {
    match QueueFile::open(path) {
        Ok(file) if file.iter().count() == file.size() => Ok(file),
        Ok(damaged) => repaired(&damaged, path),
        Err(error) if path.exists() => {
            tracing::error!(%error, "a spool of usage records cannot be opened");
            set_aside(path)?;
            QueueFile::open(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// A new queue in the place of a damaged one, with what can be read of it.
fn repaired(damaged: &QueueFile, path: &Path) -> io::Result<QueueFile> {
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

/// Keeps a damaged file for people.
fn set_aside(path: &Path) -> io::Result<()> {
    let kept = path.with_extension(format!("damaged-{}", now()));
    fs::rename(path, &kept)?;
    tracing::error!(kept = %kept.display(), "a spool of usage records is damaged, and set aside");
    Ok(())
}

/// How many records an entry has; none if it is no entry.
fn records(entry: &[u8]) -> u64 {
    head(entry).map_or(0, |head| head.records)
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
