//! What is done with refused batches, on the spool's thread.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use http::HeaderValue;

use super::export::export;
use super::files::{Files, Outcome};
use super::queue_files::now;
use super::refused_batch::RefusedBatch;
use super::refused_file::RefusedEntry;
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::Lane;

impl Files {
    pub(super) fn list_refused(&self) -> Vec<RefusedBatch> {
        let described = |entry: RefusedEntry| {
            let batch = self.open_refused(&entry);
            RefusedBatch::new(entry, batch.as_ref())
        };
        self.refused.entries().map(described).collect()
    }

    /// Moves batches to the end of the file of those that wait, each with its own credential or another one. Returns how
    /// many records wait now, even if the batches could not be removed here.
    pub(super) fn resend_refused(&mut self, chosen: &HashMap<u128, Option<HeaderValue>>) -> Outcome<u64> {
        let (mut moved, mut entries, mut records) = (HashSet::new(), Vec::new(), 0);
        for refused in self.refused.entries() {
            let Some(authorization) = chosen.get(&refused.id) else { continue };
            let Some(mut batch) = self.open_refused(&refused) else { continue };
            if let Some(authorization) = authorization {
                batch.authorization = authorization.clone();
            }
            match self.key.seal(&batch, now()) {
                Ok(entry) => entries.push(entry),
                Err(error) => return (0, Some(error)),
            }
            records += batch.records;
            moved.insert(refused.id);
        }
        // Appended before the removal, so that a crash in between loses nothing.
        if let Err(error) = self.waiting[Lane::Verified].add_if_room(&entries) {
            return (0, Some(error));
        }
        (records, self.refused.remove(&moved).err())
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
