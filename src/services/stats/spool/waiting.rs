use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use super::disk_queue::DiskQueue;
use super::queue_files::records;
use crate::services::stats::batch::Batch;

/// The file of a lane: its batches in order of age. Used on a thread of its own, since disk access blocks.
pub(super) struct WaitingFile {
    queue: DiskQueue,
    max_bytes: u64,
    /// The number of records in the file, without those that are settled.
    records: u64,
    /// How many entries at the front are settled and could not be removed yet. They are not read again.
    settled: usize,
    /// The batches behind them that were read and are being sent.
    reading: VecDeque<Reading>,
}

/// A batch that was read and is being sent.
pub(super) struct Reading {
    idempotency_key: String,
    records: u64,
}

impl Reading {
    pub(super) fn of(batch: &Batch) -> Self {
        Self { idempotency_key: batch.idempotency_key.clone(), records: batch.records }
    }

    /// Returns whether a batch is this one, or a part of it.
    fn includes(&self, batch: &Batch) -> bool {
        let rest = batch.idempotency_key.strip_prefix(&self.idempotency_key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl WaitingFile {
    /// Opens or creates a file for so many bytes.
    pub(super) fn open(path: PathBuf, max_bytes: u64) -> io::Result<Self> {
        let queue = DiskQueue::open(path)?;
        let records = queue.entries().map(|entry| records(&entry)).sum();
        Ok(Self { queue, max_bytes, records, settled: 0, reading: VecDeque::new() })
    }

    /// Returns the number of records in the file.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Returns how many bytes its batches take.
    pub(super) fn used_bytes(&self) -> u64 {
        self.queue.used_bytes()
    }

    /// Returns how many of the oldest of these entries have no room, not even in an empty file.
    pub(super) fn excess(&self, entries: &[Vec<u8>]) -> usize {
        let mut needed = DiskQueue::bytes_of(entries);
        let has_no_room = |oldest: &&Vec<u8>| {
            let is_over = needed > self.max_bytes;
            needed -= DiskQueue::bytes_of(std::slice::from_ref(oldest));
            is_over
        };
        entries.iter().take_while(has_no_room).count()
    }

    /// Removes the oldest entries until there is room for these. Adds the number of evicted records to `evicted`, also if it
    /// fails.
    pub(super) fn make_room(&mut self, entries: &[Vec<u8>], evicted: &mut u64) -> io::Result<()> {
        let needed = DiskQueue::bytes_of(entries);
        while self.queue.len() > 0 && self.queue.used_bytes() + needed > self.max_bytes {
            let oldest = self.queue.entries().next().map_or(0, |oldest| records(&oldest));
            self.queue.remove(1)?;
            if self.settled > 0 {
                self.settled -= 1;
                continue;
            }
            self.records = self.records.saturating_sub(oldest);
            // A batch that was read is not lost: it is in memory and being sent.
            if self.reading.pop_front().is_none() {
                *evicted += oldest;
            }
        }
        Ok(())
    }

    /// Appends entries durably.
    pub(super) fn add(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        self.queue.add(entries)?;
        self.records += entries.iter().map(|entry| records(entry)).sum::<u64>();
        Ok(())
    }

    /// # Errors
    /// If something would have to be evicted for so many bytes of entries.
    pub(super) fn check_room(&self, needed: u64) -> io::Result<()> {
        let room = self.max_bytes.saturating_sub(self.queue.used_bytes());
        if needed > room {
            let message = format!(
                "{needed} bytes to send again, and room for {room} more that wait: send fewer at a time"
            );
            return Err(io::Error::new(io::ErrorKind::StorageFull, message));
        }
        Ok(())
    }

    /// Returns up to `limit` of the oldest entries. `None` if there should be some, and none can be read.
    pub(super) fn oldest(&self, limit: usize) -> Option<Vec<Vec<u8>>> {
        let entries: Vec<_> = self.queue.entries().skip(self.settled).take(limit).collect();
        (self.queue.len() <= self.settled || !entries.is_empty()).then_some(entries)
    }

    /// Removes so many entries at the front, with so many records. If that fails, they are not read again all the same.
    pub(super) fn settle(&mut self, entries: usize, records: u64) -> io::Result<()> {
        self.records = self.records.saturating_sub(records);
        self.settled += entries;
        self.queue.remove(self.settled)?;
        self.settled = 0;
        Ok(())
    }

    /// Sets what was read from the front.
    pub(super) fn set_reading(&mut self, reading: VecDeque<Reading>) {
        self.reading = reading;
    }

    /// Removes what was read.
    pub(super) fn settle_read(&mut self) -> io::Result<()> {
        let read = std::mem::take(&mut self.reading);
        self.settle(read.len(), read.iter().map(|batch| batch.records).sum())
    }

    /// Removes what was read, up to the first of the batches that are `left`. Returns whether what remains of it is just
    /// these, in their order.
    pub(super) fn settle_read_before(&mut self, left: &[Batch]) -> io::Result<bool> {
        let is_left = |read: &Reading| left.iter().any(|batch| read.includes(batch));
        let settled = self.reading.iter().take_while(|read| !is_left(read)).count();
        let records = self.reading.drain(..settled).map(|batch| batch.records).sum();
        let is_rest = self
            .reading
            .iter()
            .map(|read| &read.idempotency_key)
            .eq(left.iter().map(|batch| &batch.idempotency_key));
        self.settle(settled, records)?;
        Ok(is_rest)
    }

    /// Forgets what was read: it stays in the file. Returns those of the batches that are `left` that are not in there.
    pub(super) fn leave_read(&mut self, mut left: Vec<Batch>) -> Vec<Batch> {
        let read = std::mem::take(&mut self.reading);
        left.retain(|batch| !read.iter().any(|read| read.includes(batch)));
        left
    }

    /// Replaces the file by a new one, since it is damaged at its front. Returns how many records are lost.
    pub(super) fn replace_damaged(&mut self) -> io::Result<u64> {
        self.queue.replace()?;
        self.settled = 0;
        Ok(std::mem::take(&mut self.records))
    }
}
