use std::fs::File;
use std::io;
use std::path::Path;

use super::queue_files::{now, records};
use super::refused_file::{RefusedEntry, RefusedFile};
use super::seal::{BatchKey, header};
use super::waiting::{Reading, WaitingFile};
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::{ByLane, Lane};
use crate::services::stats::store::{Added, Finished, Refused, Window};

/// The files of a spool. Used on a thread of its own, since disk access blocks.
pub(super) struct Files {
    pub(super) key: BatchKey,
    pub(super) waiting: ByLane<WaitingFile>,
    /// Batches of verified users that the auth center rejected permanently or that cannot be decrypted, for people.
    pub(super) refused: RefusedFile,
    max_bytes: u64,
    /// Held while this process uses the directory.
    _lock: File,
}

/// An outcome, and the error because of which it is not all that was wanted.
pub(super) type Outcome<T> = (T, Option<io::Error>);

impl Files {
    /// Opens or creates the files of a directory that is locked. Returns how many records wait there.
    pub(super) fn open(
        directory: &Path,
        lock: File,
        key: BatchKey,
        max_bytes: u64,
    ) -> io::Result<(Self, u64)> {
        let verified = WaitingFile::open(directory.join("waiting.queue"), max_bytes)?;
        let unverified = WaitingFile::open(directory.join("unverified.queue"), max_bytes / 10)?;
        let refused = RefusedFile::open(directory.join("refused.queue"))?;
        let records = verified.records() + unverified.records();
        let waiting = ByLane::of(verified, unverified);
        Ok((Self { key, waiting, refused, max_bytes, _lock: lock }, records))
    }

    /// Appends batches of a lane durably. Returns those that were not: all of them if it failed, and the oldest of users' if they
    /// have no room together. The oldest of the others are evicted then.
    pub(super) fn add(&mut self, lane: Lane, mut batches: Vec<Batch>) -> Outcome<Added> {
        let mut evicted = 0;
        let added = self.seal(&batches).and_then(|mut entries| {
            let waiting = &mut self.waiting[lane];
            let excess = waiting.excess(&entries);
            entries.drain(..excess);
            waiting.make_room(&entries, &mut evicted)?;
            waiting.add(&entries)?;
            Ok(excess)
        });
        // If that fails, the next batch tries it again.
        let _ = self.refused.trim(self.refused_bytes());
        match added {
            Ok(0) => (Added { evicted, rest: Vec::new() }, None),
            Ok(excess) => {
                batches.truncate(excess);
                // Anybody can make so many of these, and memory is for users'.
                if lane == Lane::Unverified {
                    evicted += batches.iter().map(|batch| batch.records).sum::<u64>();
                    return (Added { evicted, rest: Vec::new() }, None);
                }
                let message = "more at once than it may have (SpoolBuilder::max_bytes)";
                let error = io::Error::new(io::ErrorKind::StorageFull, message);
                (Added { evicted, rest: batches }, Some(error))
            }
            Err(error) => (Added { evicted, rest: batches }, Some(error)),
        }
    }

    /// Appends batches durably: all of them, or none. Nothing is evicted for them.
    fn append(&mut self, lane: Lane, batches: &[Batch]) -> io::Result<()> {
        let entries = self.seal(batches)?;
        self.waiting[lane].add(&entries)?;
        let _ = self.refused.trim(self.refused_bytes());
        Ok(())
    }

    fn seal(&self, batches: &[Batch]) -> io::Result<Vec<Vec<u8>>> {
        let written = now();
        batches.iter().map(|batch| self.key.seal(batch, written)).collect()
    }

    /// Returns how many bytes the refused batches may take: what those that wait leave, since they come from there, and a
    /// tenth in addition. An outage in which all tokens end, or an app secret that is wrong for a while, evicts none of them.
    fn refused_bytes(&self) -> u64 {
        let room = self.max_bytes.saturating_sub(self.waiting[Lane::Verified].used_bytes());
        room.saturating_add(self.max_bytes / 10)
    }

