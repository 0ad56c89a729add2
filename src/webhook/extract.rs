use axum::extract::{FromRef, FromRequest, Request};
use bytes::Bytes;

use super::body;
use super::config::WebhookConfig;
use super::event::{Report, UserEvent};
use super::rejection::WebhookRejection;

/// The body of a request whose signature is right: an extractor for those who route on their own.
///
/// Takes the [`WebhookConfig`] from the router's state. Replays are not noticed here, only by
/// [`router`](super::router).
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
/// # Ok::<(), aigc_auth::BuildError>(())
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
        let body = signed(&config, request).await.inspect_err(|rejection| config.warn(rejection))?;
        Ok(Self(body))
    }
}

/// The event in a request whose signature is right, once the caches of the [`WebhookConfig`] have forgotten its user.
/// Otherwise as [`SignedBody`].
impl<S> FromRequest<S> for UserEvent
where
    S: Send + Sync,
    WebhookConfig: FromRef<S>,
{
    type Rejection = WebhookRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebhookRejection> {
        let SignedBody(body) = SignedBody::from_request(request, state).await?;
        let report = Report::read(&body)?;
        WebhookConfig::from_ref(state).forget(&report);
        report.typed()
    }
}

async fn signed(config: &WebhookConfig, request: Request) -> Result<Bytes, WebhookRejection> {
    let (parts, body) = request.into_parts();
    let claims = config.claims(&parts.headers)?;
    let body = body::read(body).await?;
    config.check(&claims, &body)?;
    Ok(body)
}
