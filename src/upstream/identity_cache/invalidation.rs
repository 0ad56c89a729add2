//! Track invalidations by epoch.
//!
//! Every invalidation increments the epoch, and every lookup result has the epoch at which the lookup started: it is
//! valid unless its user or credential was invalidated at a later epoch. So an invalidation covers lookups in flight as
//! well as cached entries, and invalidating a user costs the same however many credentials they have.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use super::key::Key;
use super::value::{About, RejectedAbout, Value};
use crate::types::user::UserId;
use crate::util::clock::{Clock, Millis, millis};
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Mutex, MutexGuard};

pub(crate) struct Invalidations {
    clock: Clock,
    /// How long after the start of its lookup a result may be served. Older invalidations need not be kept.
    max_age: Millis,
    /// The longest that a lookup may take. The entry of a key is removed when the key is invalidated, so that its mark is
    /// for lookups in flight alone.
    lookup_timeout: Millis,
    epoch: AtomicU64,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// Everything looked up before this epoch is invalid.
    all: u64,
    /// Everything looked up before this epoch is doubted: another replica may have invalidated it.
    doubted: u64,
    users: HashMap<String, Mark>,
    names: HashMap<Box<str>, Mark>,
    keys: HashMap<u128, Mark>,
}

/// What is known of a value that was looked up at some epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Valid,
    /// Not invalidated, as far as this replica knows, which may have missed something.
    Doubted,
    Invalidated,
}

#[derive(Clone, Copy)]
struct Mark {
    epoch: u64,
    made_at: Millis,
}

impl Invalidations {
    /// How many invalidations are kept. With more within `max_age`, everything is invalidated.
    const CAPACITY: usize = 50_000;

