//! A key set at a URL: fetched when it is needed, kept for a while, and never asked for more often than agreed.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, HeaderValue};
use url::Url;

use super::algorithm::Algorithm;
use super::invalid;
use super::key_set::{Found, KeySet};
use super::token::Token;
use crate::cache::Cache;
use crate::clock::{Clock, Millis};
use crate::error::{AuthError, ErrorKind};
use crate::flights::Flights;
use crate::http_client::{self, Unread};
use crate::throttle::Throttle;

/// A set is believed for 10 minutes.
const LIFETIME: Millis = 600_000;
/// From here on it is fetched anew in the background.
const REFRESH: Millis = LIFETIME * 8 / 10;
/// Between two fetches, whatever is asked for.
const PAUSE: Millis = 30_000;
/// The same as long as there is no set at all, and nobody can be let in.
const FIRST_PAUSE: Millis = 1_000;
/// A whole fetch.
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 1024 * 1024;

pub(super) struct Jwks {
    core: Arc<Core>,
    flights: Flights<(), ()>,
}

/// What fetches hold on to.
struct Core {
    source: Source,
    cache: Arc<Cache>,
    warnings: Throttle,
    state: RwLock<State>,
}

/// Where the set is, and what is taken of it.
pub(super) struct Source {
    pub(super) http: reqwest::Client,
    pub(super) url: Url,
    pub(super) algorithms: Option<Vec<Algorithm>>,
    pub(super) clock: Clock,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Millis,
    tried_at: Option<Millis>,
    /// How the last try ended, if badly.
    failure: Option<AuthError>,
}

impl Jwks {
    pub(super) fn new(source: Source, cache: Arc<Cache>) -> Self {
        let warnings = Throttle::new(source.clock.clone(), Duration::from_secs(10));
        let core = Core { source, cache, warnings, state: RwLock::default() };
        Self { core: Arc::new(core), flights: Flights::new(1) }
    }

    /// The payload of a token, and until when its key may be believed; `None` where the set has to be fetched first,
    /// which it never has to be if that was done.
    pub(super) fn open(
        &self,
        token: &Token<'_>,
        fetched: bool,
    ) -> Result<Option<(Vec<u8>, SystemTime)>, AuthError> {
        let core = &*self.core;
        let (keys, age, failure) = {
            let state = core.read();
            (state.keys.clone(), core.now().saturating_sub(state.fetched_at), state.failure.clone())
        };
        let Some(keys) = keys else {
            return if fetched { Err(failure.unwrap_or_else(not_fetched)) } else { Ok(None) };
        };
        // An issuer that cannot be reached is not waited for: its last word stands.
        if age >= LIFETIME && failure.is_none() && !fetched {
            return Ok(None);
        }
        if age >= REFRESH && core.is_due() {
            // Without a runtime: the next request tries again.
            let _ = self.flights.start((), || fetch(self.core.clone()));
        }
        match keys.find(token.kid.as_deref(), token.algorithm) {
            Found::Key(key) => {
                let left = Duration::from_millis(LIFETIME.saturating_sub(age));
                Ok(Some((token.open(key)?, core.source.clock.today() + left)))
            }
            Found::Misfit => Err(invalid("its alg is not one that its key is for")),
            Found::Ambiguous => Err(invalid("it does not say which key it is signed by (kid)")),
            Found::Unknown if !fetched => Ok(None),
            // It may have been signed by a key that we would know, could we ask.
            Found::Unknown => Err(failure.unwrap_or_else(|| invalid("its key (kid) is not in the key set"))),
        }
    }

    /// Waits for a fetch: the one that is under way, or a new one unless there was one just now.
    pub(super) async fn fetch(&self) {
        // Its outcome is in the state.
        let _ = self.flights.join((), || fetch(self.core.clone())).await;
    }

    /// The outcome of the last fetch.
    pub(super) fn outcome(&self) -> Result<(), AuthError> {
        let state = self.core.read();
        match (&state.failure, &state.keys) {
            (Some(failure), _) => Err(failure.clone()),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(not_fetched()),
        }
    }
}

/// Runs in a task of its own, one at a time.
async fn fetch(core: Arc<Core>) {
    if !core.take_turn() {
        return;
    }
    match core.source.fetch().await {
        Ok(keys) => core.install(keys),
        Err(error) => {
            if core.warnings.is_due() {
                tracing::warn!(%error, "the key set cannot be fetched");
            }
            core.write().failure = Some(error);
        }
    }
}

impl Core {
    fn now(&self) -> Millis {
        self.source.clock.now()
    }

    fn is_due(&self) -> bool {
        self.read().is_due(self.now())
    }

    /// Whether it is time for a fetch; if so, none is due for a while.
    fn take_turn(&self) -> bool {
        let now = self.now();
        let mut state = self.write();
        let due = state.is_due(now);
        if due {
            state.tried_at = Some(now);
        }
        due
    }

    fn install(&self, keys: KeySet) {
        let now = self.now();
        if keys.len() == 0 {
            tracing::warn!("the key set has no key that tokens could be verified by: all are refused");
        }
        tracing::debug!(keys = keys.len(), "the key set was fetched");
        let lost_some = {
            let mut state = self.write();
            let lost_some = state.keys.as_ref().is_some_and(|old| old.has_lost_some(&keys));
            state.keys = Some(Arc::new(keys));
            state.fetched_at = now;
            state.failure = None;
            lost_some
        };
        if lost_some {
            // Whom they vouched for was let in by keys that count no more.
            self.cache.clear();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_due(&self, now: Millis) -> bool {
        let pause = if self.keys.is_some() { PAUSE } else { FIRST_PAUSE };
        self.tried_at.is_none_or(|tried| now.saturating_sub(tried) >= pause)
    }
}

impl Source {
    async fn fetch(&self) -> Result<KeySet, AuthError> {
        match tokio::time::timeout(TIMEOUT, self.get()).await {
            Ok(keys) => keys,
            Err(_) => Err(self.unavailable("no answer in time")),
        }
    }

    async fn get(&self) -> Result<KeySet, AuthError> {
        let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
        let request = self.http.get(self.url.clone()).header(ACCEPT, accept);
        let response = request.send().await.map_err(|error| self.broken("cannot connect", error))?;
        if response.url() != &self.url {
            // Only a client of the caller's own follows redirects.
            return Err(self.unavailable("the answer came by a redirect; build the HTTP client without them"));
        }
        let status = response.status();
        if !status.is_success() {
            return Err(self.unavailable(&format!("the answer is {status}; is the URL right?")));
        }
        let body = http_client::read(response, MAX_ANSWER).await.map_err(|unread| match unread {
            Unread::TooLarge => self.unavailable("the answer is over 1 MiB"),
            Unread::Broken(error) => self.broken("the connection broke within the answer", error),
        })?;
        KeySet::parse(&body, self.algorithms.as_deref()).map_err(|why| self.unavailable(why))
    }

    /// Its address without the query, which may be a secret.
    fn address(&self) -> String {
        format!("{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }

    fn unavailable(&self, what: &str) -> AuthError {
        let address = self.address();
        AuthError::new(ErrorKind::Unavailable).with_detail(format!("key set at {address}: {what}"))
    }

    fn broken(&self, what: &str, error: reqwest::Error) -> AuthError {
        self.unavailable(what).with_source(error.without_url())
    }
}

fn not_fetched() -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail("the key set is not there yet")
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("url", &self.core.source.address()).finish_non_exhaustive()
    }
}
