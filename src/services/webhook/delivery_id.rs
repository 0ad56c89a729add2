use bytes::Bytes;
use sha2::{Digest, Sha256};

tokio::task_local! {
    static DELIVERY: DeliveryId;
}

/// What the delivery that is being handled is known by.
#[derive(Clone)]
pub(super) enum DeliveryId {
    /// Its `webhook-id`.
    Sent(Box<str>),
    /// Its body, which is hashed when it is asked for.
    Body(Bytes),
}

impl DeliveryId {
    /// Runs a handler that may ask for this id.
    pub(super) async fn scope<F: Future>(self, handler: F) -> F::Output {
        DELIVERY.scope(self, handler).await
    }
}

/// Returns the id of the delivery whose [`Handler`](super::Handler) is running: its `webhook-id`, or else the SHA-256 of its
/// body in lower-case hex. The same for each copy of the delivery, in each process. `None` outside of a handler, and in tasks
/// that it has spawned.
///
/// Store it with what the handler writes, and a delivery that comes to two processes is written once. Without a `webhook-id`,
/// two events of the same bytes have one id, such as those of a user who is disabled twice: do not drop the second for that.
///
/// ```
/// use aigc_auth::webhook::{self, HandlerError, UserEvent};
/// use serde_json::{Value, json};
///
/// async fn on_event(event: UserEvent) -> Result<Value, HandlerError> {
///     let id = webhook::delivery_id().unwrap_or_default();
///     // insert into outbox (delivery_id, …) … on conflict do nothing
///     Ok(json!({ "handled": id }))
/// }
/// ```
pub fn delivery_id() -> Option<String> {
    let id = |delivery: &DeliveryId| match delivery {
        DeliveryId::Sent(id) => id.to_string(),
        DeliveryId::Body(body) => base16ct::lower::encode_string(&Sha256::digest(body)),
    };
    DELIVERY.try_with(id).ok()
}