    pub(crate) fn new(clock: Clock, max_age: Duration, lookup_timeout: Duration) -> Self {
        Self {
            clock,
            max_age: millis(max_age),
            lookup_timeout: millis(lookup_timeout),
            epoch: AtomicU64::new(0),
            recent: Mutex::default(),
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn add_user(&self, user: &UserId) {
        // A webhook may send as a string the id that `/user/info` returned as a number, and vice versa.
        let user = user.to_string();
        self.add(|recent, mark| {
            recent.users.insert(user, mark);
        });
    }

    pub(crate) fn add_name(&self, name: &str) {
        self.add(|recent, mark| {
            recent.names.insert(name.into(), mark);
        });
    }

    pub(crate) fn add_key(&self, key: Key) {
        self.add(|recent, mark| {
            recent.keys.insert(key.bits(), mark);
        });
    }

    pub(crate) fn add_all(&self) {
        self.add(|recent, mark| recent.invalidate_all(mark.epoch));
    }

    /// Doubts everything that was looked up before.
    pub(super) fn doubt_all(&self) {
        self.add(|recent, mark| recent.doubted = mark.epoch);
    }

    /// Ends the doubt: nothing was missed.
    pub(super) fn end_doubt(&self) {
        self.lock().doubted = 0;
    }

    fn add(&self, add: impl FnOnce(&mut Recent, Mark)) {
        let mut recent = self.lock();
        // Changed under the lock only. Readers see the new epoch after the mark is in place.
        let epoch = self.epoch.load(Ordering::Relaxed) + 1;
        let now = self.clock.now();
        add(&mut recent, Mark { epoch, made_at: now });
        if recent.len() > Self::CAPACITY {
            recent.prune(now, self.max_age, self.lookup_timeout);
        }
        if recent.len() > Self::CAPACITY {
            tracing::warn!("too many invalidations to keep: the whole cache was invalidated");
            recent.invalidate_all(epoch);
        }
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Returns what is known of a value, looked up by this key at `epoch`.
    pub(super) fn standing(&self, key: Key, value: &impl Value, epoch: u64) -> Standing {
        let recent = self.lock();
        if recent.covers_key(key, epoch) || recent.covers(value.about(), epoch) {
            Standing::Invalidated
        } else if recent.doubted > epoch {
            Standing::Doubted
        } else {
            Standing::Valid
        }
    }

    /// Returns whether everything of this epoch is doubted.
    pub(super) fn doubts(&self, epoch: u64) -> bool {
        self.epoch() > epoch && self.lock().doubted > epoch
    }

    /// Returns whether this value, looked up by this key at `epoch`, has been invalidated since.
    pub(crate) fn covers(&self, key: Key, value: &impl Value, epoch: u64) -> bool {
        self.epoch() > epoch && {
            let recent = self.lock();
            recent.covers_key(key, epoch) || recent.covers(value.about(), epoch)
        }
    }

    /// Returns whether a rejection has been invalidated since `epoch`. Of a credential's, only the key counts.
    pub(crate) fn covers_negative(&self, key: Key, about: Option<&RejectedAbout>, epoch: u64) -> bool {
        self.epoch() > epoch && {
            let recent = self.lock();
            recent.covers_key(key, epoch) || about.is_some_and(|about| recent.covers(about.about(), epoch))
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn covers_key(&self, key: Key, epoch: u64) -> bool {
        self.all > epoch || self.keys.get(&key.bits()).is_some_and(|mark| mark.epoch > epoch)
    }

    fn covers(&self, about: About<'_>, epoch: u64) -> bool {
        let is_later = |mark: &Mark| mark.epoch > epoch;
        self.users.get(&about.user.to_string()).is_some_and(is_later)
            || about.name.is_some_and(|name| self.names.get(name).is_some_and(is_later))
    }

    fn invalidate_all(&mut self, epoch: u64) {
        self.all = epoch;
        self.users.clear();
        self.names.clear();
        self.keys.clear();
    }

    fn len(&self) -> usize {
        self.users.len() + self.names.len() + self.keys.len()
    }

    fn prune(&mut self, now: Millis, max_age: Millis, lookup_timeout: Millis) {
        let within = |mark: &Mark, age: Millis| mark.made_at + age > now;
        self.users.retain(|_, mark| within(mark, max_age));
        self.names.retain(|_, mark| within(mark, max_age));
        self.keys.retain(|_, mark| within(mark, lookup_timeout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::user::UserInfo;

    fn invalidations(clock: &Clock) -> Invalidations {
        Invalidations::new(clock.clone(), Duration::from_secs(600), Duration::from_secs(5))
    }

    #[test]
    fn invalidations_over_capacity_invalidate_everything() {
        let clock = Clock::held();
        let invalidations = invalidations(&clock);
        let key = Key::from_bits(0);
        for id in 0..=Invalidations::CAPACITY as i64 {
            invalidations.add_user(&id.into());
        }
        let other = UserInfo::builder(-1, "other").build();
        assert!(invalidations.covers(key, &other, 0));
        assert!(!invalidations.covers(key, &other, invalidations.epoch()));

        clock.advance(Duration::from_secs(700));
        let epoch = invalidations.epoch();
        for id in 0..=Invalidations::CAPACITY as i64 {
            invalidations.add_user(&id.into());
            clock.advance(Duration::from_millis(100));
        }
        assert!(!invalidations.covers(key, &other, epoch), "old marks are pruned");
        assert!(invalidations.lock().users.len() < Invalidations::CAPACITY);
    }

    #[test]
    fn marks_of_one_burst_are_pruned_before_the_next() {
        let clock = Clock::held();
        let invalidations = invalidations(&clock);
        for id in 0..Invalidations::CAPACITY as i64 {
            invalidations.add_user(&id.into());
        }
        clock.advance(Duration::from_secs(700));
        let epoch = invalidations.epoch();
        invalidations.add_user(&(-1).into());
        let other = UserInfo::builder(-2, "other").build();
        assert!(!invalidations.covers(Key::from_bits(0), &other, epoch));
        assert_eq!(invalidations.lock().users.len(), 1);
    }

    #[test]
    fn invalidations_of_each_kind_count() {
        let kinds: [fn(&Invalidations, i64); 3] = [
            |invalidations, id| invalidations.add_user(&id.into()),
            |invalidations, id| invalidations.add_name(&id.to_string()),
            |invalidations, id| invalidations.add_key(Key::from_bits(id as u128)),
        ];
        let other = UserInfo::builder(-1, "other").build();
        for add in kinds {
            let invalidations = invalidations(&Clock::held());
            (0..Invalidations::CAPACITY as i64).for_each(|id| add(&invalidations, id));
            assert!(!invalidations.covers(Key::from_bits(u128::MAX), &other, 0));
            add(&invalidations, -2);
            assert!(invalidations.covers(Key::from_bits(u128::MAX), &other, 0));
        }
    }

    #[test]
    fn what_is_looked_up_after_an_invalidation_is_valid() {
        let invalidations = invalidations(&Clock::held());
        let (key, alice) = (Key::from_bits(1), UserInfo::builder(7, "alice").build());
        let kinds: [fn(&Invalidations); 5] = [
            |invalidations| invalidations.add_user(&7.into()),
            |invalidations| invalidations.add_name("alice"),
            |invalidations| invalidations.add_key(Key::from_bits(1)),
            Invalidations::add_all,
            Invalidations::doubt_all,
        ];
        for (kind, invalidate) in kinds.into_iter().enumerate() {
            let before = invalidations.epoch();
            invalidate(&invalidations);
            let after = invalidations.epoch();
            invalidations.add_name("bob");
            assert_ne!(invalidations.standing(key, &alice, before), Standing::Valid, "{kind}");
            assert_eq!(invalidations.standing(key, &alice, after), Standing::Valid, "{kind}");
            assert!(!invalidations.covers(key, &alice, after), "{kind}");
            assert!(!invalidations.covers_negative(key, None, after), "{kind}");
            assert!(!invalidations.doubts(after), "{kind}");
        }
    }

    /// Random tokens, each invalidated while it is looked up, at a thousand times the rate that filled the marks when
    /// those of keys were kept as long as those of users.
    #[test]
    fn marks_of_keys_are_kept_for_the_time_of_a_lookup() {
        let clock = Clock::held();
        let invalidations = invalidations(&clock);
        let (warm, epoch) = (UserInfo::builder(7, "alice").build(), invalidations.epoch());
        let removed = UserInfo::builder(8, "bob").build();
        invalidations.add_user(removed.id());
        for key in 1..=600_000 {
            invalidations.add_key(Key::from_bits(key));
            if key % 8 == 0 {
                clock.advance(Duration::from_millis(1));
            }
        }
        assert!(!invalidations.covers(Key::from_bits(0), &warm, epoch), "no other user is invalidated");
        assert!(invalidations.covers(Key::from_bits(0), &removed, epoch), "marks of users stay");
        assert!(invalidations.covers(Key::from_bits(600_000), &warm, epoch));
    }

    #[test]
    fn numeric_and_string_ids_are_the_same_user() {
        let invalidations = invalidations(&Clock::held());
        invalidations.add_user(&UserId::from("7"));
        assert!(invalidations.covers(Key::from_bits(0), &UserInfo::builder(7, "alice").build(), 0));
    }

    #[test]
    fn user_is_invalidated_by_username() {
        let invalidations = invalidations(&Clock::held());
        invalidations.add_name("alice");
        for (name, covered) in [("alice", true), ("Alice", false), ("bob", false)] {
            let user = UserInfo::builder(7, name).build();
            assert_eq!(invalidations.covers(Key::from_bits(0), &user, 0), covered, "{name}");
            assert!(!invalidations.covers(Key::from_bits(0), &user, invalidations.epoch()), "{name}");
        }
    }
}
