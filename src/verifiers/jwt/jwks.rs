//! Cache a remote key set: fetch it on demand, refresh it in the background, and limit the rate of fetches.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use super::algorithm::Algorithm;
use super::error::{Reason, Rejection, invalid_token};
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
/// So many unknown `kid`s are remembered, at most.
const MAX_MISSING: usize = 1_000;

/// Whether the issuer has been asked since a token arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetch {
    /// Not yet.
    Pending,
    /// Not again: it is too soon.
    TooSoon,
    Done,
}

pub(super) struct Jwks {
    core: Arc<Core>,
    flights: SingleFlight<(), Fetch>,
}

/// Shared with the task of a fetch.
struct Core {
    endpoint: JwksEndpoint,
    clock: Clock,
    /// Users whose tokens were verified by keys of the set.
    cache: Arc<IdentityCache>,
    warnings: LogThrottle,
    /// Of the `kid`s that strangers choose.
    hasher: RandomState,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Millis,
    /// How many sets were fetched.
    generation: u64,
    /// Tokens' `kid`s, hashed, that were missing at some generation.
    missing: HashMap<u64, u64>,
    last_attempt: Option<Millis>,
    /// The error of the last attempt, if it failed.
    failure: Option<AuthError>,
}

impl Jwks {
    pub(super) fn new(endpoint: JwksEndpoint, cache: Arc<IdentityCache>, clock: Clock) -> Self {
        let warnings = LogThrottle::new(clock.clone(), Duration::from_secs(10));
        let (hasher, state) = (RandomState::new(), RwLock::default());
        let core = Core { endpoint, clock, cache, warnings, hasher, state };
        Self { core: Arc::new(core), flights: SingleFlight::new(1) }
    }

    /// Verifies the signature of a token. Returns until when its key is fresh.
    ///
    /// `None` if the key set has to be fetched first, while that is pending.
    pub(super) fn verify(&self, token: &Token<'_>, fetch: Fetch) -> Result<Option<SystemTime>, Rejection> {
        let core = &*self.core;
        let (keys, age, failure) = {
            let state = core.read();
            (state.keys.clone(), core.now().saturating_sub(state.fetched_at), state.failure.clone())
        };
        let Some(keys) = keys else {
            return match fetch {
                // No set can verify it.
                _ if token.algorithm.is_symmetric() => {
                    Err(invalid_token(Reason::Algorithm, KeySet::why_symmetric(token.algorithm)))
                }
                Fetch::Pending => Ok(None),
                _ => Err(failure.unwrap_or_else(not_fetched).into()),
            };
        };
        // While the issuer is unavailable, the stale set is used without waiting.
        if age >= TTL && failure.is_none() && fetch == Fetch::Pending {
            return Ok(None);
        }
        if age >= REFRESH_AFTER && core.is_fetch_due() {
            // Fails without a runtime: the next request tries again.
            let _ = self.flights.start((), || Ok(fetch_set(self.core.clone())));
        }
        match keys.find(token) {
            KeyLookup::Found(candidates) => {
                let left = Duration::from_millis(TTL.saturating_sub(age));
                token.verify_by_any(&candidates)?;
                Ok(Some(core.clock.today() + left))
            }
            KeyLookup::Never(reason) => Err(invalid_token(Reason::Key, reason)),
            KeyLookup::Unknown(_) if fetch == Fetch::Pending => Ok(None),
            // After a failed fetch it stays open whether the issuer has published the key since.
            KeyLookup::Unknown(reason) => {
                Err(failure.map_or_else(|| core.unknown(token, fetch, reason), Rejection::from))
            }
        }
    }

    /// Whether a key of the set may be for this algorithm.
    pub(super) fn may_support(&self, algorithm: Algorithm) -> bool {
        let configured = self.core.endpoint.algorithms.as_ref();
        !algorithm.is_symmetric() && configured.is_none_or(|configured| configured.contains(&algorithm))
    }

