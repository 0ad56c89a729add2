use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::Semaphore;

use super::client::{AuthClient, Inner};
use super::core::Core;
use crate::ports::observer::{Observer, VerifierKind, Watch};
use crate::types::error::BuildError;
use crate::types::secret::Secret;
use crate::upstream::api_client::{ApiClient, BaseUrl, Settings, identity};
use crate::upstream::cluster::Cluster;
use crate::upstream::cluster::joins::Joins;
use crate::upstream::cluster::keys::AppKeys;
use crate::upstream::identity_cache::IdentityCache;
use crate::upstream::lookups::{self, LookupWatch, Lookups, MAX_DURATION};
#[cfg(feature = "redis")]
use crate::upstream::shared_cache::{Codec, SharedCache, Sharing};
use crate::upstream::trace_headers::TraceHeaders;
use crate::util::clock::Clock;
use crate::util::env::Env;

/// Builds an [`AuthClient`]. Created by [`AuthClient::builder`] or [`AuthClientBuilder::from_env`].
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::AuthClient;
///
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth")
///     .cache_ttl(Duration::from_secs(60))
///     .stale_if_error(Duration::from_secs(3600))
///     .build()?;
/// # Ok::<(), aigc_auth::error::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct AuthClientBuilder {
    api: Settings,
    lookups: lookups::Settings,
    cluster: Option<Cluster>,
}

impl AuthClient {
    /// Builds a client with defaults from `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL`, read from
    /// the environment, or else from the `.env` file of the working directory.
    ///
    /// # Errors
    /// If any of them is missing or invalid. The error names all that are, and where they were looked for.
    pub fn from_env() -> Result<Self, BuildError> {
        AuthClientBuilder::from_env()?.build()
    }

    /// Starts to build a client for this app and the auth center at this URL, such as
    /// `https://auth.example.com/aigc-auth`.
    pub fn builder(
        app_id: impl Into<String>,
        app_secret: impl Into<Secret>,
        base_url: impl Into<String>,
    ) -> AuthClientBuilder {
        AuthClientBuilder::new(app_id.into(), app_secret.into(), base_url.into())
    }
}

impl AuthClientBuilder {
    fn new(app_id: String, app_secret: Secret, base_url: String) -> Self {
        let lookups = lookups::Settings::default();
        Self {
            api: Settings {
                base_url,
                app_id,
                app_secret,
                http: None,
                connect_timeout: Duration::from_secs(1),
                timeout: lookups.timeout,
                max_in_flight: lookups.max_in_flight,
                max_response: 1024 * 1024,
                trace_headers: TraceHeaders::default(),
                clock: Clock::default(),
                watch: Watch::default(),
            },
            lookups,
            cluster: None,
        }
    }

