use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::post;

use super::config::WebhookConfig;
use super::endpoint::Endpoint;
use super::handler::Handler;

/// `POST {prefix}/auth`, where the auth center reports what happened to users; to be merged into an app.
///
/// Merge it after [`AuthLayer`](crate::AuthLayer): its signature is its proof, and it carries no token.
///
/// ```
/// use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig};
/// use aigc_auth::{AuthClient, AuthLayer};
/// use axum::{Router, routing::get};
/// use serde_json::{Value, json};
///
/// async fn on_event(event: UserEvent) -> Result<Value, HandlerError> {
///     if let UserEvent::Deleted(user) = &event {
///         println!("{:?} is gone", user.username());
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
/// | the request | answer |
/// |---|---|
/// | is signed right, and handled | 200 with the handler's JSON |
/// | … and was handled within the last 10 minutes | 200; the handler is not run again |
/// | … and its handler fails, panics or takes over 30 s | 500 with an id that is in the log, never the error |
/// | … and 100 handlers are at work | 503 with `Retry-After` |
/// | is not signed, or not right, or too old | 401 |
/// | is no JSON, or not of an event's shape | 400, which says where |
/// | is over 256 KiB, or takes over 10 s to arrive | 413, 408 |
///
/// A handler that was started goes on when its sender hangs up, and a delivery that comes again meanwhile waits for it.
/// Handlers end with the router.
///
/// # Panics
/// If the prefix is no path, as [`Router::route`] does.
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