    /// Waits for the fetch in flight, or starts one unless the minimum interval forbids it.
    pub(super) async fn fetch(&self) -> Fetch {
        // Whether it worked is in the state. A flight that was lost has asked nobody.
        self.flights.join((), || fetch_set(self.core.clone())).await.unwrap_or(Fetch::TooSoon)
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
async fn fetch_set(core: Arc<Core>) -> Fetch {
    if !core.start_attempt() {
        return Fetch::TooSoon;
    }
    let usable = core.endpoint.fetch().await.and_then(|keys| match keys.len() {
        // An issuer that has lost its keys for a while takes nothing from the users of the last set.
        0 => Err(core.endpoint.unavailable(&keys.why_unusable())),
        _ => Ok(keys),
    });
    match usable {
        Ok(keys) => core.install(keys),
        Err(error) => {
            if core.warnings.is_due() {
                tracing::warn!(%error, "cannot fetch the key set");
            }
            core.write().failure = Some(error);
        }
    }
    Fetch::Done
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

    /// Returns the error for a token whose key the set does not have. It may have been published since the last fetch, so that
    /// the token is rejected only if the issuer was asked for it, or was asked again since such a token came first.
    fn unknown(&self, token: &Token<'_>, fetch: Fetch, reason: String) -> Rejection {
        let hash = self.hasher.hash_one(token.kid.as_deref());
        let now = self.now();
        let mut state = self.write();
        if state.missing.len() >= MAX_MISSING && !state.missing.contains_key(&hash) {
            state.missing.clear();
        }
        let generation = state.generation;
        let first = *state.missing.entry(hash).or_insert(generation);
        if fetch == Fetch::Done || first < generation {
            return invalid_token(Reason::Key, reason);
        }
        let rest = Duration::from_millis(state.until_next_fetch(now));
        let detail = format!("{reason}, as of a moment ago; it is fetched again in {} s", rest.as_secs() + 1);
        AuthError::new(ErrorKind::Unavailable).with_detail(detail).with_retry_after(rest).into()
    }

    fn install(&self, keys: KeySet) {
        let now = self.now();
        tracing::debug!(keys = keys.len(), "key set fetched");
        let removed_some = {
            let mut state = self.write();
            let old = state.keys.take();
            let removed_some = old.as_ref().is_some_and(|old| old.has_keys_missing_from(&keys));
            // Keys that were there are no longer: nobody has to be asked again.
            let removed = old.iter().flat_map(|old| old.kids_missing_from(&keys));
            state.missing.extend(removed.map(|kid| (self.hasher.hash_one(Some(kid)), 0)));
            state.keys = Some(Arc::new(keys));
            state.fetched_at = now;
            state.generation += 1;
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
        self.until_next_fetch(now) == 0
    }

    fn until_next_fetch(&self, now: Millis) -> Millis {
        let interval = if self.keys.is_some() { MIN_INTERVAL } else { FIRST_MIN_INTERVAL };
        self.last_attempt.map_or(0, |attempt| (attempt + interval).saturating_sub(now))
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::verifiers::jwt::JwtVerifier;
    use crate::verifiers::jwt::source::Keys;

    #[test]
    fn unknown_kids_are_remembered_up_to_a_bound() {
        let verifier = JwtVerifier::from_jwks("https://issuer.example/keys").build().unwrap();
        let Keys::Remote(Jwks { core, .. }) = &verifier.inner.sources[0].keys else { unreachable!() };
        let ask = |kid: usize| {
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#));
            let token = format!("{header}.e30.AAAA");
            let token = Token::parse(token.as_bytes()).ok().unwrap();
            assert!(core.unknown(&token, Fetch::TooSoon, String::new()).is_outage());
        };
        (0..MAX_MISSING).for_each(ask);
        ask(MAX_MISSING - 1);
        assert_eq!(core.read().missing.len(), MAX_MISSING, "one that is known takes no room");
        (MAX_MISSING..3 * MAX_MISSING).for_each(|kid| {
            ask(kid);
            assert!(core.read().missing.len() <= MAX_MISSING);
        });
    }
}
