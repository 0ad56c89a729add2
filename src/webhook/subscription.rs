use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

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
    /// No further attempt is to be made.
    stop: Arc<Notify>,
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
        let events = events.into_iter().map(Into::into).collect();
        let backoff = Backoff::new(Self::FIRST_PAUSE, Self::LONGEST_PAUSE);
        Self::start_with(client, url.into(), events, secret.into(), backoff)
    }

    fn start_with(
        client: &AuthClient,
        url: String,
        events: Vec<String>,
        secret: Secret,
        backoff: Backoff,
    ) -> Self {
        let (settled, state) = watch::channel(None);
        let stop = Arc::<Notify>::default();
        let (subscriber, stopped) = (client.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let attempt = || subscriber.register_webhook(&url, &events, &secret);
            if let Some(outcome) = subscribe(attempt, backoff, &stopped).await {
                let _ = settled.send(Some(outcome));
            }
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
    /// waited for: this service may be subscribed already.
    ///
    /// # Errors
    /// As [`AuthClient::unregister_webhook`]; [`Unavailable`](ErrorKind::Unavailable) when the deadline has passed.
    pub async fn end(mut self, deadline: Duration) -> Result<(), AuthError> {
        self.stop.notify_one();
        let ended = async {
            // Panics show in `id` as well: there is none.
            let _ = (&mut self.task).await;
            match self.id() {
                Some(id) => self.client.unregister_webhook(&id).await,
                None => Ok(()),
            }
        };
        let late = |_| {
            AuthError::new(ErrorKind::Unavailable)
                .with_detail("the subscription to webhooks was not ended in time")
        };
        timeout(deadline, ended).await.map_err(late)?
    }
}

/// Tries until there is an answer; `None` if it is stopped before an attempt.
async fn subscribe<F, Fut>(
    attempt: F,
    mut backoff: Backoff,
    stop: &Notify,
) -> Option<Result<WebhookId, AuthError>>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<WebhookId, AuthError>>,
{
    let mut pause = Duration::ZERO;
    loop {
        if timeout(pause, stop.notified()).await.is_ok() {
            return None;
        }
        match attempt().await {
            Ok(id) => {
                tracing::debug!(%id, "subscribed to webhooks");
                return Some(Ok(id));
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::debug!(%error, "not subscribed to webhooks yet");
            }
            Err(error) => {
                tracing::warn!(%error, "the auth center refuses to send webhooks");
                return Some(Err(error));
            }
        }
        pause = backoff.pause();
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::Instant;

    use super::*;

    fn pauses() -> Backoff {
        Backoff::new(Subscription::FIRST_PAUSE, Subscription::LONGEST_PAUSE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_center_that_is_down_is_asked_again_with_pauses_from_a_second_to_a_minute() {
        for outcome in [Ok(id()), Err(ErrorKind::Rejected.into()), Err(ErrorKind::Internal.into())] {
            let asked = RefCell::new(vec![]);
            let attempt = || {
                asked.borrow_mut().push(Instant::now());
                let answered = if asked.borrow().len() == 10 {
                    outcome.clone()
                } else {
                    Err(ErrorKind::Unavailable.into())
                };
                async { answered }
            };
            let start = Instant::now();
            let settled = subscribe(attempt, pauses(), &Notify::new()).await.unwrap();
            assert_eq!(settled.map_err(|error| error.kind()), outcome.map_err(|error| error.kind()));
            let asked = asked.into_inner();
            assert!(asked[0] - start <= Duration::from_millis(1), "at once");
            let most = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Duration::from_secs);
            assert_eq!(asked.len(), most.len() + 1);
            for (times, most) in asked.windows(2).zip(most) {
                let pause = times[1] - times[0];
                // The timer's wheel turns by milliseconds.
                assert!(
                    most / 2 <= pause && pause <= most + Duration::from_millis(2),
                    "{pause:?} of {most:?}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_stops_before_an_attempt_and_never_within_one() {
        let stop = Notify::new();
        stop.notify_one();
        let never = || async { unreachable!("it was stopped before") };
        assert!(subscribe(never, pauses(), &stop).await.is_none());

        let stop_and_fail = || async {
            stop.notify_one();
            tokio::time::sleep(Duration::from_secs(3)).await;
            Err(ErrorKind::Unavailable.into())
        };
        let start = Instant::now();
        assert!(subscribe(stop_and_fail, pauses(), &stop).await.is_none());
        assert_eq!(start.elapsed().as_secs(), 3, "the attempt was ended, and no pause was made");

        let stop_and_succeed = || async {
            stop.notify_one();
            Ok(id())
        };
        assert_eq!(subscribe(stop_and_succeed, pauses(), &stop).await.unwrap().unwrap(), id());
    }

    fn id() -> WebhookId {
        serde_json::from_str("7").unwrap()
    }

    #[cfg(feature = "test-util")]
    #[tokio::test]
    async fn a_center_that_comes_back_subscribes_it() {
        use crate::testing::{AuthCenter, Fault};

        let center = AuthCenter::start().await;
        let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
        for fault in [Fault::status(503), Fault::Reset, Fault::Html, Fault::NotJson] {
            center.clear_requests();
            center.misbehave_times(1, fault.clone());
            let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
            let events = vec!["user.updated".to_owned()];
            let subscription =
                Subscription::start_with(&client, "http://x/".to_owned(), events, "secret".into(), backoff);
            subscription.settled().await.unwrap();
            assert_eq!(center.calls("/webhook/register"), 2, "{fault:?}");
            subscription.end(Duration::from_secs(30)).await.unwrap();
            assert_eq!(center.webhooks().len(), 0, "{fault:?}");
        }
    }
}
