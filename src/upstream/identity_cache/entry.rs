use std::sync::Arc;
use std::time::SystemTime;

use quick_cache::Weighter;

use super::key::Key;
use super::value::{RejectedAbout, Value};
use crate::types::error::AuthError;
use crate::util::clock::{Clock, Millis};

/// A verified user, or another value, with everything that decides on later requests as numbers to compare.
#[derive(Clone)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    /// Until then the entry is served without a look at what follows.
    pub(super) check_at: Millis,
    /// From here on the entry is refreshed in the background.
    pub(super) refresh_at: Millis,
    /// From here on requests wait for a fresh value.
    pub(super) expires_at: Millis,
    /// Until then the entry is served while the auth center is unavailable.
    pub(super) stale_until: Millis,
    /// When the credential ends, by the date: a machine that was suspended has missed some of the milliseconds.
    pub(super) ends: Option<SystemTime>,
    /// The epoch of the invalidations when the lookup started, or when the entry was last found valid.
    pub(super) epoch: u64,
}

impl<V> Entry<V> {
    /// How long an entry is served before the date is asked.
    const DATE_CHECK: Millis = 1_000;

    pub(super) fn has_ended(&self, clock: &Clock) -> bool {
        self.ends.is_some_and(|ends| ends <= clock.today())
    }

    pub(super) fn next_check(&self, now: Millis) -> Millis {
        match self.ends {
            Some(_) => self.refresh_at.min(now + Self::DATE_CHECK),
            None => self.refresh_at,
        }
    }
}

/// A rejection.
#[derive(Clone)]
pub(super) struct Negative {
    pub(super) error: AuthError,
    pub(super) about: Option<Arc<RejectedAbout>>,
    pub(super) expires_at: Millis,
    pub(super) epoch: u64,
}

/// Weighs values by their size, so that the capacity bounds the memory.
#[derive(Clone)]
pub(super) struct BySize {
    /// The most that a value counts for.
    max: usize,
}

impl BySize {
    pub(super) const UNIT: usize = 1024;
    /// The weight of 1 MiB, the longest answer about a user.
    pub(super) const PER_MIB: usize = 1024 * 1024 / Self::UNIT;

    /// For a map of this capacity and number of shards, each of which takes no entry of over 97 % of its share.
    pub(super) fn new(capacity: usize, shards: usize) -> Self {
        let share = capacity / shards;
        Self { max: (share - share / 10).max(1) }
    }
}

impl<V: Value> Weighter<Key, Entry<V>> for BySize {
    fn weight(&self, _: &Key, entry: &Entry<V>) -> u64 {
        (1 + entry.value.size() / Self::UNIT).min(self.max) as u64
    }
}
