use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::files::Files;
use super::lock::lock;
use super::seal::BatchKey;
use super::spool::Spool;
use super::worker;
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::verifiers::client::AuthClient;

/// Builds a [`Spool`]; made by [`Spool::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SpoolBuilder {
    directory: PathBuf,
    max_bytes: u64,
    lock_timeout: Duration,
}

impl Spool {
    /// Opens a directory with the defaults. Creates it if it does not exist. Waits up to 10 s for another process that uses
    /// it.
    ///
    /// # Errors
    /// If the directory cannot be created or written, or another process uses it for longer.
    pub async fn open(directory: impl Into<PathBuf>, client: &AuthClient) -> Result<Self, BuildError> {
        Self::builder(directory).build(client).await
    }

    /// Returns a builder for a spool in this directory.
    pub fn builder(directory: impl Into<PathBuf>) -> SpoolBuilder {
        SpoolBuilder {
            directory: directory.into(),
            max_bytes: 500 * 1024 * 1024,
            lock_timeout: Duration::from_secs(10),
        }
    }
}

impl SpoolBuilder {
    /// Sets how many bytes of batches of verified users may wait on disk. Above, their oldest records are dropped and
    /// counted. Defaults to 500 MiB. Rejected batches take what these leave of it, and up to a tenth in addition; those of
    /// credentials that were denied or could not be verified take up to a tenth in addition. The files may be twice as large.
    /// Of records that come at once and are more than that together, the oldest are kept in memory only, as on a full disk.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets how long to wait for another process that uses the directory: one that is about to end, or a collector of this
    /// process that was shut down just now. Defaults to 10 s.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Opens the directory. Creates it if it does not exist. Waits for another process that uses it.
    ///
    /// # Errors
    /// If the directory cannot be created or written, or another process uses it for longer than the
    /// [`lock_timeout`](SpoolBuilder::lock_timeout).
    pub async fn build(self, client: &AuthClient) -> Result<Spool, BuildError> {
        self.build_with(client.api().app_secret()).await
    }

    pub(super) async fn build_with(self, secret: &Secret) -> Result<Spool, BuildError> {
        let failed = |directory: &Path, error: io::Error| {
            BuildError::new(format!("cannot use {} for usage records", directory.display()))
                .with_source(error)
        };
        let (key, directory) = (BatchKey::new(secret), self.directory.clone());
        let (jobs, received) = mpsc::channel(1);
        let (opened, result) = oneshot::channel();
        // `Files` stays on its thread, so it is opened there.
        let run = move || match self.open(key, || opened.is_closed()) {
            Ok((files, records)) => {
                let _ = opened.send(Ok(records));
                worker::run(files, received);
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        let thread = thread::Builder::new().name("aigc-auth-spool".to_owned()).spawn(run);
        thread.map_err(|error| failed(&directory, error))?;
        let opened = result.await.unwrap_or_else(|_| Err(worker::ended()));
        Ok(Spool::new(jobs, opened.map_err(|error| failed(&directory, error))?))
    }

    /// Waits for the lock, unless nobody waits for this any more. Blocks.
    fn open(&self, key: BatchKey, is_abandoned: impl Fn() -> bool) -> io::Result<(Files, u64)> {
        fs::create_dir_all(&self.directory)?;
        let lock = lock(&self.directory.join("lock"), self.lock_timeout, is_abandoned)?;
        Files::open(&self.directory, lock, key, self.max_bytes)
    }
}
