use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{AuthClient, Core, Inner};
use crate::cache::{Cache, Lifetimes};
use crate::clock::Clock;
use crate::config::Env;
use crate::error::BuildError;
use crate::flights::Flights;
use crate::secret::Secret;
use crate::transport::{Settings, Transport};

/// As good as for ever, and yet no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Builds an [`AuthClient`]; made by [`AuthClient::builder`] or from the environment.
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::AuthClient;
///
/// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth")
///     .cache_lifetime(Duration::from_secs(60))
///     .outage_grace(Duration::from_secs(3600))
///     .build()?;
/// # Ok::<(), aigc_auth::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct AuthClientBuilder {
    transport: Settings,
    lifetimes: Lifetimes,
    capacity: usize,
    max_look_ups: usize,
}

impl AuthClientBuilder {
    pub(super) fn new(app_id: String, app_secret: Secret, base_url: String) -> Self {
        Self {
            transport: Settings {
                base_url,
                app_id,
                app_secret,
                http: None,
                connect_timeout: Duration::from_secs(1),
                timeout: Duration::from_secs(5),
                max_in_flight: 256,
                max_answer: 1024 * 1024,
                clock: Clock::default(),
            },
            lifetimes: Lifetimes {
                identity: Duration::from_secs(300),
                grace: Duration::from_secs(300),
                refusal: Duration::from_secs(5),
            },
            capacity: 50_000,
            max_look_ups: 10_000,
        }
    }

    /// Starts from `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL`, read from the environment or
    /// else from the `.env` file of the working directory.
    ///
    /// # Errors
    /// If one of them is missing; the error names it and says where it was looked for.
    pub fn from_env() -> Result<Self, BuildError> {
        let env = Env::load()?;
        let [app_id, app_secret, base_url] =
            ["AIGC_AUTH_APP_ID", "AIGC_AUTH_APP_SECRET", "AIGC_AUTH_BASE_URL"].map(|name| env.require(name));
        Ok(Self::new(app_id?.to_owned(), app_secret?.into(), base_url?.to_owned()))
    }

    /// Sets how long a verified user is believed. Defaults to 300 s; never longer than the token itself. Zero asks for
    /// every request, and leaves nothing to stand in during an outage.
    pub fn cache_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.identity = lifetime.min(LONGEST);
        self
    }

    /// Sets how much longer a user is believed while the auth center cannot be reached. Defaults to 300 s; zero answers
    /// 503 instead.
    pub fn outage_grace(mut self, grace: Duration) -> Self {
        self.lifetimes.grace = grace.min(LONGEST);
        self
    }

    /// Sets how long a refusal is believed. Defaults to 5 s; zero asks again each time.
    pub fn refusal_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.refusal = lifetime.min(LONGEST);
        self
    }

    /// Sets how many credentials are cached at most. Defaults to 50,000, about 35 MB when full of ordinary users; users
    /// of over 1 KiB count for several.
    pub fn cache_capacity(mut self, credentials: usize) -> Self {
        self.capacity = credentials;
        self
    }

    /// Sets how long a call may take: waiting for its turn, the retry and reading the answer included. Defaults to 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.transport.timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how long a connection may take to come about. Defaults to 1 s; a client of your own keeps its own setting.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.transport.connect_timeout = timeout.min(LONGEST);
        self
    }

    /// Sets how many calls may be in flight at a time, at least 1; more wait their turn. Defaults to 256.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.transport.max_in_flight = calls.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// Sets how many credentials may be in the course of being looked up, at least 1; requests with others are answered
    /// 503. Defaults to 10,000.
    pub fn max_look_ups(mut self, credentials: usize) -> Self {
        self.max_look_ups = credentials.max(1);
        self
    }

    /// Makes the calls with a client of your own (reqwest 0.13), for a proxy, a private root certificate or another TLS
    /// backend.
    ///
    /// Build it with `redirect(Policy::none())`: reqwest would send the app's secret along to wherever it is
    /// redirected. This crate notices a redirect that was followed, but only afterwards.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.transport.http = Some(client);
        self
    }

    /// Takes the time from this clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.transport.clock = clock;
        self
    }

    /// Builds the client. No call is made yet.
    ///
    /// # Errors
    /// If the base URL is not one (`http` or `https`, without user name, query or fragment), if the app's id or secret
    /// is empty or cannot stand in a header, or if TLS cannot be set up.
    pub fn build(self) -> Result<AuthClient, BuildError> {
        let (clock, timeout) = (self.transport.clock.clone(), self.transport.timeout);
        let app_id = self.transport.app_id.as_str().into();
        let core = Core {
            transport: Transport::new(self.transport)?,
            cache: Cache::new(self.capacity, self.lifetimes, timeout, clock),
            app_id,
        };
        Ok(AuthClient {
            inner: Arc::new(Inner { core: Arc::new(core), flights: Flights::new(self.max_look_ups) }),
        })
    }
}

impl fmt::Debug for AuthClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthClientBuilder")
            .field("transport", &self.transport)
            .field("lifetimes", &self.lifetimes)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
