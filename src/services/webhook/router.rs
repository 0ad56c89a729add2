use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::post;

use super::config::WebhookConfig;
use super::endpoint::Endpoint;
use super::handler::Handler;

/// Returns a router with `POST {prefix}/auth`, which receives the events of the auth center.
///
/// Merge it after [`AuthLayer`](crate::AuthLayer): its requests have a signature and no token.
///
/// ```
/// use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig};
/// use aigc_auth::{AuthClient, AuthLayer};
/// use axum::{Router, routing::get};
/// use serde_json::{Value, json};
///
/// async fn on_event(event: UserEvent) -> Result<Value, HandlerError> {
///     if let UserEvent::Deleted(user) = &event {
///         println!("{:?} was deleted", user.username());
///     }
///     Ok(json!({ "success": true }))
/// }
///
/// fn app(client: AuthClient, webhooks: WebhookConfig) -> Router {
///     Router::new()
///         .route("/", get(|| async { "hello" }))
///         .layer(AuthLayer::new(client.clone()))
///         .merge(webhook::router(webhooks.invalidate(client), on_event))
/// }
/// ```
///
/// | request | response |
/// |---|---|
/// | valid signature, handler succeeds | 200 with the handler's JSON |
/// | … already handled within the last 10 minutes | 200; the handler does not run again |
/// | … handler fails, panics or takes over 30 s | 500 with an error id that is also logged, without the error itself |
/// | … 100 handlers in flight, or 64 other bodies over 16 KiB arriving | 503 with `Retry-After` |
/// | … other replicas of a `Cluster` cannot be told within a second | 503 with `Retry-After`, before the handler runs |
/// | signature missing, invalid or too old | 401; the body is not read if it is malformed |
/// | body is not JSON, or not an event | 400 with the position or the field |
/// | body is over 256 KiB, or takes over 10 s | 413, 408 |
///
/// A handler continues when its sender disconnects, and repeated deliveries wait for the handler that is in flight.
/// Dropping the router aborts its handlers.
///
/// # Panics
/// If the prefix is not a valid path, like [`Router::route`].
pub fn router<S, H>(config: WebhookConfig, handler: H) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    H: Handler,
{
    let path = config.path();
    let endpoint = Arc::new(Endpoint::new(config, handler));
    let receive = move |request: Request| {
        let endpoint = endpoint.clone();
        async move { endpoint.receive(request).await }
    };
    Router::new().route(&path, post(receive))
}
