use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::event::Report;
use super::proof::{Claims, Proof};
use super::rejection::WebhookRejection;
use super::signature::Key;
use crate::clock::Clock;
use crate::config::Env;
use crate::error::BuildError;
use crate::invalidate::Invalidate;
use crate::secret::Secret;
use crate::throttle::Throttle;

/// How webhooks are received: under which secrets, where, and whose caches forget. Cheap to clone.
///
/// There is none without a secret of at least 16 bytes, so no endpoint stands open.
///
/// ```
/// use aigc_auth::AuthClient;
/// use aigc_auth::webhook::WebhookConfig;
///
/// # fn main() -> Result<(), aigc_auth::BuildError> {
/// # let client = AuthClient::builder("app", "secret", "http://localhost").build()?;
/// // Or `WebhookConfig::from_env()`, from `AIGC_AUTH_WEBHOOK_SECRET`.
/// let config = WebhookConfig::new("the new secret, 32 bytes or more")?
///     .also_accept("the old secret, until all senders have the new one")?
///     .invalidate(client);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use]
pub struct WebhookConfig(Arc<Settings>);

#[derive(Clone)]
struct Settings {
    keys: Vec<Key>,
    prefix: String,
    standard_only: bool,
    replay_window: Duration,
    handler_timeout: Duration,
    max_running: usize,
    invalidates: Vec<Arc<dyn Invalidate>>,
    clock: Clock,
    warnings: Arc<Throttle>,
}

impl WebhookConfig {
    /// Takes what is signed under this secret. One of the form `whsec_<base64>`, as Standard Webhooks writes them, is
    /// decoded for its signatures.
    ///
    /// # Errors
    /// If the secret is shorter than 16 bytes, or is no base64 after `whsec_`.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, BuildError> {
        let clock = Clock::default();
        Ok(Self(Arc::new(Settings {
            keys: vec![Key::new(&secret.into())?],
            prefix: "/webhook".to_owned(),
            standard_only: false,
            replay_window: Duration::from_secs(600),
            handler_timeout: Duration::from_secs(30),
            max_running: 100,
            invalidates: Vec::new(),
            warnings: Arc::new(throttle(&clock)),
            clock,
        })))
    }

    /// Reads `AIGC_AUTH_WEBHOOK_SECRET` from the environment, or else from the `.env` file of the working directory.
    ///
    /// # Errors
    /// If it is not set, which says where it was looked for, and as [`WebhookConfig::new`].
    pub fn from_env() -> Result<Self, BuildError> {
        Self::new(Env::load()?.require("AIGC_AUTH_WEBHOOK_SECRET")?)
    }

    /// Takes what is signed under another secret as well, to change secrets without losing an event.
    ///
    /// # Errors
    /// As [`WebhookConfig::new`].
    pub fn also_accept(mut self, secret: impl Into<Secret>) -> Result<Self, BuildError> {
        let key = Key::new(&secret.into())?;
        self.settings_mut().keys.push(key);
        Ok(self)
    }

    /// Sets what comes before `/auth` in the path of [`router`](super::router). Defaults to `/webhook`; the slash in front
    /// may be left away.
    pub fn prefix(mut self, prefix: &str) -> Self {
        let prefix = prefix.trim_matches('/');
        self.settings_mut().prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        self
    }

    /// Has an `AuthClient`, or another cache, forget users: before the handler runs, on `user.updated`, `user.deleted`,
    /// and other `user.…` events; on those of log-ins and new users only if they say that he is not active, or that fields of
    /// his have changed. May be called for several.
    pub fn invalidate(mut self, cache: impl Invalidate) -> Self {
        self.settings_mut().invalidates.push(Arc::new(cache));
        self
    }

    /// Refuses what is not signed as Standard Webhooks say: with an id and a time. Without this, a body signed as the
    /// auth center does is taken however old it is, since its signature covers no time.
    pub fn require_timestamp(mut self) -> Self {
        self.settings_mut().standard_only = true;
        self
    }

    /// Sets how long an event that was handled is acknowledged when it comes again, and not handled twice. Defaults to
    /// 600 s; zero handles everything but what comes again while it is being handled.
    pub fn replay_window(mut self, window: Duration) -> Self {
        self.settings_mut().replay_window = window;
        self
    }

    /// Sets how long a handler may take before it is dropped and the sender told to try again. Defaults to 30 s.
    pub fn handler_timeout(mut self, timeout: Duration) -> Self {
        self.settings_mut().handler_timeout = timeout;
        self
    }

    /// Sets how many handlers may run at a time, at least 1; more events are answered 503. Defaults to 100.
    pub fn max_running(mut self, handlers: usize) -> Self {
        self.settings_mut().max_running = handlers.max(1);
        self
    }

    /// Takes the time from this clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        let settings = self.settings_mut();
        settings.warnings = Arc::new(throttle(&clock));
        settings.clock = clock;
        self
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.0)
    }

    pub(super) fn path(&self) -> String {
        format!("{}/auth", self.0.prefix)
    }

    pub(super) fn claims<'a>(&self, headers: &'a http::HeaderMap) -> Result<Claims<'a>, WebhookRejection> {
        Claims::read(headers, self.0.standard_only)
    }

    pub(super) fn check(&self, claims: &Claims<'_>, body: &[u8]) -> Result<Proof, WebhookRejection> {
        claims.check(&self.0.keys, body, self.0.clock.today())
    }

    pub(super) fn forget(&self, report: &Report) {
        let Some((id, username)) = report.outdates() else { return };
        for cache in &self.0.invalidates {
            cache.forget(id.as_ref(), username);
        }
    }

    /// A secret that does not match the sender's shows here first; who probes should not fill the log.
    pub(super) fn warn(&self, rejection: &WebhookRejection) {
        if self.0.warnings.is_due() {
            tracing::warn!(status = rejection.status().as_u16(), reason = %rejection, "webhook refused");
        } else {
            tracing::debug!(status = rejection.status().as_u16(), reason = %rejection, "webhook refused");
        }
    }

    pub(super) fn replays(&self) -> (Duration, Clock) {
        (self.0.replay_window, self.0.clock.clone())
    }

    pub(super) fn timeout(&self) -> Duration {
        self.0.handler_timeout
    }

    pub(super) fn limit(&self) -> usize {
        self.0.max_running
    }
}

fn throttle(clock: &Clock) -> Throttle {
    Throttle::new(clock.clone(), Duration::from_secs(10))
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
