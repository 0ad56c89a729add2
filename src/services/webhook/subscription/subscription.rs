use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time;

use super::state_file::StateFile;
use crate::types::error::{AuthError, BuildError, ErrorKind};
use crate::types::secret::Secret;
use crate::types::webhook_secret;
use crate::util::backoff::Backoff;
use crate::util::env::Env;
use crate::verifiers::client::{AuthClient, WebhookId};

/// Subscribes a service to the auth center's events in the background.
///
/// The service starts without waiting for the auth center. Dropping the handle stops the attempts, but keeps the
/// subscription: with a [`state_file`](crate::webhook::SubscriptionBuilder::state_file), the next start replaces it. If a response was lost, the
/// auth center may have two subscriptions and send events twice; [`router`](crate::webhook::router) handles them once.
///
/// ```no_run
/// use std::time::Duration;
///
/// use aigc_auth::AuthClient;
/// use aigc_auth::webhook::Subscription;
///
/// # async fn example(client: AuthClient) -> Result<(), Box<dyn std::error::Error>> {
/// // Or `Subscription::from_env(&client)?`, from `AIGC_AUTH_WEBHOOK_URL` and `AIGC_AUTH_WEBHOOK_SECRET`.
/// let url = "https://my-app.example.com/webhook/auth";
/// let subscription = Subscription::builder(&client, url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
///     .state_file("/var/lib/my-app/webhook.json") // one subscription, however often the service starts
///     .start()?;
/// // … serve …
/// subscription.shutdown(Duration::from_secs(2)).await?;
/// # Ok(()) }
/// ```
#[must_use = "dropped, no further attempts are made"]
pub struct Subscription {
    client: AuthClient,
    outcome: watch::Receiver<Option<Result<WebhookId, AuthError>>>,
    /// Stops further attempts.
    stop: Arc<Notify>,
    task: JoinHandle<()>,
    state_file: Option<StateFile>,
}

/// What is subscribed, and how.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) client: AuthClient,
    pub(super) url: String,
    pub(super) secret: Secret,
    pub(super) events: Vec<String>,
    pub(super) state_file: Option<StateFile>,
    pub(super) backoff: Backoff,
}

impl Subscription {
    pub(super) const INITIAL_BACKOFF: Duration = Duration::from_secs(1);
    pub(super) const MAX_BACKOFF: Duration = Duration::from_secs(60);

