use std::fmt;
use std::time::Duration;

use url::Url;

use super::answer::Requirements;
use super::endpoint::{Endpoint, authorization};
use super::introspection::{Inner, Introspection};
use crate::ports::observer::{Observer, Watch};
use crate::types::claims::{ClaimsMapping, TokenKind};
use crate::types::error::BuildError;
use crate::types::secret::{Secret, check_ends};
use crate::upstream::http_client;
use crate::upstream::lookups::MAX_DURATION;
use crate::util::clock::Clock;

/// Builds an [`Introspection`]; made by [`Introspection::builder`].
#[derive(Clone)]
#[must_use]
pub struct IntrospectionBuilder {
    endpoint: String,
    client_id: String,
    client_secret: Secret,
    requirements: Requirements,
    any_audience: bool,
    timeout: Duration,
    http: Option<reqwest::Client>,
    plain_http: bool,
    clock: Clock,
    watch: Watch,
}

impl Introspection {
    /// Starts to build a verifier that asks this endpoint, as this client.
    pub fn builder(
        endpoint: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> IntrospectionBuilder {
        IntrospectionBuilder::new(endpoint.into(), client_id.into(), client_secret.into())
    }
}

impl IntrospectionBuilder {
    fn new(endpoint: String, client_id: String, client_secret: Secret) -> Self {
        Self {
            endpoint,
            client_id,
            client_secret,
            requirements: Requirements {
                audiences: None,
                issuers: None,
                leeway: Duration::from_secs(30),
                kinds: Vec::new(),
                mapping: ClaimsMapping::new().permissions_from_scope(),
            },
            any_audience: false,
            timeout: Duration::from_secs(5),
            http: None,
            plain_http: false,
            clock: Clock::default(),
            watch: Watch::default(),
        }
    }

    /// Sets the audience (`aud`) that a token must have. Required, unless
    /// [`insecure_any_audience`](Self::insecure_any_audience) is set.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences, of which a token must have at least one. With an empty list, all tokens are rejected.
    pub fn audiences(mut self, audiences: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.requirements.audiences = Some(audiences.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts tokens for any audience, and tokens without one.
    ///
    /// Right where the endpoint answers `active: true` for this client's own tokens only. Elsewhere, tokens that were issued
    /// for other services are accepted here, too; those services can replay them.
    pub fn insecure_any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// Sets the issuer (`iss`) that a token must have. Defaults to no check: the endpoint is the issuer's.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.requirements.issuers.get_or_insert_default().push(issuer.into());
        self
    }

    /// Sets the tolerated clock skew, for `exp` and `nbf`. Defaults to 30 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.requirements.leeway = leeway.min(MAX_DURATION);
        self
    }

    /// Accepts tokens that are said to be this, besides access tokens. Calls add up. Defaults to none.
    pub fn accept_kind(mut self, kind: TokenKind) -> Self {
        self.requirements.kinds.push(kind);
        self
    }

    /// Sets where the user's fields are read in the answer. Defaults to [`ClaimsMapping::new`] with
    /// [`permissions_from_scope`](ClaimsMapping::permissions_from_scope). For tokens of clients, without a user, the id is in
    /// `client_id`: `.subject_claim("client_id")`.
    pub fn mapping(mut self, mapping: ClaimsMapping) -> Self {
        self.requirements.mapping = mapping;
        self
    }

    /// Sets the timeout of a call, from the connection to the last byte. Defaults to 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(MAX_DURATION);
        self
    }

    /// Sets the HTTP client (reqwest 0.13), for a proxy or a private root certificate. Build it with
    /// `redirect(Policy::none())`: an answer that came by a redirect is no answer.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Allows an `http://` endpoint on another machine: whoever listens on the network reads the client's secret and all
    /// tokens. Defaults to `https://`, and `http://` on the loopback interface.
    pub fn insecure_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Sets who is told of calls of the endpoint; the layer above tells it, too. Defaults to nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.watch = Watch::by(observer);
        self
    }

    /// Sets the clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the verifier, without a call.
    ///
    /// # Errors
    /// If the URL is invalid, if the client's id or secret is empty or has white space at an end, if neither an audience nor
    /// [`insecure_any_audience`](Self::insecure_any_audience) is set, or if TLS cannot be set up.
    pub fn build(mut self) -> Result<Introspection, BuildError> {
        let url = self.url()?;
        if self.client_id.is_empty() || self.client_secret.expose().is_empty() {
            return Err(BuildError::new(
                "the client's id and secret for the introspection must not be empty",
            ));
        }
        match (self.any_audience, &self.requirements.audiences) {
            (true, _) => self.requirements.audiences = None,
            (false, None) => {
                return Err(BuildError::new(
                    "the introspection has no audience, so that tokens for other services would be accepted: set `audience`, \
                     or `insecure_any_audience` where the endpoint answers for this client's own tokens only",
                ));
            }
            (false, Some(_)) => {}
        }
        check_ends(&self.client_id, "client id of the introspection")?;
        check_ends(self.client_secret.expose(), "client secret of the introspection")?;
        let http = match self.http {
            Some(http) => http,
            None => http_client::new(url.scheme() == "https", Duration::from_secs(1))?,
        };
        let authorization = authorization(&self.client_id, &self.client_secret)?;
        Ok(Introspection::of(Inner {
            endpoint: Endpoint { http, url, authorization, timeout: self.timeout },
            requirements: self.requirements,
            clock: self.clock,
            watch: self.watch,
        }))
    }

    fn url(&self) -> Result<Url, BuildError> {
        let danger = "the network could read the client's secret";
        http_client::checked_url("introspection URL", &self.endpoint, self.plain_http, danger)
    }
}

impl fmt::Debug for IntrospectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionBuilder")
            .field("client_id", &self.client_id)
            .field("requirements", &self.requirements)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
