use sha2::{Digest, Sha256};

use crate::request::delivery::{Delivery, DeliveryId};

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
    Some(match Delivery::current_id()? {
        DeliveryId::Sent(id) => id.into_string(),
        DeliveryId::Body(body) => base16ct::lower::encode_string(&Sha256::digest(body)),
    })
}
