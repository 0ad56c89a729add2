use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::client::{Inner, OutboundClient};
use super::origin::Origin;
use super::propagation::Propagator;
#[cfg(feature = "jwt")]
use super::signer::ServiceToken;
use crate::ports::usage::Record;
use crate::request::context::Recorder;
use crate::types::credential::Credential;
use crate::types::error::BuildError;
use crate::upstream::http_client;
use crate::upstream::trace_headers::TraceHeaders;
use crate::verifiers::client::AuthClient;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Builds an [`OutboundClient`]. Created by [`OutboundClient::builder`].
#[derive(Clone)]
#[must_use]
pub struct OutboundClientBuilder {
    client: AuthClient,
    trusted: Vec<String>,
    recorder: Option<Recorder>,
    connect_timeout: Duration,
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    default_credential: Option<Credential>,
    #[cfg(feature = "jwt")]
    service_tokens: Vec<(String, ServiceToken)>,
    max_redirects: usize,
    trace_headers: TraceHeaders,
    http: Option<reqwest::Client>,
}

impl OutboundClient {
    /// Starts a builder for a client that calls with the credentials of this app.
    pub fn builder(client: &AuthClient) -> OutboundClientBuilder {
        OutboundClientBuilder {
            client: client.clone(),
            trusted: Vec::new(),
            recorder: None,
            connect_timeout: Duration::from_secs(5),
            timeout: None,
            idle_timeout: None,
            default_credential: None,
            #[cfg(feature = "jwt")]
            service_tokens: Vec::new(),
            max_redirects: 10,
            trace_headers: client.api().trace_headers(),
            http: None,
        }
    }
}

impl OutboundClientBuilder {
    /// Trusts an origin, such as `https://orders.internal`, with the app's secret and the user's credential. Scheme, host
    /// and port must all be equal; there are no patterns. Each call adds an origin. Defaults to none.
    pub fn trust_origin(mut self, origin: impl Into<String>) -> Self {
        self.trusted.push(origin.into());
        self
    }

    /// Sets where calls are recorded, such as a `StatsCollector`. Defaults to the statistics of the current request's layer.
    pub fn with_stats(mut self, recorder: impl Record) -> Self {
        self.recorder = Some(Recorder::new(recorder));
        self
    }

    /// Sets the timeout of a connection attempt. Defaults to 5 s. No effect with [`http_client`](Self::http_client).
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the timeout of a call, redirects and the answer's body included. Defaults to 30 s, or to none with
    /// [`idle_timeout`](Self::idle_timeout). The timeout of a request takes precedence.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long an answer may pause, for streams such as server-sent events: from the request to the answer's head, and
    /// from each part of its body to the next. The call as a whole then has no timeout, unless [`timeout`](Self::timeout) or
    /// the request sets one. Defaults to none; [`OutboundRequest::idle_timeout`](super::OutboundRequest::idle_timeout) sets
    /// it for one request.
    ///
    /// The `timeout` of an [`http_client`](Self::http_client) of your own does not count then. Its `read_timeout` does, which
    /// reqwest can set for no single request. In a stack of middlewares, the time until the head is that of all that
    /// [`OutboundMiddleware`](super::OutboundMiddleware) is around, retries included: add it last.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets the credential of calls that no request has caused, such as those of a nightly job: to trusted origins, they
    /// carry it as `Authorization`, and their usage records are for its user. Defaults to none.
    ///
    /// It is for code that runs without a context, or in one that was [built by hand](crate::context::RequestContext::builder)
    /// without a credential. Calls on behalf of an anonymous request never carry it: whoever sent that would act with it.
    ///
    /// ```no_run
    /// # fn example(client: aigc_auth::AuthClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use aigc_auth::credential::Credential;
    /// use aigc_auth::outbound::OutboundClient;
    ///
    /// let access_key = Credential::new(std::env::var("NIGHTLY_ACCESS_KEY")?.trim())?;
    /// let outbound = OutboundClient::builder(&client)
    ///     .trust_origin("https://orders.internal")
    ///     .default_credential(access_key)
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    pub fn default_credential(mut self, credential: Credential) -> Self {
        self.default_credential = Some(credential);
        self
    }

