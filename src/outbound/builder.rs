use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::carry::Carrier;
use super::client::{Inner, OutboundClient};
use super::origin::Origin;
use crate::client::AuthClient;
use crate::context::Recorder;
use crate::error::BuildError;
use crate::http_client;
use crate::record::Record;

/// Builds an [`OutboundClient`]; made by [`OutboundClient::builder`].
#[derive(Clone)]
#[must_use]
pub struct OutboundBuilder {
    client: AuthClient,
    trusted: Vec<String>,
    recorder: Option<Recorder>,
    connect_timeout: Duration,
    timeout: Duration,
    max_redirects: usize,
    http: Option<reqwest::Client>,
}

impl OutboundBuilder {
    pub(super) fn new(client: &AuthClient) -> Self {
        Self {
            client: client.clone(),
            trusted: Vec::new(),
            recorder: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_redirects: 10,
            http: None,
        }
    }

    /// Sends the app's secret and the user's credential to this origin, such as `https://orders.internal`: scheme, host and
    /// port, all of which have to be the same. Call it for each. Defaults to none.
    pub fn trust_origin(mut self, origin: impl Into<String>) -> Self {
        self.trusted.push(origin.into());
        self
    }

    /// Records calls here, such as a `StatsCollector`. Defaults to the statistics of the current request's layer.
    pub fn stats(mut self, recorder: impl Record) -> Self {
        self.recorder = Some(Recorder::new(recorder));
        self
    }

    /// Sets how long a connection may take to come about. Defaults to 5 s; a client of your own keeps its own setting.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long a call may take, redirects and the answer's body included. Defaults to 30 s; a request's own timeout
    /// goes before it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many redirects are followed. Defaults to 10; of zero, the first is the answer.
    pub fn max_redirects(mut self, redirects: usize) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// Makes the calls with a client of your own (reqwest 0.13), for a proxy, a private root certificate or more. Build it
    /// with `redirect(Policy::none())`: reqwest sends custom headers such as the app's secret along to other hosts. Its
    /// `default_headers` go to every host, and to where redirects lead.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// If an origin is not scheme, host and port, or TLS cannot be set up.
    pub fn build(self) -> Result<OutboundClient, BuildError> {
        let trusted = self.trusted.iter().map(|origin| Origin::parse(origin)).collect::<Result<_, _>>()?;
        let http = match self.http {
            Some(http) => http,
            None => http_client::new(true, self.connect_timeout)?,
        };
        let carrier = Carrier { trusted, app: self.client.transport().app_headers() };
        let inner = Inner {
            http,
            carrier,
            recorder: self.recorder,
            timeout: self.timeout,
            max_redirects: self.max_redirects,
        };
        Ok(OutboundClient { inner: Arc::new(inner) })
    }
}

impl fmt::Debug for OutboundBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
