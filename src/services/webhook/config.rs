use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::StatusCode;

use super::body::BodyReader;
use super::clear_throttle::ClearThrottle;
use super::event::RawEvent;
use super::rejection::WebhookRejection;
use super::replays::Replays;
use super::signing_key::SigningKey;
use super::verification::{SignatureClaims, VerifiedDelivery};
use crate::ports::invalidate::{DynInvalidate, Invalidate};
use crate::ports::invalidation::Invalidation;
use crate::ports::observer::{Observer, Watch};
use crate::ports::replay_memory::{DynReplayMemory, ReplayMemory};
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::util::clock::Clock;
use crate::util::env::Env;
use crate::util::log_throttle::LogThrottle;

/// Configures how webhooks are received: secrets, path, and caches to invalidate. Cheap to clone.
///
/// Requires a secret of at least 16 bytes, so that no endpoint is unauthenticated.
///
/// ```
/// use aigc_auth::AuthClient;
/// use aigc_auth::webhook::WebhookConfig;
///
/// # fn main() -> Result<(), aigc_auth::error::BuildError> {
/// # let client = AuthClient::builder("app", "secret", "http://localhost").build()?;
/// // Or `WebhookConfig::from_env()`, from `AIGC_AUTH_WEBHOOK_SECRET`.
/// let config = WebhookConfig::new("whsec_bmV3IHNlY3JldCwgb2YgMzIgcmFuZG9tIGJ5dGVzISE=")? // the new one
///     .also_accept("whsec_b2xkIHNlY3JldCwgb2YgMzIgcmFuZG9tIGJ5dGVzISE=")? // until all senders have the new one
///     .invalidate(client);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct WebhookConfig(Arc<Settings>);

#[derive(Clone)]
struct Settings {
    keys: Vec<SigningKey>,
    prefix: String,
    standard_only: bool,
    replay_window: Duration,
    replay_memory: Option<Arc<dyn DynReplayMemory>>,
    handler_timeout: Duration,
    max_in_flight: usize,
    caches: Vec<Arc<dyn DynInvalidate>>,
    acknowledges_unspread: bool,
    bodies: BodyReader,
    clear_throttle: Arc<ClearThrottle>,
    clock: Clock,
    warn_throttle: Arc<LogThrottle>,
    watch: Watch,
}

