//! Cache a remote key set: fetch it on demand, refresh it in the background, and limit the rate of fetches.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use super::error::invalid_token;
use super::jwks_endpoint::JwksEndpoint;
use super::key_set::{KeyLookup, KeySet};
use super::token::Token;
use crate::types::error::{AuthError, ErrorKind};
use crate::upstream::identity_cache::IdentityCache;
use crate::util::clock::{Clock, Millis};
use crate::util::log_throttle::LogThrottle;
use crate::util::single_flight::SingleFlight;

/// How long a key set is fresh: 10 minutes.
const TTL: Millis = 600_000;
/// From this age on it is refreshed in the background.
const REFRESH_AFTER: Millis = TTL * 8 / 10;
/// Between two fetches, whatever triggers them.
const MIN_INTERVAL: Millis = 30_000;
/// The same while no key set was fetched yet, and every token has to wait for one.
const FIRST_MIN_INTERVAL: Millis = 1_000;

pub(super) struct Jwks {
    core: Arc<Core>,
    flights: SingleFlight<(), ()>,
}

/// Shared with the task of a fetch.
struct Core {
    endpoint: JwksEndpoint,
    clock: Clock,
    /// Users whose tokens were verified by keys of the set.
    cache: Arc<IdentityCache>,
    warnings: LogThrottle,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Millis,
    last_attempt: Option<Millis>,
    /// The error of the last attempt, if it failed.
    failure: Option<AuthError>,
}

impl Jwks {
    pub(super) fn new(endpoint: JwksEndpoint, cache: Arc<IdentityCache>, clock: Clock) -> Self {
        let warnings = LogThrottle::new(clock.clone(), Duration::from_secs(10));
        let core = Core { endpoint, clock, cache, warnings, state: RwLock::default() };
        Self { core: Arc::new(core), flights: SingleFlight::new(1) }
    }

    /// Verifies the signature of a token. Returns its payload, and until when its key is fresh.
    ///
    /// `None` if the key set has to be fetched first, which never happens with `fetched`.
    pub(super) fn verified_payload(
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
        // While the issuer is unavailable, the stale set is used without waiting.
        if age >= TTL && failure.is_none() && !fetched {
            return Ok(None);
        }
        if age >= REFRESH_AFTER && core.is_fetch_due() {
            // Fails without a runtime: the next request tries again.
            let _ = self.flights.start((), || Ok(fetch(self.core.clone())));
        }
        match keys.find(token.kid.as_deref(), token.algorithm) {
            KeyLookup::Found(key) => {
                let left = Duration::from_millis(TTL.saturating_sub(age));
                Ok(Some((token.verified_payload(key)?, core.clock.today() + left)))
            }
            KeyLookup::AlgorithmMismatch => {
                Err(invalid_token("the key of the JWT is not meant for the `alg` of its header"))
            }
            KeyLookup::Ambiguous => {
                Err(invalid_token("ambiguous `kid`: several keys of the key set match the JWT"))
            }
            KeyLookup::Unknown if !fetched => Ok(None),
            // After a failed fetch it stays open whether the issuer has published the key since.
            KeyLookup::Unknown => Err(failure
                .unwrap_or_else(|| invalid_token("unknown `kid`: no key of the key set matches the JWT"))),
        }
    }

    /// Waits for the fetch in flight, or starts one unless the minimum interval forbids it.
    pub(super) async fn fetch(&self) {
        // The outcome is in the state.
        let _ = self.flights.join((), || fetch(self.core.clone())).await;
    }

    /// Returns the outcome of the last fetch.
    pub(super) fn last_outcome(&self) -> Result<(), AuthError> {
        let state = self.core.read();
        match (&state.failure, &state.keys) {
            (Some(failure), _) => Err(failure.clone()),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(not_fetched()),
        }
    }
}

/// Fetches the key set. Runs in its own task, one at a time.
async fn fetch(core: Arc<Core>) {
    if !core.start_attempt() {
        return;
    }
    match core.endpoint.fetch().await {
        Ok(keys) => core.install(keys),
        Err(error) => {
            if core.warnings.is_due() {
                tracing::warn!(%error, "cannot fetch the key set");
            }
            core.write().failure = Some(error);
        }
    }
}

impl Core {
    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn is_fetch_due(&self) -> bool {
        self.read().is_fetch_due(self.now())
    }

    /// Records an attempt and returns true, if the minimum interval has passed.
    fn start_attempt(&self) -> bool {
        let now = self.now();
        let mut state = self.write();
        let due = state.is_fetch_due(now);
        if due {
            state.last_attempt = Some(now);
        }
        due
    }

    fn install(&self, keys: KeySet) {
        let now = self.now();
        if keys.len() == 0 {
            tracing::warn!("the key set has no usable verification key: all tokens are rejected");
        }
        tracing::debug!(keys = keys.len(), "key set fetched");
        let removed_some = {
            let mut state = self.write();
            let removed_some = state.keys.as_ref().is_some_and(|old| old.has_keys_missing_from(&keys));
            state.keys = Some(Arc::new(keys));
            state.fetched_at = now;
            state.failure = None;
            removed_some
        };
        if removed_some {
            // Cached users may have been verified by the removed keys.
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
    fn is_fetch_due(&self, now: Millis) -> bool {
        let interval = if self.keys.is_some() { MIN_INTERVAL } else { FIRST_MIN_INTERVAL };
        self.last_attempt.is_none_or(|attempt| now.saturating_sub(attempt) >= interval)
    }
}

fn not_fetched() -> AuthError {
    AuthError::new(ErrorKind::Unavailable).with_detail("the key set has not been fetched yet")
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("url", &self.core.endpoint.address()).finish_non_exhaustive()
    }
}