    /// Starts to subscribe a URL to these events, to be signed with this secret: [`Subscription::builder`] without a
    /// [`state_file`](crate::webhook::SubscriptionBuilder::state_file).
    ///
    /// # Errors
    /// As [`SubscriptionBuilder::start`](crate::webhook::SubscriptionBuilder::start).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start<E: Into<String>>(
        client: &AuthClient,
        url: impl Into<String>,
        events: impl IntoIterator<Item = E>,
        secret: impl Into<Secret>,
    ) -> Result<Self, BuildError> {
        Self::builder(client, url, secret).events(events).start()
    }

    pub(super) fn start_with(settings: Settings) -> Self {
        let Settings { client, url, secret, events, state_file, backoff } = settings;
        let (settled, outcome) = watch::channel(None);
        let stop = Arc::<Notify>::default();
        let (subscriber, stopped, file) = (client.clone(), stop.clone(), state_file.clone());
        let task = tokio::spawn(async move {
            let attempt = || subscriber.register_webhook(&url, &events, &secret);
            let Some(result) = subscribe(attempt, backoff, &stopped).await else { return };
            let (Some(file), Ok(id)) = (file, &result) else {
                let _ = settled.send(Some(result));
                return;
            };
            // Before anybody knows that it is settled, and may drop this: from here on, the next start knows of all of them.
            let earlier = file.add(&subscriber, id).await;
            let _ = settled.send(Some(result));
            end_earlier(&subscriber, &file, &earlier).await;
        });
        Self { client, outcome, stop, task, state_file }
    }

    /// Starts to subscribe `AIGC_AUTH_WEBHOOK_URL` to all [`EVENTS`](crate::webhook::EVENTS), to be signed with `AIGC_AUTH_WEBHOOK_SECRET`, or the
    /// content of the file that `AIGC_AUTH_WEBHOOK_SECRET_FILE` names. `AIGC_AUTH_WEBHOOK_STATE_FILE` sets the
    /// [`state_file`](crate::webhook::SubscriptionBuilder::state_file). All are read from the environment, or else from the `.env` file of the
    /// working directory.
    ///
    /// # Errors
    /// If the URL or the secret is not set, or the secret is none that an endpoint takes; the error names all that is missing or
    /// wrong, and the places that were searched. Also as
    /// [`SubscriptionBuilder::start`](crate::webhook::SubscriptionBuilder::start).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn from_env(client: &AuthClient) -> Result<Self, BuildError> {
        let env = Env::load()?;
        let mut variables = env.reader();
        let url = variables.require("AIGC_AUTH_WEBHOOK_URL");
        let secret = variables.require_secret("AIGC_AUTH_WEBHOOK_SECRET");
        variables.check_required(secret.expose(), |_| webhook_secret::standard_key(&secret));
        variables.finish()?;
        let builder = Self::builder(client, url, secret);
        match env.get("AIGC_AUTH_WEBHOOK_STATE_FILE") {
            Some(path) => builder.state_file(path).start(),
            None => builder.start(),
        }
    }

    /// Returns the id of the subscription, once the auth center has confirmed it.
    pub fn id(&self) -> Option<WebhookId> {
        self.outcome.borrow().as_ref()?.as_ref().ok().cloned()
    }

    /// Waits until the auth center has confirmed or rejected the subscription.
    ///
    /// # Errors
    /// [`Rejected`](ErrorKind::Rejected) if it was rejected; it is not retried.
    pub async fn settled(&self) -> Result<WebhookId, AuthError> {
        let mut outcome = self.outcome.clone();
        let settled = outcome.wait_for(Option::is_some).await;
        let cancelled =
            || AuthError::new(ErrorKind::Internal).with_detail("the subscription's task was cancelled");
        settled.map_err(|_| cancelled())?.clone().unwrap_or_else(|| Err(cancelled()))
    }

    /// Stops the attempts and ends the subscription, within the timeout. Waits for an attempt in flight, since it may
    /// create the subscription.
    ///
    /// # Errors
    /// As [`AuthClient::unregister_webhook`]; [`Unavailable`](ErrorKind::Unavailable) after the timeout.
    pub async fn shutdown(mut self, timeout: Duration) -> Result<(), AuthError> {
        self.stop.notify_one();
        let shutdown = async {
            // If the task panicked, there is no `id`.
            let _ = (&mut self.task).await;
            let Some(id) = self.id() else { return Ok(()) };
            let Some(file) = &self.state_file else { return self.client.unregister_webhook(&id).await };
            let ids = file.read(&self.client).await;
            if ids.first().is_some_and(|latest| *latest != id) {
                // Another process has the subscription by now, and has ended this one.
                return Ok(());
            }
            self.client.unregister_webhook(&id).await?;
            file.remove(&self.client, &[id]).await;
            Ok(())
        };
        let timed_out = |_| {
            AuthError::new(ErrorKind::Unavailable)
                .of_call()
                .with_detail("the webhook subscription was not ended in time")
        };
        time::timeout(timeout, shutdown).await.map_err(timed_out)?
    }
}

/// Ends the subscriptions of earlier starts. Those that cannot be ended now are left to the next start.
async fn end_earlier(client: &AuthClient, file: &StateFile, earlier: &[WebhookId]) {
    let mut ended = vec![];
    for id in earlier {
        match client.unregister_webhook(id).await {
            Ok(()) => tracing::debug!(%id, "an earlier webhook subscription was ended"),
            // The auth center does not have it.
            Err(error) if error.kind() == ErrorKind::Rejected => {}
            Err(error) => {
                tracing::warn!(%id, %error, "an earlier webhook subscription could not be ended");
                continue;
            }
        }
        ended.push(id.clone());
    }
    file.remove(client, &ended).await;
}

