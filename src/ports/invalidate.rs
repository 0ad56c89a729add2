//! The port between those who learn that a user has changed and the caches of users.

use std::error::Error;
use std::future::{self, Future};
use std::sync::Arc;

use super::invalidation::Invalidation;
use super::observer::Observer;
#[cfg(any(feature = "jwt", feature = "webhook"))]
use crate::util::boxed::BoxFuture;

/// Why other replicas do not know of an invalidation yet: any error. Its text is shown in the log.
pub type SpreadError = Box<dyn Error + Send + Sync>;

/// Invalidates cached users, so that they are fetched anew.
///
/// `AuthClient` and `Cached` implement it. Implement it for a cache of your own, to have webhooks invalidate its entries.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use aigc_auth::UserId;
/// use aigc_auth::invalidate::{Invalidate, Invalidation};
///
/// struct Avatars(Mutex<HashMap<UserId, Vec<u8>>>);
///
/// impl Invalidate for Avatars {
///     fn apply(&self, invalidation: &Invalidation) {
///         let mut avatars = self.0.lock().unwrap();
///         match invalidation {
///             Invalidation::User { id: Some(id), .. } => drop(avatars.remove(id)),
///             _ => avatars.clear(),
///         }
///     }
/// }
/// ```
pub trait Invalidate: Send + Sync + 'static {
    /// Removes what is cached. Where the cache belongs to a `Cluster`, starts to tell the other replicas.
    ///
    /// An answer that is still being fetched when this is called must not be cached either.
    fn apply(&self, invalidation: &Invalidation);

    /// Does the same for an invalidation that every replica learns of by itself, such as from a list in Redis: the others are not
    /// told. Defaults to [`apply`](Self::apply).
    fn apply_here(&self, invalidation: &Invalidation) {
        self.apply(invalidation);
    }

    /// Waits until the other replicas have been told of all that was applied here before. Defaults to no wait: a cache of one process.
    ///
    /// # Errors
    /// If they could not be told in time. They are told as soon as they can be.
    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        future::ready(Ok(()))
    }

    /// Who is told of webhooks, unless `WebhookConfig::observer` says so. Defaults to nobody.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }
}

impl<I: Invalidate> Invalidate for Arc<I> {
    fn apply(&self, invalidation: &Invalidation) {
        (**self).apply(invalidation);
    }

    fn apply_here(&self, invalidation: &Invalidation) {
        (**self).apply_here(invalidation);
    }

    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        (**self).spread()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        (**self).observer()
    }
}

/// [`Invalidate`] as a trait object, so that a configuration has no type parameter.
#[cfg(any(feature = "jwt", feature = "webhook"))]
pub(crate) trait DynInvalidate: Send + Sync {
    fn apply(&self, invalidation: &Invalidation);
    #[cfg(all(feature = "jwt", any(feature = "redis", test)))]
    fn apply_here(&self, invalidation: &Invalidation);
    fn spread(&self) -> BoxFuture<'_, Result<(), SpreadError>>;
}

#[cfg(any(feature = "jwt", feature = "webhook"))]
impl<I: Invalidate> DynInvalidate for I {
    fn apply(&self, invalidation: &Invalidation) {
        Invalidate::apply(self, invalidation);
    }

    #[cfg(all(feature = "jwt", any(feature = "redis", test)))]
    fn apply_here(&self, invalidation: &Invalidation) {
        Invalidate::apply_here(self, invalidation);
    }

    fn spread(&self) -> BoxFuture<'_, Result<(), SpreadError>> {
        Box::pin(Invalidate::spread(self))
    }
}
