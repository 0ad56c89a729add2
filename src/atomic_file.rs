//! Files that a crash leaves whole: the old one or the new one, never half of each.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Puts this text in the place of the file's. Only its owner may read it, for it may hold secrets. Waits for the disk, so
/// call it where that is allowed.
pub(crate) fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    // What a crash has left, or somebody else: its permissions would stay, and it might be a link.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut new = options.open(&beside)?;
    new.write_all(text)?;
    new.sync_data()?;
    fs::rename(&beside, file)
}
