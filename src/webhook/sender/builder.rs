use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::{Inner, Sender};
use crate::error::BuildError;
use crate::http_client;
use crate::secret::Secret;
use crate::webhook::signature::Key;

/// Builds a [`Sender`]; made by [`Sender::builder`].
#[derive(Clone)]
#[must_use]
pub struct SenderBuilder {
    url: String,
    secrets: Vec<Secret>,
    timeout: Duration,
    attempts: u32,
    backoff: Duration,
    http: Option<reqwest::Client>,
}

impl SenderBuilder {
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

    pub(super) fn new(url: String, secret: Secret) -> Self {
        Self {
            url,
            secrets: vec![secret],
            timeout: Duration::from_secs(10),
            attempts: 3,
            backoff: Duration::from_secs(1),
            http: None,
        }
    }

    /// Adds signatures of Standard Webhooks under another secret, while the receiver changes from one to the other.
    pub fn also_sign_with(mut self, secret: impl Into<Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Sets how long an attempt may take. Defaults to 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often a delivery is tried, at least once. Defaults to 3.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the pause after the first attempt, which doubles with each further one, up to 30 s; a random part of up to
    /// half is taken off. Defaults to 1 s.
    pub fn backoff(mut self, first: Duration) -> Self {
        self.backoff = first;
        self
    }

    /// Makes the calls with a client of your own (reqwest 0.13), for a proxy or a private root certificate. Build it with
    /// `redirect(Policy::none())`.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Builds the sender. Nothing is sent yet.
    ///
    /// # Errors
    /// If the URL is not one of `http` or `https`, or over 64 KiB, if a secret is shorter than 16 bytes, or if TLS cannot be
    /// set up.
    pub fn build(self) -> Result<Sender, BuildError> {
        let url = Url::parse(&self.url)
            .map_err(|error| BuildError::new("the webhook's URL is not a URL").with_source(error))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(BuildError::new(
                "the webhook's URL must start with https:// or http:// and name a host",
            ));
        }
        let target = http::Uri::try_from(url.as_str());
        target.map_err(|error| {
            BuildError::new("the webhook's URL cannot stand in a request").with_source(error)
        })?;
        let http = match self.http {
            Some(http) => http,
            None => http_client::new(url.scheme() == "https", Self::CONNECT_TIMEOUT)?,
        };
        Ok(Sender(Arc::new(Inner {
            http,
            url,
            keys: self.secrets.iter().map(Key::new).collect::<Result<_, _>>()?,
            timeout: self.timeout,
            attempts: self.attempts,
            backoff: self.backoff,
        })))
    }
}

impl fmt::Debug for SenderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SenderBuilder")
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}
