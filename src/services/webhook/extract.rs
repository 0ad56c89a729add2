use std::fmt;

use axum::extract::{FromRef, FromRequest, Request};
use bytes::Bytes;

use super::config::WebhookConfig;
use super::event::{RawEvent, UserEvent};
use super::rejection::WebhookRejection;
use super::verification::VerifiedDelivery;

/// Extracts the raw body of a request with a valid signature, for routes of your own.
///
/// Takes the [`WebhookConfig`] from the router's state. Does not detect replays; only [`router`](super::router) does. Its
/// `Debug` shows the length only: it holds data of a user.
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
#[derive(Clone)]
pub struct SignedBody(pub Bytes);

impl fmt::Debug for SignedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedBody").field("bytes", &self.0.len()).finish_non_exhaustive()
    }
}

impl<S> FromRequest<S> for SignedBody
where
    S: Send + Sync,
    WebhookConfig: FromRef<S>,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebhookRejection> {
        let (body, _) = read_verified(&WebhookConfig::from_ref(state), request).await?;
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
        let config = WebhookConfig::from_ref(state);
        let (body, delivery) = read_verified(&config, request).await?;
        let event = RawEvent::parse(&body)?;
        config.invalidate_by(&event, &delivery).await?;
        event.into_event()
    }
}

async fn read_verified(
    config: &WebhookConfig,
    request: Request,
) -> Result<(Bytes, VerifiedDelivery), WebhookRejection> {
    let (parts, body) = request.into_parts();
    let read = async {
        let claims = config.claims(&parts.headers)?;
        drop(parts);
        config.read_verified(&claims, body).await
    };
    read.await.inspect_err(|rejection| config.log_rejection(rejection))
}
