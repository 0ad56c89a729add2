use std::fmt;
use std::path::PathBuf;

use super::state_file::StateFile;
use super::subscription::{Settings, Subscription};
use crate::services::webhook::event::EVENTS;
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::types::webhook_secret;
use crate::util::backoff::Backoff;
use crate::verifiers::client::AuthClient;

/// Builds a [`Subscription`]; made by [`Subscription::builder`].
#[derive(Clone)]
#[must_use]
pub struct SubscriptionBuilder(Settings);

impl Subscription {
    /// Returns a builder for a subscription of this URL to all [`EVENTS`], to be signed with this secret.
    pub fn builder(
        client: &AuthClient,
        url: impl Into<String>,
        secret: impl Into<Secret>,
    ) -> SubscriptionBuilder {
        SubscriptionBuilder(Settings {
            client: client.clone(),
            url: url.into(),
            secret: secret.into(),
            events: EVENTS.map(str::to_owned).to_vec(),
            state_file: None,
            backoff: Backoff::new(Subscription::INITIAL_BACKOFF, Subscription::MAX_BACKOFF),
        })
    }
}

impl SubscriptionBuilder {
    /// Sets the events. Defaults to all [`EVENTS`].
    pub fn events<E: Into<String>>(mut self, events: impl IntoIterator<Item = E>) -> Self {
        self.0.events = events.into_iter().map(Into::into).collect();
        self
    }

    /// Sets a file that remembers the subscription from one start to the next, so that there is one, however often the service
    /// starts. Defaults to none: a process that ends without [`Subscription::shutdown`] then leaves a subscription behind, and
    /// after five crashes each event comes six times.
    ///
    /// Use one file for each URL, on a disk that outlives the process. A start subscribes anew, and then ends the subscriptions
    /// of the earlier starts, so that no event is missed in between. Processes that share the file share the subscription:
    /// the latest has it, and the others' `shutdown` leaves it alone. Where processes on several machines have one URL, let one of
    /// them subscribe.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.0.state_file = Some(StateFile::new(path.into()));
        self
    }

    /// Starts to subscribe, in the background.
    ///
    /// Retries until the auth center answers, with an exponential backoff from 1 s to 60 s.
    ///
    /// # Errors
    /// If the secret is shorter than 16 bytes, has white space at an end, or is not base64 after `whsec_`, as for
    /// [`WebhookConfig::new`](crate::webhook::WebhookConfig::new).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> Result<Subscription, BuildError> {
        webhook_secret::standard_key(&self.0.secret)?;
        Ok(Subscription::start_with(self.0))
    }
}

impl fmt::Debug for SubscriptionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the URL, which may contain a secret.
        f.debug_struct("SubscriptionBuilder").field("events", &self.0.events).finish_non_exhaustive()
    }
}
