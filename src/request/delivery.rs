//! The delivery of a webhook whose handler is running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

tokio::task_local! {
    static DELIVERY: Delivery;
}

/// A delivery, and what its handler says of it.
#[derive(Clone)]
pub(crate) struct Delivery {
    id: DeliveryId,
    may_repeat: Arc<AtomicBool>,
}

/// What a delivery is known by.
#[derive(Clone)]
pub(crate) enum DeliveryId {
    /// Its `webhook-id`.
    Sent(Box<str>),
    /// Its body, which is hashed when it is asked for.
    Body(Bytes),
}

impl Delivery {
    pub(crate) fn new(id: DeliveryId) -> Self {
        Self { id, may_repeat: Arc::default() }
    }

    /// Runs a handler that may ask for the delivery.
    pub(crate) async fn scope<F: Future>(&self, handler: F) -> F::Output {
        DELIVERY.scope(self.clone(), handler).await
    }

    /// Returns whether the handler has called [`allow_repetition`].
    pub(crate) fn may_repeat(&self) -> bool {
        self.may_repeat.load(Ordering::SeqCst)
    }

    pub(crate) fn current_id() -> Option<DeliveryId> {
        DELIVERY.try_with(|delivery| delivery.id.clone()).ok()
    }
}

/// Has the next event with the same bytes handled, too: for a handler that has looked up what is true now, and found that the
/// event says otherwise, since another event of the same bytes may come when it is true again. Events with a `webhook-id` need
/// no such call. Does nothing outside of a handler, and in tasks that it has spawned.
pub fn allow_repetition() {
    let _ = DELIVERY.try_with(|delivery| delivery.may_repeat.store(true, Ordering::SeqCst));
}
