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
/// A replica that has no proof of having heard everything within the last two seconds and `degraded_ttl` looks everything up anew, and
/// caches it for no longer than that. So a bus says [`in_touch`](BusListener::in_touch) about once per second as long as it can
/// prove that no message was lost, and [`missed`](BusListener::missed) where it cannot.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use aigc_auth::cluster::{BusError, BusListener, InvalidationBus};
/// use aigc_auth::invalidate::Invalidation;
/// use tokio::sync::broadcast;
///
/// /// Replicas in one process.
/// struct Local(broadcast::Sender<Invalidation>);
///
/// impl InvalidationBus for Local {
///     async fn publish(&self, invalidation: &Invalidation) -> Result<(), BusError> {
///         // Nobody listens: nobody has to know.
///         let _ = self.0.send(invalidation.clone());
///         Ok(())
///     }
///
///     async fn listen(&self, listener: &dyn BusListener) -> BusError {
///         let mut messages = self.0.subscribe();
///         // What was sent before is unknown.
///         listener.missed();
///         loop {
///             listener.in_touch(Instant::now());
///             match tokio::time::timeout(Duration::from_secs(1), messages.recv()).await {
///                 Ok(Ok(invalidation)) => listener.apply(&invalidation),
///                 Ok(Err(lost)) => return lost.into(),
///                 Err(_) => {} // A second without a message.
///             }
///         }
///     }
/// }
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
