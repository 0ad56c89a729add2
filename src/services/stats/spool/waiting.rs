use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use queue_file::QueueFile;

use super::queue_files::{failed, open, records, set_aside};

/// The file of a lane: its batches in order of age. Used on a thread of its own, since disk access blocks.
pub(super) struct WaitingFile {
    path: PathBuf,
    file: QueueFile,
    max_bytes: u64,
    /// The number of records in the file.
    records: u64,
    /// The number of records in each batch at the front that was read and is being sent.
    reading: VecDeque<u64>,
}

impl WaitingFile {
    /// Opens or creates a file for so many bytes.
    pub(super) fn open(path: PathBuf, max_bytes: u64) -> io::Result<Self> {
        let file = open(&path)?;
        let records = file.iter().map(|entry| records(&entry)).sum();
        Ok(Self { path, file, max_bytes, records, reading: VecDeque::new() })
    }

    /// Returns the number of records in the file.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Removes the oldest entries until there is room for so many bytes. Returns how many records were evicted.
    pub(super) fn make_room(&mut self, needed: u64) -> io::Result<u64> {
        let mut evicted = 0;
        while !self.file.is_empty() && self.file.used_bytes() + needed > self.max_bytes {
            let oldest = self.file.peek().map_err(failed)?.map_or(0, |oldest| records(&oldest));
            self.file.remove().map_err(failed)?;
            self.records = self.records.saturating_sub(oldest);
            // A batch that was read is not lost: it is in memory and being sent.
            if self.reading.pop_front().is_none() {
                evicted += oldest;
            }
        }
        Ok(evicted)
    }

    /// Appends entries durably.
    pub(super) fn add(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        self.file.add_n(entries).map_err(failed)?;
        self.records += entries.iter().map(|entry| records(entry)).sum::<u64>();
        Ok(())
    }

    /// Returns up to `limit` of the oldest entries. `None` if there should be some, and none can be read.
    pub(super) fn oldest(&self, limit: usize) -> Option<Vec<Vec<u8>>> {
        let entries: Vec<_> = self.file.iter().take(limit).collect();
        (self.file.is_empty() || !entries.is_empty()).then_some(entries)
    }

    /// Removes so many entries at the front, with so many records.
    pub(super) fn remove(&mut self, entries: usize, records: u64) -> io::Result<()> {
        self.file.remove_n(entries).map_err(failed)?;
        self.records = self.records.saturating_sub(records);
        Ok(())
    }

    /// Sets what was read from the front, as the number of records in each batch.
    pub(super) fn set_reading(&mut self, reading: VecDeque<u64>) {
        self.reading = reading;
    }

    /// Removes what was read.
    pub(super) fn remove_read(&mut self) -> io::Result<()> {
        let read = std::mem::take(&mut self.reading);
        self.remove(read.len(), read.iter().sum())
    }

    /// Replaces the file by a new one, since it is damaged at its front. Returns how many records are lost.
    pub(super) fn replace_damaged(&mut self) -> io::Result<u64> {
        set_aside(&self.path)?;
        self.file = open(&self.path)?;
        Ok(std::mem::take(&mut self.records))
    }
}
