use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::mpsc;

use super::files::Files;
use super::seal::SealKey;
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
}

impl Spool {
    /// Opens a directory with the defaults. Creates it if it does not exist.
    ///
    /// # Errors
    /// If the directory cannot be created or written, or another process uses it.
    pub fn open(directory: impl Into<PathBuf>, client: &AuthClient) -> Result<Self, BuildError> {
        Self::builder(directory).build(client)
    }

    /// Returns a builder for a spool in this directory.
    pub fn builder(directory: impl Into<PathBuf>) -> SpoolBuilder {
        SpoolBuilder { directory: directory.into(), max_bytes: 500 * 1024 * 1024 }
    }
}

impl SpoolBuilder {
    /// Sets how many bytes of batches of verified users may wait on disk. Above, their oldest records are dropped and
    /// counted. Defaults to 500 MiB. The files may be twice as large, and batches of credentials that were denied or could
    /// not be verified and rejected batches take up to a tenth of it each in addition.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Opens the directory. Creates it if it does not exist.
    ///
    /// # Errors
    /// If the directory cannot be created or written, or another process uses it.
    pub fn build(self, client: &AuthClient) -> Result<Spool, BuildError> {
        self.build_with(client.api().app_secret())
    }

    pub(super) fn build_with(self, secret: &Secret) -> Result<Spool, BuildError> {
        let failed = |directory: &Path, error: io::Error| {
            BuildError::new(format!("cannot use {} for usage records", directory.display()))
                .with_source(error)
        };
        let (key, directory) = (SealKey::new(secret), self.directory.clone());
        let (jobs, received) = mpsc::channel(1);
        // `Files` stays on its thread, so it is opened there.
        let (opened, result) = std::sync::mpsc::sync_channel(1);
        let run = move || match Files::open(&self.directory, key, self.max_bytes) {
            Ok((files, records)) => {
                let _ = opened.send(Ok(records));
                worker::run(files, received);
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        let thread = thread::Builder::new().name("aigc-auth-spool".to_owned()).spawn(run);
        thread.map_err(|error| failed(&directory, error))?;
        let ended = |_| io::Error::other("the spool's thread has ended");
        let recovered = result
            .recv()
            .map_err(ended)
            .and_then(|opened| opened)
            .map_err(|error| failed(&directory, error))?;
        Ok(Spool::new(jobs, recovered))
    }
}
