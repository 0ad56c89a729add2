use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{self, Instant};

use super::counters::Counters;
use super::delivery::Deliver;
use super::queue::Queue;
use super::reporter::{Command, Reporter, Settings};
use super::store::Store;
use crate::ports::observer::Watch;
use crate::ports::readiness::{PartState, ReadinessProbe};
use crate::ports::usage::{ApiRecord, Record, Served, StatsSnapshot};
use crate::request::context;

/// Collects usage records and delivers them to the auth center in the background. Cheap to clone; clones share the
/// queue.
///
/// Give it to the layer by [`AuthLayer::with_stats`](crate::AuthLayer::with_stats), and shut it down when the service
/// has drained: records that are not delivered when the last clone is dropped are lost.
///
/// ```no_run
/// use std::time::Duration;
///
/// use aigc_auth::stats::StatsCollector;
/// use aigc_auth::usage::ApiRecord;
/// use aigc_auth::{AuthClient, AuthLayer};
/// use axum::Router;
///
/// # async fn example(routes: Router, listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
/// let client = AuthClient::from_env()?;
/// let stats = StatsCollector::start(&client);
/// let app = routes.layer(AuthLayer::new(client).with_stats(stats.clone()));
/// axum::serve(listener, app).await?;
/// println!("{:?}", stats.shutdown(Duration::from_secs(5)).await);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StatsCollector(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    commands: mpsc::Sender<Command>,
    reporter: AbortHandle,
}

impl StatsCollector {
    pub(super) fn spawn(
        settings: Settings,
        deliver: impl Deliver,
        store: impl Store,
        recovered: u64,
        watch: Watch,
    ) -> Self {
        let queue = Arc::new(Queue::new(
            settings.queue_capacity,
            settings.max_bytes,
            settings.batch_size,
            watch.clone(),
        ));
        let counters = Arc::new(Counters::new(watch));
        let (commands, received) = mpsc::channel(4);
        let deliver = Arc::new(deliver);
        let reporter = Reporter::new(settings, queue.clone(), counters.clone(), deliver, store, recovered);
        let reporter = tokio::spawn(reporter.run(received)).abort_handle();
        Self(Arc::new(Inner { queue, counters, commands, reporter }))
    }

    /// Records a call that did not pass the layer, such as a job's. A record without a credential gets that of the
    /// current request.
    ///
    /// Never waits: when the queue is full, the record is dropped and counted.
    pub fn record(&self, record: ApiRecord) {
        Record::record(self, Box::new(context::with_credential(record)));
    }

    /// Returns the counts of records by outcome.
    pub fn snapshot(&self) -> StatsSnapshot {
        self.0.counters.snapshot(&self.0.queue)
    }

    /// Sends all records made before this call without waiting for full batches. Returns when the auth center has
    /// answered for each of them or they are on disk, or after the timeout.
    pub async fn flush(&self, timeout: Duration) -> StatsSnapshot {
        let (done, flushed) = oneshot::channel();
        let flush = async {
            if self.0.commands.send(Command::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        let _ = time::timeout(timeout, flush).await;
        self.snapshot()
    }

    /// Stops taking records, sends the remaining ones within the timeout, and counts those that are left as dropped.
    ///
    /// Further calls only return the counts.
    pub async fn shutdown(&self, timeout: Duration) -> StatsSnapshot {
        self.0.queue.close();
        let deadline = Instant::now().checked_add(timeout);
        let (done, finished) = oneshot::channel();
        let shutdown = async {
            if self.0.commands.send(Command::Shutdown(deadline, done)).await.is_ok() {
                let _ = finished.await;
            }
        };
        // The reporter keeps the deadline itself; it gets another second to confirm.
        let _ = time::timeout(timeout.saturating_add(Duration::from_secs(1)), shutdown).await;
        self.snapshot()
    }
}

impl Record for StatsCollector {
    fn record(&self, served: Box<dyn Served>) {
        // Redirects are not counted. What has no credential, or that of a service, can be billed to no user.
        let is_billable = served.credential().is_some() && !served.is_of_service();
        if matches!(served.status(), 300..400) || !is_billable {
            return;
        }
        self.0.queue.push(served);
    }
}

/// `running`; or `stopped` once it is shut down, which is not ready: requests leave no records.
impl ReadinessProbe for StatsCollector {
    fn readiness(&self) -> PartState {
        if self.0.queue.is_closed() || self.0.reporter.is_finished() {
            PartState::not_ready("stopped")
        } else {
            PartState::ready("running")
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reporter.abort();
    }
}

impl fmt::Debug for StatsCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatsCollector").field("counts", &self.snapshot()).finish_non_exhaustive()
    }
}