    /// Starts to build a client from `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL`, read from the
    /// environment, or else from the `.env` file of the working directory. `AIGC_AUTH_APP_SECRET_FILE` may name a file with the
    /// secret instead, whose white space at the ends is left out.
    ///
    /// # Errors
    /// If any of them is missing or invalid, or the file cannot be read. The error names all that are, and where they were looked
    /// for.
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let mut variables = env.reader();
        let app_id = variables.require("AIGC_AUTH_APP_ID");
        variables.check_required(&app_id, identity::app_id);
        let app_secret = variables.require_secret("AIGC_AUTH_APP_SECRET");
        variables.check_required(app_secret.expose(), |_| identity::app_secret(&app_secret));
        let base_url = variables.require("AIGC_AUTH_BASE_URL");
        variables.check_required(&base_url, BaseUrl::parse);
        variables.finish()?;
        Ok(Self::new(app_id, app_secret, base_url))
    }

    /// Sets the TTL of verified users in the cache. Defaults to 300 s; never past the token's own expiry. Zero disables
    /// the cache of users, and with it [`stale_if_error`](Self::stale_if_error).
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.lookups.ttls.ttl = ttl;
        self
    }

    /// Sets how long past the TTL a user is served while the auth center is unavailable. Defaults to 300 s; with zero,
    /// requests are rejected with 503 instead.
    pub fn stale_if_error(mut self, duration: Duration) -> Self {
        self.lookups.ttls.stale_if_error = duration;
        self
    }

    /// Sets the TTL of rejections in the cache. Defaults to 5 s; zero disables the negative cache.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.lookups.ttls.negative_ttl = ttl;
        self
    }

    /// Sets the capacity of the cache, in credentials. Defaults to 50,000, about 17 MB when full of ordinary users; a user
    /// of over 1 KiB counts as several.
    pub fn cache_capacity(mut self, credentials: usize) -> Self {
        self.lookups.capacity = credentials;
        self
    }

    /// Sets the timeout of a call, which includes waiting for a free slot, the retry, and reading the response. Defaults
    /// to 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.api.timeout = timeout.min(MAX_DURATION);
        self
    }

    /// Sets the timeout of connecting. Defaults to 1 s. Does not apply to an [`http_client`](Self::http_client) of your
    /// own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.api.connect_timeout = timeout.min(MAX_DURATION);
        self
    }

    /// Sets how many calls may be in flight at a time, at least 1; more wait for a free slot, for three quarters of
    /// [`timeout`](Self::timeout) at most. Defaults to 256.
    ///
    /// Lookups of credentials that were not accepted the last time have four fifths of them at most, and those of one network
    /// (an IPv4 address, an IPv6 /64) four times as many as these have left. All callers whose address is unknown are one
    /// network.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.api.max_in_flight = calls.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Sets how many credentials may be looked up at a time, at least 1; requests with others are rejected with 503, or served
    /// stale. Defaults to 10,000.
    ///
    /// They are shared as [`max_in_flight`](Self::max_in_flight) says.
    pub fn max_concurrent_lookups(mut self, credentials: usize) -> Self {
        self.lookups.max_concurrent_lookups = credentials;
        self
    }

    /// Sets the HTTP client (reqwest 0.13), for a proxy, a private root certificate or another TLS backend.
    ///
    /// Build it with `redirect(Policy::none())`: reqwest would send the app's secret to the target of a redirect. This
    /// crate detects a redirect that was followed, but only afterwards.
    ///
    /// It needs a TLS feature of reqwest, such as `rustls`: without one, building it panics beside this crate, "No rustls crypto provider is
    /// configured". The guide [`troubleshooting`](crate::_guide::troubleshooting) says why.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.api.http = Some(client);
        self
    }

    /// Sets who writes the headers of the trace that a call belongs to, such as `traceparent`: for services that record spans. Called
    /// for each call to the auth center and, unless its builder says otherwise, for those of an `OutboundClient` to trusted origins;
    /// the [current span](tracing::Span::current) is then that of the call. Must not wait.
    ///
    /// Defaults to the `traceparent` and `tracestate` of the current request, as they came, if they are valid (W3C Trace Context): a
    /// service that records no spans passes them on unchanged. The guide is
    /// [`observability`](crate::_guide::observability).
    ///
    /// ```
    /// use aigc_auth::AuthClient;
    ///
    /// /// What `opentelemetry::global::get_text_map_propagator` and `opentelemetry_http::HeaderInjector` do.
    /// fn inject(headers: &mut http::HeaderMap) {
    ///     headers.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap());
    /// }
    ///
    /// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com").trace_headers(inject).build()?;
    /// # Ok::<(), aigc_auth::error::BuildError>(())
    /// ```
    pub fn trace_headers(mut self, write: impl Fn(&mut HeaderMap) + Send + Sync + 'static) -> Self {
        self.api.trace_headers = TraceHeaders::by(write);
        self
    }

    /// Shares invalidations with the other replicas of the service: a [`Cluster`], or a `RedisCluster`. Defaults to none: what one replica
    /// is told, such as by a webhook, the others learn when their TTL is over.
    ///
    /// Replicas agree on a credential by the app's secret: while they have different ones, such as in a rotation, a single credential that is
    /// invalidated at one stays cached at those with another secret. Users are invalidated everywhere.
    pub fn cluster(mut self, cluster: impl Into<Cluster>) -> Self {
        self.cluster = Some(cluster.into());
        self
    }

    /// Sets who is told of lookups, calls and the circuit breaker, by this client and by all that is built from it: the layer,
    /// `StatsCollector`, `Registration`, `UserSync`. Defaults to nobody, which costs nothing. A cached user costs about 280
    /// instructions more with an observer, and what it does itself.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.api.watch = Watch::by(observer);
        self
    }

    /// Sets the clock of the cache and the circuit breaker, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.api.clock = clock;
        self
    }

    /// Builds the client, without a call to the auth center.
    ///
    /// # Errors
    /// If the base URL is invalid (it must be `http` or `https`, without user name, query or fragment), if the app's id
    /// or secret is empty or not allowed in a header, if TLS cannot be set up, or if the cluster is that of another app.
    pub fn build(self) -> Result<AuthClient, BuildError> {
        let watch = self.api.watch.clone();
        let (clock, timeout, settings) = (self.api.clock.clone(), self.api.timeout, self.lookups.bounded());
        let (app_id, secret): (Arc<str>, _) = (self.api.app_id.as_str().into(), self.api.app_secret.clone());
        let api = ApiClient::new(self.api)?;
        let cache = IdentityCache::new(settings.capacity, settings.ttls, timeout, clock.clone());
        let mut cache = cache.watched(watch.is_on());
        if let Some(cluster) = &self.cluster {
            cluster.join(&app_id, &secret)?;
            cluster.observed_by(&watch);
            // By its own secret, which another client of the app may have rotated.
            cache = cluster.adopt(cache, Some(&AppKeys::new(&app_id, &secret)));
        }
        #[cfg(feature = "redis")]
        let shared = self.cluster.as_ref().and_then(|cluster| {
            let store = cluster.store().filter(|store| store.shares_users)?;
            // Not with those who ask another auth center, or as another app.
            let realm = format!("{} {app_id}", api.base);
            let codec = Codec::USERS;
            let ttls = settings.ttls;
            SharedCache::new(store, Sharing { secret: &secret, realm: &realm, codec, ttls, timeout, clock })
        });
        let core = Arc::new(Core {
            api,
            cache,
            app_id,
            watch: watch.clone(),
            #[cfg(feature = "redis")]
            shared,
        });
        let watch = LookupWatch::new(watch, VerifierKind::AuthCenter);
        let lookups = Lookups::new(core.clone(), settings.max_concurrent_lookups, timeout, watch);
        Ok(AuthClient { inner: Inner { core, lookups, cluster: self.cluster }.joined() })
    }
}

impl fmt::Debug for AuthClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthClientBuilder")
            .field("api", &self.api)
            .field("ttls", &self.lookups.ttls)
            .field("capacity", &self.lookups.capacity)
            .finish_non_exhaustive()
    }
}
