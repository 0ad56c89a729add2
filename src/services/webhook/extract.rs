use axum::extract::{FromRef, FromRequest, Request};
use bytes::Bytes;

use super::body;
use super::config::WebhookConfig;
use super::event::{RawEvent, UserEvent};
use super::rejection::WebhookRejection;

/// Extracts the raw body of a request with a valid signature, for routes of your own.
///
/// Takes the [`WebhookConfig`] from the router's state. Does not detect replays; only [`router`](super::router) does.
///
/// ```
/// use aigc_auth::webhook::{SignedBody, UserEvent, WebhookConfig};
/// use axum::{Router, routing::post};
///
/// async fn raw(SignedBody(body): SignedBody) -> String {
///     format!("{} bytes", body.len())
/// }
///
/// async fn event(event: UserEvent) -> String {
///     event.name().to_owned()
/// }
///
/// let config = WebhookConfig::new("a secret of the webhook")?;
/// let app: Router = Router::new().route("/raw", post(raw)).route("/event", post(event)).with_state(config);
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SignedBody(pub Bytes);

impl<S> FromRequest<S> for SignedBody
where
    S: Send + Sync,
    WebhookConfig: FromRef<S>,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebhookRejection> {
        let config = WebhookConfig::from_ref(state);
        let body = read_verified(&config, request).await;
        let body = body.inspect_err(|rejection| config.log_rejection(rejection))?;
        Ok(Self(body))
    }
}

/// Extracts the event of a request with a valid signature, after invalidating its user in the caches of the
/// [`WebhookConfig`]. Otherwise as [`SignedBody`].
impl<S> FromRequest<S> for UserEvent
where
    S: Send + Sync,
    WebhookConfig: FromRef<S>,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebhookRejection> {
        let SignedBody(body) = SignedBody::from_request(request, state).await?;
        let event = RawEvent::parse(&body)?;
        WebhookConfig::from_ref(state).apply_invalidation(&event);
        event.into_event()
    }
}

async fn read_verified(config: &WebhookConfig, request: Request) -> Result<Bytes, WebhookRejection> {
    let (parts, body) = request.into_parts();
    let claims = config.claims(&parts.headers)?;
    let body = body::read(body).await?;
    config.verify(&claims, &body)?;
    Ok(body)
}
