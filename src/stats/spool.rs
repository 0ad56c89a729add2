//! Records that outlive the process.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::store::{Store, Window};
use crate::client::AuthClient;
use crate::clock::Clock;
use crate::error::BuildError;
use crate::secret::Secret;
use crate::throttle::Throttle;

mod file;
mod seal;

use file::Files;
use seal::Seal;

/// A directory in which usage records survive crashes and long outages of the auth center, for
/// [`StatsBuilder::spool`](super::StatsBuilder::spool).
///
/// Records are on disk, by `fsync`, before they are sent, 5 s after they were made at the latest
/// ([`StatsBuilder::flush_every`](super::StatsBuilder::flush_every)). They are sealed by AES-256-GCM under the app's secret,
/// since they hold tokens: after a change of the secret, those that wait can no longer be read, and are kept with those
/// that the auth center refused, in `refused.queue`. A crash between sending and forgetting sends a batch again, under the
/// same `Idempotency-Key`.
///
/// One process at a time uses a directory.
///
/// ```no_run
/// use aigc_auth::AuthClient;
/// use aigc_auth::stats::{Spool, StatsCollector};
///
/// # fn example(client: AuthClient) -> Result<(), aigc_auth::BuildError> {
/// let spool = Spool::open("/var/lib/my-app/stats", &client)?;
/// let stats = StatsCollector::builder().spool(spool).start(&client);
/// # Ok(()) }
/// ```
pub struct Spool {
    errands: mpsc::Sender<Errand>,
    records: u64,
    warnings: Throttle,
}

/// What the files' thread is to do.
enum Errand {
    Add(Vec<Batch>, oneshot::Sender<Result<u64, Refusal>>),
    Read(usize, oneshot::Sender<io::Result<Window>>),
    Finish(Vec<Batch>, Vec<Batch>, oneshot::Sender<io::Result<u64>>),
}

/// What could not be written, and why.
type Refusal = (Vec<Batch>, io::Error);

impl Spool {
    /// Opens a directory with the defaults, and makes it if it is not there.
    ///
    /// # Errors
    /// If the directory cannot be made or written, or another process uses it.
    pub fn open(directory: impl Into<PathBuf>, client: &AuthClient) -> Result<Self, BuildError> {
        Self::builder(directory).open(client)
    }

    /// Starts a spool that is set up first.
    pub fn builder(directory: impl Into<PathBuf>) -> SpoolBuilder {
        SpoolBuilder { directory: directory.into(), most_bytes: 500 * 1024 * 1024 }
    }

    /// How many records an earlier process has left.
    pub fn recovered(&self) -> u64 {
        self.records
    }

    async fn run<T>(&self, errand: Errand, answer: oneshot::Receiver<T>) -> Result<T, io::Error> {
        let gone = || io::Error::other("the spool's thread has ended");
        self.errands.send(errand).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    fn warn(&self, error: &io::Error) {
        if self.warnings.is_due() {
            tracing::error!(%error, "the spool of usage records fails; records are kept in memory only");
        }
    }
}

impl Store for Spool {
    async fn add(&mut self, batches: Vec<Batch>) -> Result<u64, Vec<Batch>> {
        let kept = batches.clone();
        let (done, answer) = oneshot::channel();
        match self.run(Errand::Add(batches, done), answer).await {
            Ok(Ok(lost)) => Ok(lost),
            Ok(Err((batches, error))) => {
                self.warn(&error);
                Err(batches)
            }
            Err(error) => {
                self.warn(&error);
                Err(kept)
            }
        }
    }

    async fn read(&mut self, batches: usize) -> Window {
        let (done, answer) = oneshot::channel();
        let read = self.run(Errand::Read(batches, done), answer).await;
        read.and_then(|read| read).inspect_err(|error| self.warn(error)).unwrap_or_default()
    }

    async fn finish(&mut self, refused: Vec<Batch>, back: Vec<Batch>) -> u64 {
        let (done, answer) = oneshot::channel();
        let finished = self.run(Errand::Finish(refused, back, done), answer).await;
        finished.and_then(|finished| finished).inspect_err(|error| self.warn(error)).unwrap_or_default()
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("recovered", &self.records).finish_non_exhaustive()
    }
}

/// Builds a [`Spool`]; made by [`Spool::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SpoolBuilder {
    directory: PathBuf,
    most_bytes: u64,
}

impl SpoolBuilder {
    /// Sets how many bytes may wait on disk; beyond, the oldest records are dropped and counted. Defaults to 500 MiB. The
    /// files may be twice as large, and those that the auth center refused have a tenth of it beside them.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Opens the directory, and makes it if it is not there.
    ///
    /// # Errors
    /// If the directory cannot be made or written, or another process uses it.
    pub fn open(self, client: &AuthClient) -> Result<Spool, BuildError> {
        self.open_with(client.transport().app_secret())
    }

    pub(super) fn open_with(self, secret: &Secret) -> Result<Spool, BuildError> {
        let failed = |directory: &Path, error: io::Error| {
            BuildError::new(format!("cannot use {} for usage records", directory.display()))
                .with_source(error)
        };
        let (seal, directory) = (Seal::new(secret), self.directory.clone());
        let (errands, received) = mpsc::channel(1);
        // The files stay on their thread, and so are opened there.
        let (opened, answer) = std::sync::mpsc::sync_channel(1);
        let run = move || match Files::open(self.directory, seal, self.most_bytes) {
            Ok((files, records)) => {
                let _ = opened.send(Ok(records));
                work(files, received);
            }
            Err(error) => drop(opened.send(Err(error))),
        };
        let thread = thread::Builder::new().name("aigc-auth-spool".to_owned()).spawn(run);
        thread.map_err(|error| failed(&directory, error))?;
        let ended = |_| io::Error::other("the spool's thread has ended");
        let records = answer
            .recv()
            .map_err(ended)
            .and_then(|opened| opened)
            .map_err(|error| failed(&directory, error))?;
        let warnings = Throttle::new(Clock::default(), Duration::from_secs(60));
        Ok(Spool { errands, records, warnings })
    }
}

/// Ends when the spool is dropped.
fn work(mut files: Files, mut errands: mpsc::Receiver<Errand>) {
    // Nobody waits for the answer any more where sending it fails.
    while let Some(errand) = errands.blocking_recv() {
        match errand {
            Errand::Add(batches, done) => {
                let added = files.add(&batches).map_err(|error| (batches, error));
                let _ = done.send(added);
            }
            Errand::Read(batches, done) => drop(done.send(files.read(batches))),
            Errand::Finish(refused, back, done) => drop(done.send(files.finish(&refused, &back))),
        }
    }
}

#[cfg(test)]
mod tests;
