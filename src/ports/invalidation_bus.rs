//! The port between the replicas of a service and what carries invalidations from one to the others.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use super::invalidation::Invalidation;
use crate::util::boxed::BoxFuture;

/// Why a bus is of no use at the moment: any error. Its text is shown in the log.
pub type BusError = Box<dyn Error + Send + Sync>;

/// Carries invalidations from one replica of a service to the others: `RedisCluster` has one, and a
/// [`Cluster`](crate::cluster::Cluster) takes one of your own, such as over NATS.
///
/// # What a bus has to do
///
/// A replica that has no proof of having heard everything within the last two seconds and `degraded_ttl` looks everything up anew, and
/// caches it for no longer than that. So a bus says [`in_touch`](BusListener::in_touch) about once per second as long as it can
/// prove that no message was lost, and [`missed`](BusListener::missed) where it cannot: whenever it begins to listen, unless it knows
/// where it has left off. It says neither while it does not know; the replica draws its conclusions from the silence.
///
/// Messages may arrive in any order, more than once, and at their sender. An [`Invalidation`] is written by
/// [`to_json`](Invalidation::to_json); [`from_json`](Invalidation::from_json) reads anything, and takes what it does not understand for
/// [`Invalidation::All`]. The [`Cluster`](crate::cluster::Cluster) has the queue, the tries and the timeouts; a bus needs none of its own, and
/// its futures may be dropped anywhere.
///
/// # Example
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use aigc_auth::cluster::{BusError, BusListener, Cluster, InvalidationBus};
/// use aigc_auth::invalidate::{Invalidate, Invalidation};
/// use tokio::sync::broadcast;
///
/// /// Replicas in one process.
/// struct Local(broadcast::Sender<String>);
///
/// impl InvalidationBus for Local {
///     async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
///         // Fails if nobody listens: then nobody has to know.
///         let _ = self.0.send(invalidation.to_json());
///         Ok(())
///     }
///
///     async fn listen(&self, listener: &dyn BusListener) -> BusError {
///         let mut messages = self.0.subscribe();
///         // What was sent before is unknown.
///         listener.missed();
///         loop {
///             // All that was sent before this instant is in the channel; if that is empty, it has been handed in.
///             let now = Instant::now();
///             if messages.is_empty() {
///                 listener.in_touch(now);
///             }
///             match tokio::time::timeout(Duration::from_secs(1), messages.recv()).await {
///                 Ok(Ok(message)) => listener.apply(&Invalidation::from_json(message.as_bytes())),
///                 // It was too slow, and has lost some. Called again, it says so.
///                 Ok(Err(lost)) => return lost.into(),
///                 // A second without a message.
///                 Err(_) => {}
///             }
///         }
///     }
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let (bus, mut wire) = broadcast::channel(1_000);
/// let cluster = Cluster::new(Local(bus))?; // and `AuthClient::builder(…).cluster(cluster.clone())`
/// assert!(cluster.connected(Duration::from_secs(5)).await);
///
/// // As a webhook does: in force here at once, and acknowledged when the others have been told.
/// cluster.apply(&Invalidation::of(Some(7.into()), Some("alice")));
/// cluster.spread().await?;
/// assert_eq!(wire.recv().await?, r#"{"kind":"user","id":7,"username":"alice"}"#);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(()) }).unwrap();
/// ```
pub trait InvalidationBus: Send + Sync + 'static {
    /// Sends an invalidation to the other replicas. Dropped after a second.
    ///
    /// # Errors
    /// If it is not certain that all of them will hear of it, or find that they have missed something. It is then sent again.
    fn publish(&self, invalidation: &Invalidation) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Listens until the bus is lost, and returns the reason. Called again then, after a pause of 20 to 500 ms.
    ///
    /// Messages of this replica may be handed in as well: they are applied once more, and not sent again.
    fn listen(&self, listener: &dyn BusListener) -> impl Future<Output = BusError> + Send;
}

/// What a bus tells of: the caches of a replica. Nothing of it waits.
pub trait BusListener: Send + Sync {
    /// Applies an invalidation of another replica.
    fn apply(&self, invalidation: &Invalidation);

    /// Forgets everything that is cached: a message may have been missed.
    fn missed(&self);

    /// Says that everything that was published before this instant has been handed in. Usually the instant at which a question was
    /// sent whose answer has just proved it.
    fn in_touch(&self, since: Instant);
}

impl<B: InvalidationBus> InvalidationBus for Arc<B> {
    fn publish(&self, invalidation: &Invalidation) -> impl Future<Output = Result<(), BusError>> + Send {
        (**self).publish(invalidation)
    }

    fn listen(&self, listener: &dyn BusListener) -> impl Future<Output = BusError> + Send {
        (**self).listen(listener)
    }
}

/// [`InvalidationBus`] as a trait object, so that a cluster has no type parameter.
pub(crate) trait DynBus: Send + Sync {
    fn publish<'a>(&'a self, invalidation: &'a Invalidation) -> BoxFuture<'a, Result<(), BusError>>;
    fn listen<'a>(&'a self, listener: &'a dyn BusListener) -> BoxFuture<'a, BusError>;
}

impl<B: InvalidationBus> DynBus for B {
    fn publish<'a>(&'a self, invalidation: &'a Invalidation) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(InvalidationBus::publish(self, invalidation))
    }

    fn listen<'a>(&'a self, listener: &'a dyn BusListener) -> BoxFuture<'a, BusError> {
        Box::pin(InvalidationBus::listen(self, listener))
    }
}
