use std::sync::Arc;

use super::event::Event;

/// Is told what happens inside the crate: for metrics, alerts, and tests.
///
/// One observer may be given to everything. Set it where the client is built, and what is built from the client tells it, too:
/// the layer, usage records, webhooks, the synchronization of users, the registration. A builder's own `observer` goes before.
/// An `Arc` of an observer is one, so that several verifiers may share it.
///
/// # What it may do
/// It is called on the request path, at times on every request, in the [context](crate::context) of the request that causes the
/// event. It must not block, and should only count, or pass the event on over a channel by `try_send`. It must not call what it
/// observes.
///
/// A panic in it is caught: neither the request nor a task of this crate fails for it. The first one is logged as an error, and
/// the next event is told all the same.
///
/// ```
/// # #[cfg(feature = "client")] {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use aigc_auth::AuthClient;
/// use aigc_auth::observer::{Event, Observer};
///
/// #[derive(Default)]
/// struct Counts {
///     refused: AtomicU64,
///     outages: AtomicU64,
/// }
///
/// impl Observer for Counts {
///     fn observe(&self, event: &Event) {
///         match event {
///             Event::Refused(_) => self.refused.fetch_add(1, Ordering::Relaxed),
///             Event::Breaker(breaker) if breaker.has_opened() => self.outages.fetch_add(1, Ordering::Relaxed),
///             _ => 0,
///         };
///     }
/// }
///
/// # fn main() -> Result<(), aigc_auth::error::BuildError> {
/// let counts = Arc::new(Counts::default());
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth")
///     .observer(counts.clone())
///     .build()?;
/// # Ok(()) }
/// # }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Is told of an event, once it has happened.
    fn observe(&self, event: &Event);
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn observe(&self, event: &Event) {
        (**self).observe(event);
    }
}
