use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::error::DeliveryError;

/// An event that was not delivered, for [`SenderBuilder::on_dead_letter`](super::SenderBuilder::on_dead_letter).
///
/// Send it again by [`Sender::send_as`](super::Sender::send_as) with its id, event and data: a receiver that got it in spite of
/// the error notices that. Its `Debug` shows the length of the body only.
#[derive(Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The id of the event (`webhook-id`).
    pub id: String,
    /// Its name, such as `user.updated`.
    pub event: String,
    /// The JSON that was sent, with `event` and `data`. Holds data of the user.
    pub body: Bytes,
    /// Why it was not delivered.
    pub error: DeliveryError,
}

impl DeadLetter {
    /// Returns the data of the event.
    pub fn data(&self) -> Value {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        body.and_then(|mut body| Some(body.get_mut("data")?.take())).unwrap_or_default()
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("id", &self.id)
            .field("event", &self.event)
            .field("bytes", &self.body.len())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// What is called with each [`DeadLetter`].
#[derive(Clone)]
pub(super) struct OnDeadLetter(Arc<dyn Fn(DeadLetter) + Send + Sync>);

impl OnDeadLetter {
    pub(super) fn new(call: impl Fn(DeadLetter) + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    pub(super) fn call(&self, letter: DeadLetter) {
        (self.0)(letter);
    }
}
