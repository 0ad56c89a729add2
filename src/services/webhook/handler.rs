use std::error::Error;
use std::future::Future;

use serde::Serialize;
use serde_json::Value;

use super::event::UserEvent;

/// The error of a handler. It is logged, and never sent to the sender.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// Handles events.
///
/// Implemented for async functions and closures that take a [`UserEvent`] and return a `Result` whose `Ok` type
/// serializes. Implement it for types of your own.
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
    message = "`{Self}` is not a handler of webhook events",
    label = "expected `async fn(UserEvent) -> Result<_, _>`, or a type that implements `Handler`",
    note = "specify the error type of a closure with `Ok::<_, HandlerError>(…)`"
)]
pub trait Handler: Send + Sync + 'static {
    /// Handles an event. The returned JSON is the body of the response.
    ///
    /// Runs in a task of its own, for at most [`handler_timeout`](super::WebhookConfig::handler_timeout), even if the
    /// sender disconnects. Long work, such as an initial sync, should be spawned as a separate task.
    ///
    /// # Errors
    /// The sender gets a 500 with an error id, which is logged together with the error, and may retry.
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
        let response = self(event).await.map_err(Into::into)?;
        Ok(serde_json::to_value(response)?)
    }
}
