//! Replace a file atomically: a crash leaves the old content or the new, never a part.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Replaces the content of a file. Readable by its owner only, since it may hold secrets. Blocks on the disk.
pub(crate) fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    // A leftover of a crash, or of another program: its permissions would stay, and it might be a link.
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
