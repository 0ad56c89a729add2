//! Work around what [`QueueFile::clear`] leaves: `findings/queue-file-clear-leaves-old-length.sh`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use queue_file::QueueFile;

/// The length of a queue that was emptied: room for two headers, and none for entries.
pub(super) const EMPTY_LEN: usize = 8 * 1024;

/// Writes the header of an empty queue once more. [`QueueFile::clear`] writes it before it truncates the file, with the old
/// length; such a file counts as truncated when it is opened.
pub(super) fn commit_length(queue: &mut QueueFile) -> Result<(), queue_file::Error> {
    queue.set_skip_write_header_on_add(true);
    let committed = queue.sync_all();
    queue.set_skip_write_header_on_add(false);
    committed
}

/// Opens an empty queue whose header was not written again: the process ended in between. `None` if that is not what the
/// file is.
pub(super) fn open_cleared(path: &Path) -> Option<QueueFile> {
    const HEADERS: [usize; 2] = [0, 4 * 1024];
    /// What a header begins with: its name, the version, flags. The file's length follows.
    const MAGIC: [u8; 8] = *b"QFMH\x02\0\0\0";

    let mut file = File::options().read(true).write(true).open(path).ok()?;
    if file.metadata().ok()?.len() != EMPTY_LEN as u64 {
        return None;
    }
    let mut bytes = [0; EMPTY_LEN];
    file.read_exact(&mut bytes).ok()?;
    let length_at = |at: usize| {
        let length = bytes[at..].strip_prefix(&MAGIC)?.first_chunk()?;
        Some(u64::from_be_bytes(*length))
    };
    let length = HEADERS.into_iter().filter_map(length_at).max()?;
    // Takes no room: what is not written is a hole.
    file.set_len(length).ok()?;
    match QueueFile::open(path) {
        Ok(mut queue) if queue.is_empty() => {
            queue.clear().and_then(|()| commit_length(&mut queue)).ok()?;
            Some(queue)
        }
        _ => {
            file.set_len(EMPTY_LEN as u64).ok()?;
            None
        }
    }
}
