use std::fmt;
use std::io;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::worker::Job;
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::Lane;
use crate::services::stats::store::{Store, Window};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Stores usage records in a directory, where they survive crashes and long outages of the auth center. For
/// [`StatsCollectorBuilder::spool`](crate::stats::StatsCollectorBuilder::spool).
///
/// Records are on disk, by `fsync`, before they are sent, 5 s after they were made at the latest
/// ([`StatsCollectorBuilder::flush_interval`](crate::stats::StatsCollectorBuilder::flush_interval)). Since they contain tokens, they are
/// encrypted with AES-256-GCM under the app's secret. After a change of the secret, waiting records can no longer be
/// decrypted; they are kept in `refused.queue` with the batches of verified users that the auth center rejected. A crash
/// between sending a batch and removing it from disk sends the batch again, with the same `Idempotency-Key`.
///
/// One process at a time can use a directory.
///
/// ```no_run
/// use aigc_auth::AuthClient;
/// use aigc_auth::stats::{Spool, StatsCollector};
///
/// # fn example(client: AuthClient) -> Result<(), aigc_auth::error::BuildError> {
/// let spool = Spool::open("/var/lib/my-app/stats", &client)?;
/// let stats = StatsCollector::builder().spool(spool).start(&client);
/// # Ok(()) }
/// ```
pub struct Spool {
    jobs: mpsc::Sender<Job>,
    recovered: u64,
    warn_throttle: LogThrottle,
}

impl Spool {
    pub(super) fn new(jobs: mpsc::Sender<Job>, recovered: u64) -> Self {
        let warn_throttle = LogThrottle::new(Clock::default(), Duration::from_secs(60));
        Self { jobs, recovered, warn_throttle }
    }

    /// Returns how many records of earlier processes were found.
    pub fn recovered(&self) -> u64 {
        self.recovered
    }

    async fn run<T>(&self, job: Job, result: oneshot::Receiver<T>) -> Result<T, io::Error> {
        let ended = || io::Error::other("the spool's thread has ended");
        self.jobs.send(job).await.map_err(|_| ended())?;
        result.await.map_err(|_| ended())
    }

    fn log_error(&self, error: &io::Error) {
        if self.warn_throttle.is_due() {
            tracing::error!(%error, "the spool of usage records failed; records are kept in memory only");
        }
    }
}

impl Store for Spool {
    async fn add(&mut self, lane: Lane, batches: Vec<Batch>) -> Result<u64, Vec<Batch>> {
        let backup = batches.clone();
        let (done, result) = oneshot::channel();
        match self.run(Job::Add(lane, batches, done), result).await {
            Ok(Ok(evicted)) => Ok(evicted),
            Ok(Err((batches, error))) => {
                self.log_error(&error);
                Err(batches)
            }
            Err(error) => {
                self.log_error(&error);
                Err(backup)
            }
        }
    }

    async fn read(&mut self, lane: Lane, limit: usize) -> Window {
        let (done, result) = oneshot::channel();
        let read = self.run(Job::Read(lane, limit, done), result).await;
        read.and_then(|read| read).inspect_err(|error| self.log_error(error)).unwrap_or_default()
    }

    async fn finish(&mut self, lane: Lane, rejected: Vec<Batch>, requeue: Vec<Batch>) {
        let (done, result) = oneshot::channel();
        let finished = self.run(Job::Finish(lane, rejected, requeue, done), result).await;
        if let Err(error) = finished.and_then(|finished| finished) {
            self.log_error(&error);
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("recovered", &self.recovered).finish_non_exhaustive()
    }
}
