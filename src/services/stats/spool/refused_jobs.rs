//! What is done with refused batches, on the spool's thread.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use http::HeaderValue;

use super::disk_queue::DiskQueue;
use super::export::export;
use super::files::{Files, Outcome};
use super::page::Page;
use super::queue_files::now;
use super::refused_batch::RefusedBatch;
use super::refused_file::{RefusedEntry, RefusedFile};
use super::seal::BatchKey;
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::Lane;

impl Files {
    pub(super) fn list_refused(&self, page: Page) -> (Vec<RefusedBatch>, u128) {
        let until = page.until.unwrap_or(self.refused.last_id());
        let described = |entry: RefusedEntry| {
            let batch = self.open_refused(&entry);
            RefusedBatch::new(entry, batch.as_ref())
        };
        let entries = self.refused.entries().filter(|entry| entry.id > page.after && entry.id <= until);
        (entries.take(page.size).map(described).collect(), until)
    }

    /// Moves batches to the end of the file of those that wait, each with its own credential or another one. Returns how
    /// many records wait now, even if not all batches could be moved, or they could not be removed here.
    pub(super) fn resend_refused(&mut self, chosen: &HashMap<u128, Option<HeaderValue>>) -> Outcome<u64> {
        /// How many bytes of batches are in memory at a time.
        const CHUNK: u64 = 1024 * 1024;

        let Self { key, waiting, refused, .. } = self;
        let waiting = &mut waiting[Lane::Verified];
        let needed =
            resealed(refused, key, chosen).map(|batch| batch.map(|(_, _, sealed)| bytes_of(&sealed)));
        let has_room = needed.sum::<io::Result<u64>>().and_then(|needed| waiting.check_room(needed));
        if let Err(error) = has_room {
            return (0, Some(error));
        }
        let (mut moved, mut records, mut error) = (HashSet::new(), 0, None);
        let mut batches = resealed(refused, key, chosen);
        loop {
            let (mut ids, mut entries, mut waiting_records, mut bytes) = (vec![], vec![], 0, 0);
            while bytes < CHUNK
                && let Some(batch) = batches.next()
            {
                match batch {
                    Ok((id, records, sealed)) => {
                        bytes += bytes_of(&sealed);
                        ids.push(id);
                        waiting_records += records;
                        entries.push(sealed);
                    }
                    Err(why) => error = Some(why),
                }
            }
            if entries.is_empty() {
                break;
            }
            // Appended before the removal, so that a crash in between loses nothing.
            if let Err(why) = waiting.add(&entries) {
                error = Some(why);
                break;
            }
            moved.extend(ids);
            records += waiting_records;
        }
        drop(batches);
        let removed = refused.remove(&moved);
        (records, error.or(removed.err()))
    }

    pub(super) fn discard_refused(&mut self, chosen: &HashSet<u128>) -> io::Result<u64> {
        let is_chosen = |entry: &RefusedEntry| chosen.contains(&entry.id);
        let records = self.refused.entries().filter(is_chosen).map(|entry| entry.records()).sum();
        self.refused.remove(chosen)?;
        Ok(records)
    }

    pub(super) fn export_refused(&self, path: &Path) -> io::Result<u64> {
        let opened = |entry: RefusedEntry| self.open_refused(&entry).map(|batch| (entry, batch));
        export(path, self.refused.entries().filter_map(opened))
    }

    fn open_refused(&self, entry: &RefusedEntry) -> Option<Batch> {
        self.key.open(Lane::Verified, &entry.sealed).ok()
    }
}

/// Seals the chosen batches once more, each with its own credential or another one, as they are read: their id, their
/// number of records, and the sealed batch. Those that cannot be decrypted are left out.
fn resealed(
    refused: &RefusedFile,
    key: &BatchKey,
    chosen: &HashMap<u128, Option<HeaderValue>>,
) -> impl Iterator<Item = io::Result<(u128, u64, Vec<u8>)>> {
    refused.entries().filter_map(|entry| {
        let authorization = chosen.get(&entry.id)?;
        let mut batch = key.open(Lane::Verified, &entry.sealed).ok()?;
        if let Some(authorization) = authorization {
            batch.authorization = authorization.clone();
        }
        Some(key.seal(&batch, now()).map(|sealed| (entry.id, batch.records, sealed)))
    })
}

fn bytes_of(sealed: &Vec<u8>) -> u64 {
    DiskQueue::bytes_of(std::slice::from_ref(sealed))
}