    /// Reads up to `limit` of the oldest batches of a lane. They stay in the file until [`Files::finish`].
    pub(super) fn read(&mut self, lane: Lane, limit: usize) -> Outcome<Window> {
        let (mut window, mut error) = (Window::default(), None);
        loop {
            let Some(entries) = self.waiting[lane].oldest(limit) else {
                match self.waiting[lane].replace_damaged() {
                    Ok(lost) => window.lost += lost,
                    Err(why) => error = Some(why),
                }
                break;
            };
            let Some(oldest) = entries.first() else { break };
            window.age = now().saturating_sub(header(oldest).unwrap_or_default().written);
            let mut undecryptable = Vec::new();
            for entry in entries {
                match self.key.open(lane, &entry) {
                    Ok(batch) => window.batches.push(batch),
                    // Entries can be removed at the front only; a later one is handled by a later read.
                    Err(_) if window.batches.is_empty() => undecryptable.push(entry),
                    Err(_) => break,
                }
            }
            if !undecryptable.is_empty() {
                let (entries, count) =
                    (undecryptable.len(), undecryptable.iter().map(|entry| records(entry)).sum());
                let (unkept, why) = self.set_undecryptable_aside(lane, undecryptable);
                window.undecryptable += count;
                window.unkept += unkept;
                error = self.waiting[lane].settle(entries, count).err().or(why).or(error);
            }
            if !window.batches.is_empty() {
                self.waiting[lane].set_reading(window.batches.iter().map(Reading::of).collect());
                break;
            }
        }
        window.failed = error.is_some();
        (window, error)
    }

    fn set_undecryptable_aside(&mut self, lane: Lane, entries: Vec<Vec<u8>>) -> Outcome<u64> {
        const REASON: &str = "sealed under another app secret, or damaged";
        let refused = now();
        let described = |entry| RefusedEntry::new(refused, None, REASON, entry);
        let entries: Vec<_> = entries.into_iter().map(described).collect();
        self.keep(lane, entries)
    }

    /// Removes what was read last from a lane. Keeps the refused batches in their own file, and appends those of
    /// `requeue`. For them nothing is evicted: they take the place of what is removed.
    pub(super) fn finish(
        &mut self,
        lane: Lane,
        refused: Vec<Refused>,
        requeue: Vec<Batch>,
    ) -> Outcome<Finished> {
        let (unkept, mut error) = self.set_refused_aside(lane, refused);
        // Appended before the removal, so that a crash in between loses nothing.
        if !requeue.is_empty()
            && let Err(error) = self.append(lane, &requeue)
        {
            return (Finished { unkept, rest: requeue, failed: true }, Some(error));
        }
        error = self.waiting[lane].settle_read().err().or(error);
        (Finished { unkept, rest: Vec::new(), failed: error.is_some() }, error)
    }

    /// As [`Files::finish`], for the last time: the batches that are `left` keep their places if they can.
    pub(super) fn release(
        &mut self,
        lane: Lane,
        refused: Vec<Refused>,
        left: Vec<Batch>,
    ) -> Outcome<Finished> {
        let (unkept, mut error) = self.set_refused_aside(lane, refused);
        // What is removed at the front makes room on a full disk, too.
        let settled = self.waiting[lane].settle_read_before(&left).and_then(|is_rest| {
            if is_rest {
                return Ok(true);
            }
            self.append(lane, &left).map(|()| false)
        });
        let rest = match settled {
            Ok(true) => self.waiting[lane].leave_read(left),
            Ok(false) => {
                error = self.waiting[lane].settle_read().err().or(error);
                Vec::new()
            }
            Err(why) => {
                error = Some(why);
                self.waiting[lane].leave_read(left)
            }
        };
        (Finished { unkept, rest, failed: error.is_some() }, error)
    }

    /// Keeps refused batches for people. Returns how many records could not be kept.
    pub(super) fn set_refused_aside(&mut self, lane: Lane, refused: Vec<Refused>) -> Outcome<u64> {
        let (now, mut entries) = (now(), Vec::with_capacity(refused.len()));
        let (mut unkept, mut error) = (0, None);
        for Refused { batch, code, reason } in refused {
            match self.key.seal(&batch, now) {
                Ok(sealed) => entries.push(RefusedEntry::new(now, Some(code), reason, sealed)),
                Err(why) => {
                    unkept += batch.records;
                    error = Some(why);
                }
            }
        }
        let (more, why) = self.keep(lane, entries);
        (unkept + more, why.or(error))
    }

    fn keep(&mut self, lane: Lane, entries: Vec<RefusedEntry>) -> Outcome<u64> {
        // Anybody can have the others refused, and would evict the users'.
        if lane == Lane::Unverified || entries.is_empty() {
            return (0, None);
        }
        self.refused.add(entries, self.refused_bytes())
    }
}
