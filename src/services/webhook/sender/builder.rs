use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::dead_letter::{DeadLetter, OnDeadLetter};
use super::lanes::Lanes;
use super::sender::{Inner, Sender};
use crate::services::webhook::signing_key::SigningKey;
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::upstream::http_client;
use crate::upstream::http_url::{self, NoUrl};

/// Builds a [`Sender`]; made by [`Sender::builder`].
#[derive(Clone)]
#[must_use]
pub struct SenderBuilder {
    url: String,
    secrets: Vec<Secret>,
    timeout: Duration,
    attempts: u32,
    initial_backoff: Duration,
    http: Option<reqwest::Client>,
    on_dead_letter: Option<OnDeadLetter>,
    in_order: bool,
    turn_timeout: Duration,
}

impl Sender {
    /// Returns a builder for a sender to this URL, which signs with this secret. A user name and a password in the URL
    /// are sent as HTTP Basic authentication.
    pub fn builder(url: impl Into<String>, secret: impl Into<Secret>) -> SenderBuilder {
        SenderBuilder {
            url: url.into(),
            secrets: vec![secret.into()],
            timeout: Duration::from_secs(10),
            attempts: 3,
            initial_backoff: Duration::from_secs(1),
            http: None,
            on_dead_letter: None,
            in_order: false,
            turn_timeout: Duration::from_secs(300),
        }
    }
}

impl SenderBuilder {
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    /// Adds signatures of Standard Webhooks under another secret, to rotate secrets.
    pub fn also_sign_with(mut self, secret: impl Into<Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Sets the timeout of an attempt. Defaults to 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum number of attempts, at least 1. Defaults to 3.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the pause after the first attempt. It doubles with each attempt, up to 30 s, minus a jitter of up to half.
    /// Defaults to 1 s.
    pub fn backoff(mut self, initial: Duration) -> Self {
        self.initial_backoff = initial;
        self
    }

    /// Sets the HTTP client (reqwest 0.13), for a proxy or a private root certificate. Build it with
    /// `redirect(Policy::none())`.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Calls this with each event that was not delivered, when its last attempt has failed: to store it, and to send it again
    /// later. Also with one whose [turn](Self::turn_timeout) did not come. Called before [`Sender::send`] returns the error, and
    /// so should not block: hand the event to a channel. Not called for an event that cannot be sent at all, nor when the future of `send` is dropped.
    ///
    /// ```
    /// use aigc_auth::webhook::{DeadLetter, Sender};
    ///
    /// let (letters, mut undelivered) = tokio::sync::mpsc::channel::<DeadLetter>(1_000);
    /// let sender = Sender::builder("https://legacy.example.com/webhook/auth", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    ///     .on_dead_letter(move |letter| {
    ///         if let Err(error) = letters.try_send(letter) {
    ///             eprintln!("a webhook is lost: {error}");
    ///         }
    ///     })
    ///     .build()?;
    /// # let _ = (sender, undelivered.try_recv());
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn on_dead_letter(mut self, call: impl Fn(DeadLetter) + Send + Sync + 'static) -> Self {
        self.on_dead_letter = Some(OnDeadLetter::new(call));
        self
    }

    /// Delivers the events of one user one after another, in the order of the calls: an event waits until the earlier ones of
    /// its user were delivered, or have failed for the last time. The user is known by the `id` of the data, else by its
    /// `username`; events of others, and those that do not start with `user.`, wait for nobody. Defaults to no order, so that an
    /// event that is tried again may arrive after a later one.
    ///
    /// The order is kept among the clones of this sender, in one process. An event waits for its turn for
    /// [`turn_timeout`](Self::turn_timeout). A dead letter that is sent again comes after later events.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Sets how long an event of [`in_order`](Self::in_order) waits for the earlier ones of its user. An event whose turn does
    /// not come is not sent, and is a dead letter ([`TurnTimeout`](super::DeliveryErrorKind::TurnTimeout)). Defaults to 300 s:
    /// with the other defaults, an event takes 33 s at the most, or 150 s if its receiver asks for pauses of 60 s.
    pub fn turn_timeout(mut self, timeout: Duration) -> Self {
        self.turn_timeout = timeout;
        self
    }

    /// Builds the sender.
    ///
    /// # Errors
    /// If the URL is not an `http` or `https` URL, or over 64 KiB, if a secret is shorter than 16 bytes, has white space at an
    /// end or is not base64 after `whsec_`, or if TLS cannot be set up.
    pub fn build(self) -> Result<Sender, BuildError> {
        let url = http_url::parse(&self.url).map_err(|no_url| {
            let error = BuildError::new(format!("the webhook's URL {}", no_url.why()));
            match no_url {
                NoUrl::Unreadable(source) => error.with_source(source),
                _ => error,
            }
        })?;
        let target = http::Uri::try_from(url.as_str());
        target.map_err(|error| {
            BuildError::new("the webhook's URL cannot be sent in a request").with_source(error)
        })?;
        let http = match self.http {
            Some(http) => http,
            None => http_client::new(url.scheme() == "https", Self::CONNECT_TIMEOUT)?,
        };
        Ok(Sender(Arc::new(Inner {
            http,
            url,
            keys: self.secrets.iter().map(SigningKey::new).collect::<Result<_, _>>()?,
            timeout: self.timeout,
            attempts: self.attempts,
            initial_backoff: self.initial_backoff,
            on_dead_letter: self.on_dead_letter,
            lanes: self.in_order.then(Lanes::default),
            turn_timeout: self.turn_timeout,
        })))
    }
}

impl fmt::Debug for SenderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderBuilder")
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .field("backoff", &self.initial_backoff)
            .finish_non_exhaustive()
    }
}
