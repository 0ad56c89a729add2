use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::keys::Keys;
use super::known::Known;
use super::listening::Listening;
use super::revocations::RedisRevocations;
use crate::ports::invalidate::{DynInvalidate, Invalidate};
use crate::services::revocation::list::RevokedList;
use crate::types::error::BuildError;
use crate::upstream::redis_link::{Link, LinkConfig, RedisAddress};
use crate::util::clock::{Clock, millis};

/// Builds [`RedisRevocations`]; made by [`RedisRevocations::builder`].
#[must_use]
pub struct RedisRevocationsBuilder {
    url: String,
    prefix: String,
    ask_every: Duration,
    capacity: usize,
    caches: Vec<Box<dyn DynInvalidate>>,
    clock: Clock,
}

impl RedisRevocationsBuilder {
    /// The bounds of [`ask_every`](Self::ask_every).
    const ASK_EVERY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);

    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            prefix: "revoked:".to_owned(),
            ask_every: Duration::from_secs(5),
            capacity: RevokedList::CAPACITY,
            caches: vec![],
            clock: Clock::default(),
        }
    }

    /// Sets what keys start with. Defaults to `revoked:`, so that they are `revoked:jti:…`, `revoked:sid:…` and `revoked:user:…`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets for how long an answer of Redis about a token is used while no pushes arrive: 1 to 30 s. Defaults to 5 s.
    pub fn ask_every(mut self, interval: Duration) -> Self {
        self.ask_every = interval;
        self
    }

    /// Sets how many revocations are remembered here at most, about 150 bytes each. Defaults to 1,000,000. If Redis has more, it
    /// is asked about each token, as while no pushes arrive.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = entries;
        self
    }

    /// Invalidates a user whose tokens were revoked in this cache as well, such as an `AuthClient`'s. May be called several times.
    pub fn invalidate(mut self, cache: impl Invalidate) -> Self {
        self.caches.push(Box::new(cache));
        self
    }

    /// Sets the clock, for tests.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts to connect, and does not wait for it.
    ///
    /// # Errors
    /// If the URL is not that of one Redis, `ask_every` is not 1 to 30 s, or this is called outside a runtime of tokio.
    pub fn build(self) -> Result<RedisRevocations, BuildError> {
        if !Self::ASK_EVERY.contains(&self.ask_every) {
            return Err(BuildError::new(format!(
                "expected `ask_every` to be 1 to 30 s, found {:?}",
                self.ask_every
            )));
        }
        let address = RedisAddress::parse(&self.url)?;
        let keys = Keys { prefix: self.prefix.into() };
        let list = RevokedList::new(self.clock, self.capacity, self.caches);
        let known = Arc::new(Known::new(list, millis(self.ask_every), Known::MAX_ASKED));
        let listening = Listening { keys: keys.clone(), known: known.clone() };
        let pushes = Link::start(&address, LinkConfig::PUSHES, listening)?;
        let calls = Link::start(&address, LinkConfig::CALLS, ())?;
        Ok(RedisRevocations::new(keys, known, calls, pushes))
    }
}

impl fmt::Debug for RedisRevocationsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRevocationsBuilder")
            .field("prefix", &self.prefix)
            .field("ask_every", &self.ask_every)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
