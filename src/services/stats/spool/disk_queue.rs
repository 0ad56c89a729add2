use std::fs;
use std::io;
use std::path::PathBuf;

use queue_file::QueueFile;

use super::cleared::{EMPTY_LEN, commit_length, open_cleared};
use super::queue_files::{self, failed, set_aside};

/// A queue of entries in a file. What fails leaves it as it was, in memory as on disk.
pub(super) struct DiskQueue {
    path: PathBuf,
    file: QueueFile,
}

impl DiskQueue {
    /// Opens or creates a queue. A damaged one is set aside, and its readable entries are copied to a new one.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = queue_files::open(&path)?;
        Ok(Self { path, file })
    }

    pub(super) fn len(&self) -> usize {
        self.file.size()
    }

    /// Returns how many bytes its entries take.
    pub(super) fn used_bytes(&self) -> u64 {
        self.file.used_bytes().saturating_sub(EMPTY_LEN as u64)
    }

    /// Returns how many bytes these entries would take.
    pub(super) fn bytes_of(entries: &[Vec<u8>]) -> u64 {
        /// What is before and behind an entry.
        const OVERHEAD: u64 = 44;
        entries.iter().map(|entry| entry.len() as u64 + OVERHEAD).sum()
    }

    /// Returns the readable entries, the oldest first; it ends at one that is damaged.
    pub(super) fn entries(&self) -> impl Iterator<Item = Vec<u8>> {
        self.file.iter()
    }

    /// Appends entries durably: all of them, or none.
    pub(super) fn add(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        let expected = self.len() + entries.len();
        let added = match self.check_room() {
            Ok(()) => self.file.add_n(entries).map_err(failed),
            Err(error) => Err(error),
        };
        added.or_else(|error| self.reload(error, expected))
    }

    /// Removes so many entries at the front.
    pub(super) fn remove(&mut self, entries: usize) -> io::Result<()> {
        let (expected, length) = (self.len().saturating_sub(entries), self.file.file_len());
        let removed = self.file.remove_n(entries).and_then(|()| {
            if self.file.file_len() < length { commit_length(&mut self.file) } else { Ok(()) }
        });
        removed.or_else(|error| self.reload(failed(error), expected))
    }

    /// Removes the entries that are not to be kept: in the file if they are at its front, else by a copy in its place.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        let kept: Vec<bool> = self.entries().map(|entry| is_kept(&entry)).collect();
        let front = kept.iter().take_while(|is_kept| !**is_kept).count();
        if kept.iter().skip(front).all(|is_kept| *is_kept) {
            return self.remove(front);
        }
        let beside = self.path.with_extension("new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let copied = queue_files::copy(self.entries().filter(|entry| is_kept(entry)), &beside);
        let copy = copied.and_then(|copy| fs::rename(&beside, &self.path).map(|()| copy));
        // What could not be finished takes no room on a full disk.
        let copy = copy.inspect_err(|_| drop(fs::remove_file(&beside)))?;
        self.file = copy;
        Ok(())
    }

    /// Replaces a queue that cannot be read by a new one.
    pub(super) fn replace(&mut self) -> io::Result<()> {
        set_aside(&self.path)?;
        self.file = queue_files::open(&self.path)?;
        Ok(())
    }

    /// Reads the state from the file again after a failed change. Without that, queue-file would append after entries that
    /// it has only begun to move, or keep those that it has not written. `Ok` if the file has as many entries as expected:
    /// the change was written, and what failed came after it.
    fn reload(&mut self, error: io::Error, expected: usize) -> io::Result<()> {
        match queue_files::read(&self.path).or_else(|error| open_cleared(&self.path).ok_or(error)) {
            Ok(file) => self.file = file,
            Err(reload) => {
                tracing::error!(error = %reload, path = %self.path.display(), "cannot read a spool again after an error");
            }
        }
        if self.len() == expected { Ok(()) } else { Err(error) }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps)]
    fn check_room(&self) -> io::Result<()> {
        Ok(())
    }

    /// Tests that cannot mount a small disk say by a file that there is no room.
    #[cfg(test)]
    fn check_room(&self) -> io::Result<()> {
        match self.path.with_file_name("disk-is-full").exists() {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Directory;
    use super::*;

    fn path(directory: &Directory) -> PathBuf {
        std::fs::create_dir_all(&directory.0).unwrap();
        directory.0.join("queue")
    }

    fn content(queue: &DiskQueue) -> Vec<Vec<u8>> {
        queue.entries().collect()
    }

    fn kept(directory: &Directory) -> Vec<Vec<u8>> {
        let files = fs::read_dir(&directory.0).unwrap().map(|file| file.unwrap().path());
        let kept = files.filter(|path| path.to_string_lossy().contains("damaged-"));
        let mut kept: Vec<_> = kept.map(|path| fs::read(path).unwrap()).collect();
        kept.sort();
        kept
    }

    /// A process that is restarted at once by its supervisor.
    #[test]
    fn files_damaged_within_a_second_are_all_kept() {
        let directory = Directory::new();
        let path = path(&directory);
        let damaged = [b"first".to_vec(), b"second".to_vec(), b"third".to_vec()];
        for file in &damaged {
            fs::write(&path, file).unwrap();
            assert_eq!(DiskQueue::open(path.clone()).unwrap().len(), 0);
        }
        assert_eq!(kept(&directory), damaged);
    }

    /// By its first bytes it is an empty queue of queue-file's version 1, which that would convert.
    #[test]
    fn file_without_headers_is_kept_as_it_was() {
        let directory = Directory::new();
        let path = path(&directory);
        let mut queue = DiskQueue::open(path.clone()).unwrap();
        queue.add(&[vec![7; 10], vec![8; 10_000]]).unwrap();
        drop(queue);
        let mut damaged = fs::read(&path).unwrap();
        damaged[..EMPTY_LEN].fill(0);
        damaged[2] = 32;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(DiskQueue::open(path.clone()).unwrap().len(), 0);
        assert_eq!(kept(&directory), [damaged]);
    }

    #[test]
    fn bytes_of_entries_are_those_that_they_take() {
        let directory = Directory::new();
        let mut queue = DiskQueue::open(path(&directory)).unwrap();
        assert_eq!(queue.used_bytes(), 0);
        let entries = [vec![7; 10], vec![], vec![8; 10_000]];
        queue.add(&entries).unwrap();
        assert_eq!(queue.used_bytes(), DiskQueue::bytes_of(&entries));
        queue.remove(3).unwrap();
        assert_eq!(queue.used_bytes(), 0);
    }

    /// The process ends after the file was truncated, and before its header was written again.
    #[test]
    fn queue_cleared_by_a_process_that_ended_is_not_damaged() {
        for length in [10, 10_000, 100_000, 3_000_000] {
            let directory = Directory::new();
            let path = path(&directory);
            let mut queue = QueueFile::open(&path).unwrap();
            queue.add(&vec![7; length]).unwrap();
            queue.clear().unwrap();
            drop(queue);

            let mut queue = DiskQueue::open(path.clone()).unwrap();
            assert_eq!((queue.len(), directory.files()), (0, vec!["queue".to_owned()]), "{length}");
            queue.add(&[b"next".to_vec()]).unwrap();
            drop(queue);
            assert_eq!(content(&DiskQueue::open(path.clone()).unwrap()), [b"next"]);
            assert_eq!(std::fs::metadata(&path).unwrap().len(), 16 * 1024, "it has shrunk");
        }
    }

    #[test]
    fn retained_entries_keep_their_order() {
        for kept in ["abc", "bc", "ab", "b", "ac", ""] {
            let directory = Directory::new();
            let path = path(&directory);
            let mut queue = DiskQueue::open(path.clone()).unwrap();
            queue.add(&["a", "b", "c"].map(|entry| entry.as_bytes().to_vec())).unwrap();
            queue.retain(|entry| kept.as_bytes().contains(&entry[0])).unwrap();
            queue.add(&[b"d".to_vec()]).unwrap();
            let expected = format!("{kept}d").into_bytes();
            assert_eq!(content(&queue).concat(), expected);
            drop(queue);
            assert_eq!(content(&DiskQueue::open(path).unwrap()).concat(), expected);
            assert_eq!(directory.files(), ["queue"]);
        }
    }

    /// As long as an emptied queue, and yet damaged: it is set aside as it was.
    #[test]
    fn truncated_queue_with_entries_is_set_aside_unchanged() {
        for garbage in [false, true] {
            let directory = Directory::new();
            let path = path(&directory);
            let mut queue = QueueFile::open(&path).unwrap();
            queue.add_n([vec![7; 10_000], vec![8; 10_000]]).unwrap();
            drop(queue);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.truncate(8 * 1024);
            if garbage {
                bytes.fill(b'x');
            }
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(DiskQueue::open(path).unwrap().len(), 0);
            let files = directory.files();
            let kept = files.iter().find(|name| name.contains("damaged")).unwrap();
            assert_eq!(std::fs::read(directory.0.join(kept)).unwrap(), bytes);
        }
    }

    #[test]
    fn failed_change_leaves_queue_as_it_was() {
        let directory = Directory::new();
        let mut queue = DiskQueue::open(path(&directory)).unwrap();
        queue.add(&[b"a".to_vec(), b"b".to_vec()]).unwrap();
        let full = directory.0.join("disk-is-full");
        std::fs::write(&full, "").unwrap();
        let error = queue.add(&[b"c".to_vec()]).unwrap_err();
        assert_eq!(
            (error.kind(), content(&queue)),
            (io::ErrorKind::StorageFull, vec![b"a".to_vec(), b"b".to_vec()])
        );
        queue.remove(1).unwrap();
        std::fs::remove_file(full).unwrap();
        queue.add(&[b"d".to_vec()]).unwrap();
        assert_eq!(content(&queue), [b"b", b"d"]);
    }

    #[test]
    fn unreadable_path_is_an_error_and_no_damage() {
        let directory = Directory::new();
        let path = path(&directory);
        std::fs::create_dir(&path).unwrap();
        assert!(DiskQueue::open(path).is_err());
        assert_eq!(directory.files(), ["queue"]);
    }
}
