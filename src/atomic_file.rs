//! Files that a crash leaves whole: the old one or the new one, never half of each.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Puts this text in the place of the file's, off the async threads. Only its owner may read it: it may hold secrets.
pub(crate) async fn replace(file: PathBuf, text: Vec<u8>) -> io::Result<()> {
    tokio::task::spawn_blocking(move || replace_now(&file, &text)).await.map_err(io::Error::other)?
}

fn replace_now(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
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
