//! Open queue files, and repair those that a crash has damaged.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use queue_file::QueueFile;

use super::cleared::open_cleared;
use super::seal::header;

/// Opens a queue. The readable entries of a damaged one are copied to a new file.
///
/// Removed entries are overwritten, as is queue-file's default. Without that, version 2.0.0 appends at the wrong
/// position right after it has moved entries to make room, since it tracks the file's cursor incorrectly.
pub(super) fn open(path: &Path) -> io::Result<QueueFile> {
    match QueueFile::open(path) {
        Ok(file) if file.iter().count() == file.size() => Ok(file),
        Ok(damaged) => repair(&damaged, path),
        // A disk without room or a file of somebody else is no damage.
        Err(queue_file::Error::Io { source }) if source.kind() != io::ErrorKind::UnexpectedEof => Err(source),
        Err(error) => match open_cleared(path) {
            Some(file) => Ok(file),
            None => {
                tracing::error!(%error, "cannot open a spool of usage records");
                set_aside(path)?;
                QueueFile::open(path).map_err(failed)
            }
        },
    }
}

/// Replaces a damaged queue by a new one with its readable entries.
fn repair(damaged: &QueueFile, path: &Path) -> io::Result<QueueFile> {
    set_aside(path)?;
    copy(damaged.iter(), path)
}

/// Writes entries to a new queue, durably.
pub(super) fn copy(entries: impl Iterator<Item = Vec<u8>>, path: &Path) -> io::Result<QueueFile> {
    let mut copy = QueueFile::open(path).map_err(failed)?;
    copy.set_sync_writes(false);
    for entry in entries {
        copy.add(&entry).map_err(failed)?;
    }
    copy.sync_all().map_err(failed)?;
    copy.set_sync_writes(true);
    Ok(copy)
}

/// Renames a damaged file, to keep it for inspection.
pub(super) fn set_aside(path: &Path) -> io::Result<()> {
    let kept = path.with_extension(format!("damaged-{}", now()));
    fs::rename(path, &kept)?;
    tracing::error!(kept = %kept.display(), "a spool of usage records is damaged and was renamed");
    Ok(())
}

/// Returns how many records an entry has; 0 if it is malformed.
pub(super) fn records(entry: &[u8]) -> u64 {
    header(entry).map_or(0, |header| header.records)
}

/// Returns the time in seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

pub(super) fn failed(error: queue_file::Error) -> io::Error {
    match error {
        queue_file::Error::Io { source } => source,
        error => io::Error::other(error),
    }
}
