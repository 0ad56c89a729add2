use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use super::counts::{Counts, StatsSnapshot};
use super::deliver::Deliver;
use super::queue::Queue;
use super::reporter::{Order, Reporter, Settings};
#[cfg(feature = "spool")]
use super::spool::Spool;
use super::store::{NoStore, Store};
use crate::client::AuthClient;
use crate::context;
use crate::record::{ApiRecord, Record, Served};

/// Collects usage records and reports them to the auth center in the background. Cheap to clone; clones share the queue.
///
/// Give it to the layer by [`AuthLayer::with_stats`](crate::AuthLayer::with_stats), and shut it down when the service
/// has drained: what is not delivered when the last clone is dropped is lost.
///
/// ```no_run
/// use std::time::Duration;
///
/// use aigc_auth::stats::StatsCollector;
/// use aigc_auth::{ApiRecord, AuthClient, AuthLayer};
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
    counts: Arc<Counts>,
    orders: mpsc::Sender<Order>,
    reporter: AbortHandle,
}

impl StatsCollector {
    /// Starts with the defaults: a queue of 10,000 records, batches of 100, all sent after 5 s at the latest.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(client: &AuthClient) -> Self {
        Self::builder().start(client)
    }

    /// Starts a collector that is set up first.
    pub fn builder() -> StatsBuilder {
        StatsBuilder {
            settings: Settings {
                queue: 10_000,
                batch: 100,
                flush_every: Duration::from_secs(5),
                max_in_flight: 4,
            },
            #[cfg(feature = "spool")]
            spool: None,
        }
    }

    /// Records a call that no layer has seen, such as a job's. One without a credential gets the current request's.
    ///
    /// Never waits: when the queue is full, the record is dropped and counted.
    pub fn record(&self, record: ApiRecord) {
        Record::record(self, Box::new(context::with_credential(record)));
    }

    /// What became of the records so far.
    pub fn snapshot(&self) -> StatsSnapshot {
        self.0.counts.snapshot(&self.0.queue)
    }

    /// Sends at once what was recorded before this, and waits until the auth center has answered for all of it or it is on
    /// disk, or until the deadline.
    pub async fn flush(&self, deadline: Duration) -> StatsSnapshot {
        let (done, flushed) = oneshot::channel();
        let flush = async {
            if self.0.orders.send(Order::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        let _ = timeout(deadline, flush).await;
        self.snapshot()
    }

    /// Takes no more records, sends what there is until the deadline, and counts what is left as dropped.
    ///
    /// The second call and those after it only tell the counts.
    pub async fn shutdown(&self, deadline: Duration) -> StatsSnapshot {
        self.0.queue.close();
        let until = Instant::now().checked_add(deadline);
        let (done, ended) = oneshot::channel();
        let end = async {
            if self.0.orders.send(Order::End(until, done)).await.is_ok() {
                let _ = ended.await;
            }
        };
        // The reporter keeps the deadline itself; it has a moment more to say so.
        let _ = timeout(deadline.saturating_add(Duration::from_secs(1)), end).await;
        self.snapshot()
    }
}

impl Record for StatsCollector {
    fn record(&self, served: Box<dyn Served>) {
        // Redirects are not counted, and nobody can be billed without a credential.
        if matches!(served.status(), 300..400) || served.credential().is_none() {
            return;
        }
        self.0.queue.push(served);
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

/// Builds a [`StatsCollector`]; made by [`StatsCollector::builder`].
#[derive(Debug)]
#[must_use]
pub struct StatsBuilder {
    settings: Settings,
    #[cfg(feature = "spool")]
    spool: Option<Spool>,
}

impl StatsBuilder {
    /// Sets how many records may wait to be written out, at least 1, and as many again to be sent. Defaults to 10,000; more
    /// are dropped, the newest first.
    pub fn queue(mut self, records: usize) -> Self {
        self.settings.queue = records.max(1);
        self
    }

    /// Sets how many records of one credential are sent in one call, at least 1. Defaults to 100.
    pub fn batch(mut self, records: usize) -> Self {
        self.settings.batch = records.max(1);
        self
    }

    /// Sets how long a record waits for others at most. Defaults to 5 s, at least 10 ms.
    pub fn flush_every(mut self, interval: Duration) -> Self {
        self.settings.flush_every = interval.max(Duration::from_millis(10));
        self
    }

    /// Sets how many calls may be in flight at a time, at least 1. Defaults to 4.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = calls.max(1);
        self
    }

    /// Keeps records on disk until they are delivered. Without it, they are in memory only.
    #[cfg(feature = "spool")]
    pub fn spool(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Starts to collect.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self, client: &AuthClient) -> StatsCollector {
        self.start_with(client.clone())
    }

    pub(super) fn start_with(self, deliver: impl Deliver) -> StatsCollector {
        #[cfg(feature = "spool")]
        if let Some(spool) = self.spool {
            let recovered = spool.recovered();
            return start(self.settings, deliver, spool, recovered);
        }
        start(self.settings, deliver, NoStore, 0)
    }
}

pub(super) fn start(
    settings: Settings,
    deliver: impl Deliver,
    store: impl Store,
    recovered: u64,
) -> StatsCollector {
    let queue = Arc::new(Queue::new(settings.queue, settings.batch));
    let counts = Arc::<Counts>::default();
    let (orders, received) = mpsc::channel(4);
    let deliver = Arc::new(deliver);
    let reporter = Reporter::new(settings, queue.clone(), counts.clone(), deliver, store, recovered);
    let reporter = tokio::spawn(reporter.run(received)).abort_handle();
    StatsCollector(Arc::new(Inner { queue, counts, orders, reporter }))
}
