use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fs4::{FileExt, TryLockError};

/// How often a lock is tried that another process holds.
const INTERVAL: Duration = Duration::from_millis(20);

/// Takes a lock. Waits for the process that holds it until the timeout, or until nobody waits for this any more. Blocks.
pub(super) fn lock(path: &Path, timeout: Duration, is_abandoned: impl Fn() -> bool) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    let start = Instant::now();
    let mut is_waiting = false;
    loop {
        match FileExt::try_lock(&file) {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() || is_abandoned() {
            let message = format!(
                "another process still uses it after {timeout:?}: end that one, or use one directory per process"
            );
            return Err(io::Error::new(ErrorKind::AddrInUse, message));
        }
        if !is_waiting {
            is_waiting = true;
            tracing::info!(?timeout, path = %path.display(), "the spool of usage records is in use; waiting for its process to end");
        }
        thread::sleep(INTERVAL.min(left));
    }
}
