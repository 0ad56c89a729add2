use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::page::Page;
use super::refused_batch::RefusedBatch;
use super::returned::Returned;
use super::spool::Spool;
use super::worker::{Job, ended};

/// The usage records of a [`Spool`] that the auth center refused for good, for people to look at; from [`Spool::refused`].
///
/// They take what the records that wait leave of the spool's bytes, and a tenth in addition; beyond, the oldest are dropped.
/// Cheap to clone. Works while the spool is open, which is until its collector is shut down or dropped.
///
/// ```no_run
/// use aigc_auth::AuthClient;
/// use aigc_auth::stats::{Spool, StatsCollector};
///
/// # async fn example(client: AuthClient) -> Result<(), Box<dyn std::error::Error>> {
/// let spool = Spool::open("/var/lib/my-app/stats", &client).await?;
/// let refused = spool.refused();
/// let stats = StatsCollector::builder().spool(spool).start(&client);
///
/// let batches = refused.list().await?;
/// for batch in &batches {
///     println!("{:?}: {} of {:?}: {}", batch.refused_at(), batch.records(), batch.username(), batch.reason());
/// }
/// // The auth center had lost the permissions of this app, and has them again.
/// refused.resend(batches).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RefusedRecords {
    // Weak, so that the spool ends with its collector.
    jobs: mpsc::WeakSender<Job>,
    returned: Arc<Returned>,
}

impl Spool {
    /// Returns a handle to the records that the auth center refused for good. It stays useful when the spool is given to a
    /// collector.
    pub fn refused(&self) -> RefusedRecords {
        RefusedRecords { jobs: self.jobs.downgrade(), returned: self.returned.clone() }
    }
}

impl RefusedRecords {
    /// Lists all refused batches, the oldest first: up to some 500 bytes of memory for each, so that
    /// [`pages`](RefusedRecords::pages) is for those of a long outage of many users.
    ///
    /// # Errors
    /// If the spool is closed.
    pub async fn list(&self) -> io::Result<Vec<RefusedBatch>> {
        Ok(self.run(|done| Job::List(Page::of(usize::MAX), done)).await?.0)
    }

    /// Sends batches again, each under its credential or [the one that was set](RefusedBatch::credential), and under the
    /// `Idempotency-Key` that it had. Returns how many records wait to be sent now; they count as recorded once more.
    /// Batches that are gone meanwhile or cannot be decrypted are left out. What is refused again is listed again. They are moved
    /// on disk, a mebibyte at a time in memory.
    ///
    /// # Errors
    /// If the spool is closed or has no room for them ([`StorageFull`](io::ErrorKind::StorageFull)), and then nothing has
    /// changed. If the disk fails, those that were moved until then wait to be sent, and the others stay; or, if they could not
    /// be taken out of the refused ones, they are in both places, and are sent once, by their keys.
    pub async fn resend(&self, batches: impl IntoIterator<Item = RefusedBatch>) -> io::Result<u64> {
        let chosen = batches.into_iter().map(|batch| (batch.id(), batch.authorization())).collect();
        let (records, error) = self.run(|done| Job::Resend(chosen, self.returned.clone(), done)).await?;
        error.map_or(Ok(records), Err)
    }

    /// Deletes batches. Returns how many records they had.
    ///
    /// # Errors
    /// If the spool is closed or cannot be written.
    pub async fn discard(&self, batches: impl IntoIterator<Item = RefusedBatch>) -> io::Result<u64> {
        let chosen = batches.into_iter().map(|batch| batch.id()).collect();
        self.run(|done| Job::Discard(chosen, done)).await?
    }

    /// Writes all records to a new file that only its owner can read, one JSON object a line: `refused_at` (RFC 3339),
    /// `code`, `reason`, `user_id`, `username` and `record`, the seven fields for the auth center. Credentials are left out. Returns
    /// how many records were written: those that cannot be decrypted are not.
    ///
    /// # Errors
    /// If the spool is closed, or the file exists or cannot be written.
    pub async fn export(&self, file: impl Into<PathBuf>) -> io::Result<u64> {
        let file = file.into();
        self.run(|done| Job::Export(file, done)).await?
    }

    pub(super) async fn run<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> io::Result<T> {
        let closed =
            || io::Error::new(io::ErrorKind::NotConnected, "the spool is closed: its collector has ended");
        let jobs = self.jobs.upgrade().ok_or_else(closed)?;
        let (done, result) = oneshot::channel();
        jobs.send(job(done)).await.map_err(|_| ended())?;
        // The spool may be closed meanwhile; its thread does what was asked before.
        drop(jobs);
        result.await.map_err(|_| ended())
    }
}

impl fmt::Debug for RefusedRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedRecords").finish_non_exhaustive()
    }
}
