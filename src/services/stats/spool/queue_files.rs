//! Open queue files, and repair those that a crash has damaged.

use std::fs;
use std::io::{self, Read, Seek};
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
    match read(path) {
        Ok(file) if file.iter().count() == file.size() => Ok(file),
        Ok(damaged) => repair(&damaged, path),
        // A disk without room or a file of somebody else is no damage.
        Err(queue_file::Error::Io { source })
            if !matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) =>
        {
            Err(source)
        }
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

/// Opens a queue as it is, or creates it.
///
/// What has lost the start of both headers, queue-file takes for a file of its version 1, and replaces it by what it reads of
/// that: nothing, and what was in it is gone.
pub(super) fn read(path: &Path) -> Result<QueueFile, queue_file::Error> {
    match has_header(path) {
        Ok(false) => {
            let source =
                io::Error::new(io::ErrorKind::InvalidData, "expected a queue, found no header of one");
            Err(queue_file::Error::Io { source })
        }
        // What cannot be read here cannot be read there, either.
        Ok(true) | Err(_) => QueueFile::open(path),
    }
}

fn has_header(path: &Path) -> io::Result<bool> {
    const HEADERS: [u64; 2] = [0, 4 * 1024];
    const NAME: [u8; 4] = *b"QFMH";

    let mut file = fs::File::open(path)?;
    for at in HEADERS {
        let mut name = [0; NAME.len()];
        file.seek(io::SeekFrom::Start(at))?;
        match file.read_exact(&mut name) {
            Ok(()) if name == NAME => return Ok(true),
            Ok(()) => {}
            // Too short for one.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
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
    let now = now();
    let mut kept = path.with_extension(format!("damaged-{now}"));
    let mut others = 0;
    // One of the same second would be replaced. The directory is locked, so nobody makes one meanwhile.
    while kept.symlink_metadata().is_ok() {
        others += 1;
        kept = path.with_extension(format!("damaged-{now}-{others}"));
    }
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
