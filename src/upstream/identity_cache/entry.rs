use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use quick_cache::Weighter;

use super::key::Key;
use super::value::{RejectedAbout, Value};
use crate::types::error::AuthError;
use crate::util::clock::{Clock, Millis, millis};
use crate::util::narrow::{U40, U48};

/// A verified user, or another value, with everything that decides on later requests.
#[derive(Clone)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    /// A struct of its own, which each hit copies as a whole: in two moves in place of twelve.
    pub(super) terms: Terms,
}

/// Until when a value is served, and how, as numbers to compare.
///
/// They are narrow, since there is an entry for every user: this is 32 bytes. A time that is too far away becomes an earlier one.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Until then the entry is served without a look at what follows: no later than `expires_at`.
    pub(super) check_at: U40,
    /// From here on the entry is refreshed in the background.
    pub(super) refresh_at: U40,
    /// From here on requests wait for a fresh value.
    pub(super) expires_at: U40,
    /// Until then the entry is served while the auth center is unavailable.
    pub(super) stale_until: U40,
    /// When the credential ends.
    pub(super) ends: End,
    /// The epoch of the invalidations when the lookup started, or when the entry was last found valid.
    pub(super) epoch: U48,
}

/// When a credential ends, by the date: a machine that was suspended has missed some of the milliseconds of the clock.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// Milliseconds since 1970, rounded down; the greatest number for none.
    millis: U48,
}

impl End {
    pub(super) fn is_over(self, clock: &Clock) -> bool {
        // The present is rounded down as well.
        self.is_set() && self.millis.get() <= since_1970(clock.today())
    }

    pub(super) fn is_set(self) -> bool {
        self.millis != U48::MAX
    }

    pub(super) fn min(self, other: Self) -> Self {
        if other.millis.get() < self.millis.get() { other } else { self }
    }
}

impl From<Option<SystemTime>> for End {
    fn from(end: Option<SystemTime>) -> Self {
        let latest = U48::MAX.get() - 1;
        Self { millis: end.map_or(U48::MAX, |end| since_1970(end).min(latest).into()) }
    }
}

/// Milliseconds since 1970; 0 for times before.
fn since_1970(time: SystemTime) -> Millis {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

impl Terms {
    /// How long an entry is served before the date is asked.
    const DATE_CHECK: Millis = 1_000;

    pub(super) fn has_ended(&self, clock: &Clock) -> bool {
        self.ends.is_over(clock)
    }

    pub(super) fn next_check(&self, now: Millis) -> U40 {
        let due = self.refresh_at.get().min(self.expires_at.get());
        if self.ends.is_set() { due.min(now + Self::DATE_CHECK).into() } else { due.into() }
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
        let size = size_of::<(Key, Entry<V>)>() + entry.value.size();
        (1 + size / Self::UNIT).min(self.max) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::types::user::UserInfo;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn an_entry_takes_five_words() {
        assert_eq!((size_of::<Entry<UserInfo>>(), size_of::<(Key, Entry<UserInfo>)>()), (40, 56));
    }

    #[test]
    fn an_end_is_over_with_its_millisecond_and_no_later_than_it_was_given() {
        let clock = Clock::held();
        let in_a_second = clock.today() + Duration::from_secs(1);
        let nanosecond = Duration::from_nanos(1);
        let century = Duration::from_secs(100 * 365 * 86_400);
        let far = [
            UNIX_EPOCH.checked_add(90 * century),
            UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX as u64)),
        ];
        let [none, in_a_second, before_it, before_1970, far, farther] = [
            None,
            Some(in_a_second),
            Some(in_a_second - nanosecond),
            UNIX_EPOCH.checked_sub(century),
            far[0],
            far[1],
        ]
        .map(End::from);
        for (advance, is_over) in [(0, false), (998, false), (1, false), (1, true), (60_000, true)] {
            clock.advance(Duration::from_millis(advance));
            assert_eq!(in_a_second.is_over(&clock), is_over, "after {} ms", clock.now());
            assert!(before_it.is_over(&clock) || !is_over, "after {} ms", clock.now());
            assert!(before_1970.is_over(&clock));
            assert!(![none, far, farther].iter().any(|end| end.is_over(&clock)));
        }
        assert!(far.is_set() && farther.is_set() && !none.is_set());
        assert!(none.min(in_a_second).is_over(&clock) && in_a_second.min(none).is_over(&clock));
    }
}