    /// Calls a trusted origin as this service: by its own token, and not by the user's credential, unless
    /// [`ServiceToken::with_user`] says so. Also in code that no request has caused. Each call is for another origin. Defaults to
    /// none.
    ///
    /// ```
    /// # use aigc_auth::AuthClient;
    /// # use aigc_auth::jwt::Algorithm;
    /// use aigc_auth::outbound::OutboundClient;
    /// use aigc_auth::service::{ServiceKey, ServiceSigner};
    ///
    /// # fn example(client: AuthClient) -> Result<(), aigc_auth::error::BuildError> {
    /// let signer = ServiceSigner::builder("frontend", ServiceKey::generate(Algorithm::Es256)?).build()?;
    /// let outbound = OutboundClient::builder(&client)
    ///     .trust_origin("https://orders.internal")
    ///     .service_token("https://orders.internal", signer.for_audience("orders").scopes(["orders:read"]))
    ///     .build()?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "jwt")]
    pub fn service_token(mut self, origin: impl Into<String>, token: ServiceToken) -> Self {
        self.service_tokens.push((origin.into(), token));
        self
    }

    /// Sets how many redirects are followed. Defaults to 10. With 0, a redirect is the answer.
    pub fn max_redirects(mut self, redirects: usize) -> Self {
        self.max_redirects = redirects;
        self
    }

    /// Sets who writes the headers of the trace that a call to a trusted origin belongs to. Defaults to what the client of the auth
    /// center [does](crate::AuthClientBuilder::trace_headers).
    pub fn trace_headers(mut self, write: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.trace_headers = TraceHeaders::by(write);
        self
    }

    /// Sets the HTTP client (reqwest 0.13), for a proxy or a private root certificate. Build it with
    /// `redirect(Policy::none())`: on redirects, reqwest sends custom headers such as the app's secret to other hosts. Its
    /// `default_headers` go to every host, redirect targets included. The timeouts of this builder take the place of its
    /// `timeout`; its `connect_timeout` and `read_timeout` stay. Defaults to a client of this crate.
    ///
    /// It needs a TLS feature of reqwest, such as `rustls`: without one, building it panics beside this crate, "No rustls crypto provider is
    /// configured". The guide [`troubleshooting`](crate::_guide::troubleshooting) says why.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// If an origin is not exactly scheme, host and port, a service's token is for an origin that is not trusted, is there
    /// twice, or would stand where the user's credential does, or TLS cannot be set up.
    pub fn build(self) -> Result<OutboundClient, BuildError> {
        let trusted =
            self.trusted.iter().map(|origin| Origin::parse(origin)).collect::<Result<Vec<_>, _>>()?;
        #[cfg(feature = "jwt")]
        let service_tokens = origins_of(self.service_tokens, &trusted)?;
        let http = match self.http {
            Some(http) => http,
            None => http_client::new(true, self.connect_timeout)?,
        };
        let propagator = Propagator {
            trusted,
            app_headers: self.client.api().app_headers(),
            default_credential: self.default_credential,
            #[cfg(feature = "jwt")]
            service_tokens,
            trace_headers: self.trace_headers,
        };
        // A stream may go on for longer than any call.
        let default = if self.idle_timeout.is_some() { None } else { Some(TIMEOUT) };
        let inner = Inner {
            http,
            propagator,
            recorder: self.recorder,
            timeout: self.timeout.or(default),
            idle_timeout: self.idle_timeout,
            max_redirects: self.max_redirects,
        };
        Ok(OutboundClient { inner: Arc::new(inner) })
    }
}

/// Checks which origins receive the tokens of this service.
#[cfg(feature = "jwt")]
fn origins_of(
    tokens: Vec<(String, ServiceToken)>,
    trusted: &[Origin],
) -> Result<Vec<(Origin, ServiceToken)>, BuildError> {
    let mut checked: Vec<(Origin, ServiceToken)> = Vec::new();
    for (origin, token) in tokens {
        let origin = Origin::parse(&origin)?;
        let text = origin.text();
        if !trusted.contains(&origin) {
            return Err(BuildError::new(format!(
                "a service's token is for {text}, which is not trusted: add `trust_origin`"
            )));
        }
        if checked.iter().any(|(other, _)| *other == origin) {
            return Err(BuildError::new(format!("{text} has two tokens of this service: expected one")));
        }
        if token.carries_user() && token.is_in_authorization() {
            return Err(BuildError::new(format!(
                "calls to {text} carry the user's credential and the service's token in `Authorization`: set `header` of the token"
            )));
        }
        checked.push((origin, token));
    }
    Ok(checked)
}

impl fmt::Debug for OutboundClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundClientBuilder").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
