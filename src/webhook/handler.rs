use std::error::Error;
use std::future::Future;

use serde::Serialize;
use serde_json::Value;

use super::event::UserEvent;

/// Why a handler failed: any error, for the log. The sender is never shown it.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// What is done about an event.
///
/// An async function or closure that takes a [`UserEvent`] and returns a `Result` of anything that serialises is one;
/// so is a type that implements this.
///
/// ```
/// use aigc_auth::webhook::{Handler, HandlerError, UserEvent};
/// use serde_json::{Value, json};
///
/// struct Directory { /* a pool of connections */ }
///
/// impl Handler for Directory {
///     async fn handle(&self, event: UserEvent) -> Result<Value, HandlerError> {
///         match event {
///             UserEvent::Deleted(user) => { /* disable the row of user.username() */ }
///             _ => {}
///         }
///         Ok(json!({ "success": true }))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no handler of webhook events",
    label = "neither an async function of a `UserEvent` that returns a `Result`, nor a `Handler`",
    note = "a closure's error type can be given as `Ok::<_, HandlerError>(…)`"
)]
pub trait Handler: Send + Sync + 'static {
    /// Handles an event; the returned JSON is the answer to the sender.
    ///
    /// Runs in a task of its own, at most [`handler_timeout`](super::WebhookConfig::handler_timeout) long, also when the
    /// sender has hung up. What takes longer, such as an initial sync, is better started here and done elsewhere.
    ///
    /// # Errors
    /// The sender gets a 500 with an id that is in the log beside the error, and may try again.
    fn handle(&self, event: UserEvent) -> impl Future<Output = Result<Value, HandlerError>> + Send;
}

impl<F, Fut, T, E> Handler for F
where
    F: Fn(UserEvent) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Serialize,
    E: Into<HandlerError>,
{
    async fn handle(&self, event: UserEvent) -> Result<Value, HandlerError> {
        let answer = self(event).await.map_err(Into::into)?;
        Ok(serde_json::to_value(answer)?)
    }
}
