use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::files::Outcome;
use super::returned::Returned;
use super::worker::{Job, ended};
use crate::services::stats::batch::Batch;
use crate::services::stats::lane::Lane;
use crate::services::stats::store::{Added, Finished, Refused, Store, Window};
use crate::util::clock::Clock;
use crate::util::log_throttle::LogThrottle;

/// Stores usage records in a directory, where they survive crashes and long outages of the auth center. For
/// [`StatsCollectorBuilder::spool`](crate::stats::StatsCollectorBuilder::spool).
///
/// Records are on disk, by `fsync`, before they are sent, 5 s after they were made at the latest
/// ([`StatsCollectorBuilder::flush_interval`](crate::stats::StatsCollectorBuilder::flush_interval)). Since they contain tokens, they are
/// encrypted with AES-256-GCM under the app's secret. After a change of the secret, waiting records can no longer be
/// decrypted; they are kept with the batches of verified users that the auth center refused: see
/// [`refused`](Spool::refused). A crash between sending a batch and removing it from disk sends the batch again, with the same `Idempotency-Key`.
///
/// One process at a time can use a directory; opening it waits for the one before to end
/// ([`SpoolBuilder::lock_timeout`](crate::stats::SpoolBuilder::lock_timeout)).
///
/// ```no_run
/// use aigc_auth::AuthClient;
/// use aigc_auth::stats::{Spool, StatsCollector};
///
/// # async fn example(client: AuthClient) -> Result<(), aigc_auth::error::BuildError> {
/// let spool = Spool::open("/var/lib/my-app/stats", &client).await?;
/// let stats = StatsCollector::builder().spool(spool).start(&client);
/// # Ok(()) }
/// ```
pub struct Spool {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) returned: Arc<Returned>,
    recovered: u64,
    /// Of what fails: adding, reading, removing.
    throttles: [LogThrottle; 3],
}

impl Spool {
    pub(super) fn new(jobs: mpsc::Sender<Job>, recovered: u64) -> Self {
        let throttle = || LogThrottle::new(Clock::default(), Duration::from_secs(60));
        Self { jobs, returned: Arc::default(), recovered, throttles: [throttle(), throttle(), throttle()] }
    }

    /// Returns how many records of earlier processes were found.
    pub fn recovered(&self) -> u64 {
        self.recovered
    }

    /// Runs a job on the spool's thread, and logs its error.
    async fn run<T>(
        &self,
        throttle: &LogThrottle,
        consequence: &str,
        job: impl FnOnce(oneshot::Sender<Outcome<T>>) -> Job,
    ) -> Option<T> {
        let (done, result) = oneshot::channel();
        let sent = self.jobs.send(job(done)).await;
        let (outcome, error) = match sent.map_err(|_| ()) {
            Ok(()) => {
                result.await.map_or_else(|_| (None, Some(ended())), |(outcome, error)| (Some(outcome), error))
            }
            Err(()) => (None, Some(ended())),
        };
        if let Some(error) = error
            && throttle.is_due()
        {
            tracing::error!(%error, "the spool of usage records failed: {consequence}");
        }
        outcome
    }
}

impl Store for Spool {
    /// They share their way to the disk, two `fsync`s, and take 4 MiB at most.
    const BATCHES_AT_A_TIME: usize = 16;

    async fn add(&mut self, lane: Lane, batches: Vec<Batch>) -> Added {
        let rest = batches.clone();
        let consequence = "records are kept in memory only";
        let added = self.run(&self.throttles[0], consequence, |done| Job::Add(lane, batches, done)).await;
        added.unwrap_or(Added { evicted: 0, rest })
    }

    async fn read(&mut self, lane: Lane, limit: usize) -> Window {
        let consequence = "records stay on disk until they can be read";
        let read = self.run(&self.throttles[1], consequence, |done| Job::Read(lane, limit, done)).await;
        read.unwrap_or(Window { failed: true, ..Window::default() })
    }

    async fn finish(&mut self, lane: Lane, refused: Vec<Refused>, requeue: Vec<Batch>) -> Finished {
        self.end(|done| Job::Finish(lane, refused, requeue, done)).await
    }

    async fn release(&mut self, lane: Lane, refused: Vec<Refused>, left: Vec<Batch>) -> Finished {
        self.end(|done| Job::Release(lane, refused, left, done)).await
    }

    async fn keep(&mut self, refused: Refused) -> u64 {
        let records = refused.batch.records;
        let consequence = "what is refused now is dropped";
        let unkept = self.run(&self.throttles[2], consequence, |done| Job::Keep(refused, done)).await;
        unkept.unwrap_or(records)
    }

    async fn returned(&self) -> u64 {
        self.returned.take().await
    }
}

impl Spool {
    async fn end(&self, job: impl FnOnce(oneshot::Sender<Outcome<Finished>>) -> Job) -> Finished {
        let consequence =
            "what is refused now is dropped, and what was sent may be sent again after a restart";
        let finished = self.run(&self.throttles[2], consequence, job).await;
        // What was read is still on disk.
        finished.unwrap_or(Finished { failed: true, ..Finished::default() })
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("recovered", &self.recovered).finish_non_exhaustive()
    }
}