/// Makes attempts until the auth center answers. `None` if stopped between attempts.
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
        if time::timeout(pause, stop.notified()).await.is_ok() {
            return None;
        }
        match attempt().await {
            Ok(id) => {
                tracing::debug!(%id, "subscribed to webhooks");
                return Some(Ok(id));
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                tracing::debug!(%error, "cannot subscribe to webhooks; will retry");
            }
            Err(error) => {
                tracing::warn!(%error, "webhook subscription rejected");
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

    fn backoff() -> Backoff {
        Backoff::new(Subscription::INITIAL_BACKOFF, Subscription::MAX_BACKOFF)
    }

    #[tokio::test(start_paused = true)]
    async fn unavailable_center_is_retried_with_backoff_of_1_to_60_seconds() {
        for outcome in [Ok(id()), Err(ErrorKind::Rejected.into()), Err(ErrorKind::Internal.into())] {
            let attempts = RefCell::new(vec![]);
            let attempt = || {
                attempts.borrow_mut().push(Instant::now());
                let result = if attempts.borrow().len() == 10 {
                    outcome.clone()
                } else {
                    Err(ErrorKind::Unavailable.into())
                };
                async { result }
            };
            let start = Instant::now();
            let settled = subscribe(attempt, backoff(), &Notify::new()).await.unwrap();
            assert_eq!(settled.map_err(|error| error.kind()), outcome.map_err(|error| error.kind()));
            let attempts = attempts.into_inner();
            assert!(attempts[0] - start <= Duration::from_millis(1), "the first attempt must be immediate");
            let most = [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Duration::from_secs);
            assert_eq!(attempts.len(), most.len() + 1);
            for (times, most) in attempts.windows(2).zip(most) {
                let pause = times[1] - times[0];
                // tokio's timer has a resolution of 1 ms.
                assert!(
                    most / 2 <= pause && pause <= most + Duration::from_millis(2),
                    "{pause:?} of {most:?}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn stop_takes_effect_between_attempts_only() {
        let stop = Notify::new();
        stop.notify_one();
        let never = || async { unreachable!("stopped before the first attempt") };
        assert!(subscribe(never, backoff(), &stop).await.is_none());

        let stop_and_fail = || async {
            stop.notify_one();
            tokio::time::sleep(Duration::from_secs(3)).await;
            Err(ErrorKind::Unavailable.into())
        };
        let start = Instant::now();
        assert!(subscribe(stop_and_fail, backoff(), &stop).await.is_none());
        assert_eq!(start.elapsed().as_secs(), 3, "the attempt completes, and no backoff follows");

        let stop_and_succeed = || async {
            stop.notify_one();
            Ok(id())
        };
        assert_eq!(subscribe(stop_and_succeed, backoff(), &stop).await.unwrap().unwrap(), id());
    }

    fn id() -> WebhookId {
        serde_json::from_str("7").unwrap()
    }

    #[cfg(feature = "test-util")]
    #[tokio::test]
    async fn subscription_succeeds_when_center_recovers() {
        use crate::testing::{AuthCenter, Fault};

        let center = AuthCenter::start().await;
        let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
        for fault in [Fault::status(503), Fault::Reset, Fault::Html, Fault::NotJson] {
            center.clear_requests();
            center.inject_fault_times(1, fault.clone());
            let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
            let subscription = Subscription::start_with(Settings {
                client: client.clone(),
                url: "http://x/".to_owned(),
                secret: "a secret of 16 b".into(),
                events: vec!["user.updated".to_owned()],
                state_file: None,
                backoff,
            });
            subscription.settled().await.unwrap();
            assert_eq!(center.calls("/webhook/register"), 2, "{fault:?}");
            subscription.shutdown(Duration::from_secs(30)).await.unwrap();
            assert_eq!(center.webhooks().len(), 0, "{fault:?}");
        }
    }
}
