use std::fmt;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::event::EVENTS;
use crate::backoff::Backoff;
use crate::client::{AuthClient, WebhookId};
use crate::config::Env;
use crate::error::{AuthError, BuildError, ErrorKind};
use crate::secret::Secret;

/// Subscribes a service to the auth center's events when it starts, however long the auth center takes to answer.
///
/// A service starts without waiting for it; dropping it only ends the attempts. Where an answer was lost, the auth
/// center may have a subscription twice, and report events twice; [`router`](super::router) handles them once.
///
/// ```no_run
/// use std::time::Duration;
///
/// use aigc_auth::AuthClient;
/// use aigc_auth::webhook::{EVENTS, Subscription};
///
/// # async fn example(client: AuthClient) -> Result<(), Box<dyn std::error::Error>> {
/// // Or `Subscription::from_env(&client)?`, from `AIGC_AUTH_WEBHOOK_URL` and `AIGC_AUTH_WEBHOOK_SECRET`.
/// let subscription =
///     Subscription::start(&client, "https://my-app.example.com/webhook/auth", EVENTS, "a secret of the webhook");
/// // … serve …
/// subscription.end(Duration::from_secs(2)).await?;
/// # Ok(()) }
/// ```
pub struct Subscription {
    client: AuthClient,
    state: watch::Receiver<Option<Result<WebhookId, AuthError>>>,
    /// Set when no further attempt is wanted.
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Subscription {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);

    /// Subscribes to these events, to be sent to this URL and signed with this secret.
    ///
    /// Tried again until the auth center answers, with pauses that grow from 1 s to 60 s.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start<E: Into<String>>(
        client: &AuthClient,
        url: impl Into<String>,
        events: impl IntoIterator<Item = E>,
        secret: impl Into<Secret>,
    ) -> Self {
        let events: Vec<String> = events.into_iter().map(Into::into).collect();
        let (url, secret) = (url.into(), secret.into());
        let (settled, state) = watch::channel(None);
        let (stop, mut stopped) = watch::channel(false);
        let subscriber = client.clone();
        let task = tokio::spawn(async move {
            let subscribe = || subscriber.register_webhook(&url, &events, &secret);
            let _ = settled.send(Some(persist(subscribe, &mut stopped).await));
        });
        Self { client: client.clone(), state, stop, task }
    }

    /// Subscribes `AIGC_AUTH_WEBHOOK_URL` to all [`EVENTS`], to be signed with `AIGC_AUTH_WEBHOOK_SECRET`, both read
    /// from the environment or else from the `.env` file of the working directory.
    ///
    /// # Errors
    /// If one of them is not set; the error names it and says where it was looked for.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn from_env(client: &AuthClient) -> Result<Self, BuildError> {
        let env = Env::load()?;
        let (url, secret) = (env.require("AIGC_AUTH_WEBHOOK_URL")?, env.require("AIGC_AUTH_WEBHOOK_SECRET")?);
        Ok(Self::start(client, url, EVENTS, secret))
    }

    /// The id of the subscription, once there is one.
    pub fn id(&self) -> Option<WebhookId> {
        self.state.borrow().as_ref()?.as_ref().ok().cloned()
    }

    /// Waits until the auth center has answered.
    ///
    /// # Errors
    /// [`Rejected`](ErrorKind::Rejected) if it refused: it is not asked again.
    pub async fn settled(&self) -> Result<WebhookId, AuthError> {
        let mut state = self.state.clone();
        let settled = state.wait_for(Option::is_some).await;
        let lost = || AuthError::new(ErrorKind::Internal).with_detail("the subscription's task ended");
        settled.map_err(|_| lost())?.clone().unwrap_or_else(|| Err(lost()))
    }

    /// Ends the attempts, and the subscription if there is one, within this deadline. An attempt that is under way is
    /// waited for: the auth center may have made a subscription of it.
    ///
    /// # Errors
    /// As [`AuthClient::unregister_webhook`]; [`Unavailable`](ErrorKind::Unavailable) when the deadline has passed.
    pub async fn end(self, deadline: Duration) -> Result<(), AuthError> {
        let _ = self.stop.send(true);
        let end = async {
            match self.settled().await {
                Ok(id) => self.client.unregister_webhook(&id).await,
                // There is none.
                Err(_) => Ok(()),
            }
        };
        let late = |_| {
            AuthError::new(ErrorKind::Unavailable).with_detail("the subscription could not be ended in time")
        };
        tokio::time::timeout(deadline, end).await.map_err(late)?
    }
}

/// Subscribes until the auth center has said yes or no, or nobody wants it any more.
async fn persist<F: Future<Output = Result<WebhookId, AuthError>>>(
    subscribe: impl Fn() -> F,
    stopped: &mut watch::Receiver<bool>,
) -> Result<WebhookId, AuthError> {
    let mut backoff = Backoff::new(Subscription::FIRST_PAUSE, Subscription::LONGEST_PAUSE);
    loop {
        match subscribe().await {
            Ok(id) => {
                tracing::debug!(%id, "subscribed to webhooks");
                return Ok(id);
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::debug!(%error, "not subscribed to webhooks yet");
                let stop = stopped.wait_for(|stop| *stop);
                if tokio::time::timeout(backoff.pause(), stop).await.is_ok() {
                    return Err(error);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the auth center refuses to send webhooks");
                return Err(error);
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id()).finish_non_exhaustive()
    }
}