impl WebhookConfig {
    /// Creates a configuration that accepts signatures under this secret. For Standard Webhooks, a secret of their form
    /// `whsec_<base64>`, or `v1,whsec_<base64>`, is decoded; any other is the key itself, while their libraries decode it, too.
    /// So use the first form, as `echo "whsec_$(openssl rand -base64 32)"` prints.
    ///
    /// # Errors
    /// If the secret is shorter than 16 bytes, starts or ends with white space, or is not base64 after `whsec_`.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, BuildError> {
        let clock = Clock::default();
        Ok(Self(Arc::new(Settings {
            keys: vec![SigningKey::new(&secret.into())?],
            prefix: "/webhook".to_owned(),
            standard_only: false,
            replay_window: Duration::from_secs(600),
            replay_memory: None,
            handler_timeout: Duration::from_secs(30),
            max_in_flight: 100,
            caches: Vec::new(),
            acknowledges_unspread: false,
            bodies: BodyReader::new(),
            clear_throttle: Arc::new(ClearThrottle::new(&clock)),
            warn_throttle: Arc::new(throttle(&clock)),
            clock,
            watch: Watch::default(),
        })))
    }

    /// Reads `AIGC_AUTH_WEBHOOK_SECRET`, or the file that `AIGC_AUTH_WEBHOOK_SECRET_FILE` names, from the environment, or else
    /// from the `.env` file of the working directory. White space at the ends is left out.
    ///
    /// # Errors
    /// If neither is set, or both; the error names the places that were searched. Also as [`WebhookConfig::new`].
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let mut variables = env.reader();
        let secret = variables.require_secret("AIGC_AUTH_WEBHOOK_SECRET");
        variables.finish()?;
        Self::new(secret)
    }

    /// Accepts signatures under another secret as well, to rotate secrets without losing an event.
    ///
    /// # Errors
    /// As [`WebhookConfig::new`].
    pub fn also_accept(mut self, secret: impl Into<Secret>) -> Result<Self, BuildError> {
        let key = SigningKey::new(&secret.into())?;
        self.settings_mut().keys.push(key);
        Ok(self)
    }

    /// Sets the part of the path before `/auth` for [`router`](super::router). Defaults to `/webhook`; the leading
    /// slash is optional.
    pub fn prefix(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        self.settings_mut().prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        self
    }

    /// Adds a cache, such as an `AuthClient`, whose users are invalidated before the handler runs: on `user.updated`,
    /// `user.deleted` and other `user.…` events; on `user.login` and `user.created` only if the user is not active or
    /// has updated fields. May be called for several caches.
    ///
    /// Where the cache belongs to a `Cluster`, the other replicas are told before the handler runs, for a second at most.
    pub fn invalidate(mut self, cache: impl Invalidate) -> Self {
        let settings = self.settings_mut();
        settings.watch = std::mem::take(&mut settings.watch).or(|| cache.observer().into());
        settings.caches.push(Arc::new(cache));
        self
    }

    /// Sets who is told of webhooks. Defaults to the observer of the first cache that has one, such as an `AuthClient`.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.settings_mut().watch = Watch::by(observer);
        self
    }

    /// Handles and acknowledges an event also if the other replicas of a `Cluster` cannot be told of it. Without this, it is answered 503
    /// with `Retry-After` before the handler runs, so that the sender tries again: its users are invalidated here, and the others are told
    /// as soon as they can be.
    pub fn acknowledge_unspread(mut self) -> Self {
        self.settings_mut().acknowledges_unspread = true;
        self
    }

    /// Requires signatures of Standard Webhooks, which cover an id and a timestamp. Without this, a body signed as the
    /// auth center does is accepted at any age, since its signature covers no timestamp.
    pub fn require_timestamp(mut self) -> Self {
        self.settings_mut().standard_only = true;
        self
    }

    /// Sets for how long a handled event is acknowledged without being handled again when it is repeated. Defaults to
    /// 600 s. Zero handles every repeated event, except those that arrive while their handler is in flight.
    pub fn replay_window(mut self, window: Duration) -> Self {
        self.settings_mut().replay_window = window;
        self
    }

    /// Sets the memory of the events that were handled, to share it among the processes of the service. Defaults to an
    /// [`InMemoryReplays`](super::InMemoryReplays) for each router.
    ///
    /// With a shared memory, an event that another process is handling is answered 503 with `Retry-After: 10`, so that the
    /// sender tries again. The process that handles it claims it for 10 s, renews that every 3.3 s, and releases it when the
    /// handler has ended or was dropped; after a process that was killed, the event is free 10 s later at the latest. A memory
    /// that fails, or takes over 2 s, is reported by a warning, and the event is handled.
    pub fn replay_memory(mut self, memory: impl ReplayMemory) -> Self {
        self.settings_mut().replay_memory = Some(Arc::new(memory));
        self
    }

    /// Sets the timeout of a handler. Its task is dropped then, and the sender gets a 500. Defaults to 30 s.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.settings_mut().handler_timeout = timeout;
        self
    }

    /// Sets how many handlers may be in flight, at least 1; further events get a 503. Defaults to 100.
    pub fn max_in_flight(mut self, handlers: usize) -> Self {
        self.settings_mut().max_in_flight = handlers.max(1);
        self
    }

    /// Sets the clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        let settings = self.settings_mut();
        settings.warn_throttle = Arc::new(throttle(&clock));
        settings.clear_throttle = Arc::new(ClearThrottle::new(&clock));
        settings.clock = clock;
        self
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    pub(super) fn path(&self) -> String {
        format!("{}/auth", self.0.prefix)
    }

    /// Reads the signatures. Done before the body is read: a request whose signature cannot be one costs no buffer.
    pub(super) fn claims(&self, headers: &http::HeaderMap) -> Result<SignatureClaims, WebhookRejection> {
        SignatureClaims::from_headers(headers, self.0.standard_only)
    }

    /// Reads the body and verifies its signature.
    pub(super) async fn read_verified(
        &self,
        claims: &SignatureClaims,
        body: Body,
    ) -> Result<(Bytes, VerifiedDelivery), WebhookRejection> {
        let body = self.0.bodies.read(body).await?;
        let delivery = claims.verify(&self.0.keys, &body, self.0.clock.today())?;
        Ok((body, delivery))
    }

    /// Invalidates what an event is about, here and in other replicas.
    pub(super) async fn invalidate_by(
        &self,
        event: &RawEvent,
        delivery: &VerifiedDelivery,
    ) -> Result<(), WebhookRejection> {
        let Some(invalidation) = event.invalidation() else { return Ok(()) };
        if invalidation != Invalidation::All || self.0.clear_throttle.is_due(delivery) {
            self.0.caches.iter().for_each(|cache| cache.apply(&invalidation));
        }
        // Also of what another delivery has applied: the others may not know of it yet.
        self.spread().await
    }

    /// Waits until other replicas have been told of what was applied.
    async fn spread(&self) -> Result<(), WebhookRejection> {
        let spreading = try_join_all(self.0.caches.iter().map(|cache| cache.spread()));
        let error = match tokio::time::timeout(SPREAD_TIMEOUT, spreading).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => "the other replicas were not told in time".into(),
        };
        if self.0.acknowledges_unspread {
            tracing::debug!(%error, "webhook handled before other replicas know of it");
            return Ok(());
        }
        tracing::debug!(%error, "webhook not handled: other replicas do not know of it");
        let message = "Other replicas cannot be told of this event right now";
        Err(WebhookRejection::new(StatusCode::SERVICE_UNAVAILABLE, message))
    }

    /// Logs a rejection. Throttled as a warning: a wrong secret must be visible, but scanners must not flood the log.
    pub(super) fn log_rejection(&self, rejection: &WebhookRejection) {
        if self.0.warn_throttle.is_due() {
            tracing::warn!(status = rejection.status().as_u16(), reason = %rejection, "webhook rejected");
        } else {
            tracing::debug!(status = rejection.status().as_u16(), reason = %rejection, "webhook rejected");
        }
    }

    pub(super) fn replays(&self) -> Replays {
        let Settings { replay_memory, replay_window, clock, .. } = &*self.0;
        Replays::new(replay_memory.clone(), *replay_window, clock)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.0.handler_timeout
    }

    pub(super) fn in_flight_limit(&self) -> usize {
        self.0.max_in_flight
    }
}

/// A little longer than a cluster takes to give up.
const SPREAD_TIMEOUT: Duration = Duration::from_millis(1_100);

fn throttle(clock: &Clock) -> LogThrottle {
    LogThrottle::new(clock.clone(), Duration::from_secs(10))
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("path", &self.path())
            .field("secrets", &self.0.keys.len())
            .field("replay_window", &self.0.replay_window)
            .field("handler_timeout", &self.0.handler_timeout)
            .finish_non_exhaustive()
    }
}
