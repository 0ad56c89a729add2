//! Who is to be forgotten.
//!
//! Every invalidation gets a number, and every answer carries the number that was current when it was asked for: an
//! answer holds unless an invalidation of its user or credential has a higher one. So an answer that was on its way
//! when the invalidation came is as dead as one in the cache, and forgetting a user costs the same however many
//! credentials he has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Key;
use crate::clock::{Clock, Millis, millis};
use crate::user::{User, UserId};

pub(crate) struct Invalidations {
    clock: Clock,
    /// No answer is older than this, counted from its question: what was invalidated before then need not be remembered.
    longest: Millis,
    epoch: AtomicU64,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// Everything asked for before this epoch is void.
    all: u64,
    users: HashMap<String, Mark>,
    names: HashMap<Box<str>, Mark>,
    keys: HashMap<u128, Mark>,
}

#[derive(Clone, Copy)]
struct Mark {
    epoch: u64,
    made: Millis,
}

impl Invalidations {
    /// So many are told apart; if there are more within one lifetime, everything is forgotten instead.
    const LIMIT: usize = 50_000;

    pub(crate) fn new(clock: Clock, longest: Duration) -> Self {
        Self { clock, longest: millis(longest), epoch: AtomicU64::new(0), recent: Mutex::default() }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn add_user(&self, user: &UserId) {
        // A webhook may send the number that a token's answer has as a string, and the other way round.
        let user = user.to_string();
        self.add(|recent, mark| {
            recent.users.insert(user, mark);
        });
    }

    pub(crate) fn add_username(&self, username: &str) {
        self.add(|recent, mark| {
            recent.names.insert(username.into(), mark);
        });
    }

    pub(crate) fn add_key(&self, key: Key) {
        self.add(|recent, mark| {
            recent.keys.insert(key.bits(), mark);
        });
    }

    pub(crate) fn add_all(&self) {
        self.add(|recent, mark| recent.void(mark.epoch));
    }

    fn add(&self, add: impl FnOnce(&mut Recent, Mark)) {
        let mut recent = self.lock();
        // Only changed under the lock; others see it grow once the mark is there.
        let epoch = self.epoch.load(Ordering::Relaxed) + 1;
        let now = self.clock.now();
        add(&mut recent, Mark { epoch, made: now });
        recent.tidy(epoch, now, self.longest);
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Whether an answer about this user that was asked for at `epoch` has been invalidated since.
    pub(crate) fn covers(&self, key: Key, user: &User, epoch: u64) -> bool {
        self.epoch() > epoch && {
            let recent = self.lock();
            recent.covers_key(key, epoch)
                || recent.users.get(&user.id.to_string()).is_some_and(|mark| mark.epoch > epoch)
                || recent.names.get(&user.username).is_some_and(|mark| mark.epoch > epoch)
        }
    }

    /// The same where no user is known.
    pub(crate) fn covers_key(&self, key: Key, epoch: u64) -> bool {
        self.epoch() > epoch && self.lock().covers_key(key, epoch)
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn covers_key(&self, key: Key, epoch: u64) -> bool {
        self.all > epoch || self.keys.get(&key.bits()).is_some_and(|mark| mark.epoch > epoch)
    }

    fn void(&mut self, epoch: u64) {
        self.all = epoch;
        self.users.clear();
        self.names.clear();
        self.keys.clear();
    }

    fn len(&self) -> usize {
        self.users.len() + self.names.len() + self.keys.len()
    }

    fn tidy(&mut self, epoch: u64, now: Millis, longest: Millis) {
        if self.len() <= Invalidations::LIMIT {
            return;
        }
        let recent = |mark: &Mark| mark.made + longest > now;
        self.users.retain(|_, mark| recent(mark));
        self.names.retain(|_, mark| recent(mark));
        self.keys.retain(|_, mark| recent(mark));
        if self.len() > Invalidations::LIMIT {
            tracing::warn!("too many invalidations to tell apart: everything cached is forgotten");
            self.void(epoch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::UserInfo;

    #[test]
    fn more_than_can_be_told_apart_forgets_everything() {
        let clock = Clock::held();
        let invalidations = Invalidations::new(clock.clone(), Duration::from_secs(600));
        let key = Key::from_bits(0);
        for id in 0..=Invalidations::LIMIT as i64 {
            invalidations.add_user(&id.into());
        }
        let stranger = UserInfo::builder(-1, "stranger").build();
        assert!(invalidations.covers(key, &stranger, 0));
        assert!(!invalidations.covers(key, &stranger, invalidations.epoch()));

        clock.advance(Duration::from_secs(700));
        let epoch = invalidations.epoch();
        for id in 0..=Invalidations::LIMIT as i64 {
            invalidations.add_user(&id.into());
            clock.advance(Duration::from_millis(100));
        }
        assert!(!invalidations.covers(key, &stranger, epoch), "old marks make room");
        assert!(invalidations.lock().users.len() < Invalidations::LIMIT);
    }

    #[test]
    fn numbers_and_strings_are_the_same_user_here() {
        let invalidations = Invalidations::new(Clock::held(), Duration::from_secs(600));
        invalidations.add_user(&UserId::from("7"));
        assert!(invalidations.covers(Key::from_bits(0), &UserInfo::builder(7, "alice").build(), 0));
    }

    #[test]
    fn a_user_is_known_by_his_name_as_well() {
        let invalidations = Invalidations::new(Clock::held(), Duration::from_secs(600));
        invalidations.add_username("alice");
        for (name, covered) in [("alice", true), ("Alice", false), ("bob", false)] {
            let user = UserInfo::builder(7, name).build();
            assert_eq!(invalidations.covers(Key::from_bits(0), &user, 0), covered, "{name}");
            assert!(!invalidations.covers(Key::from_bits(0), &user, invalidations.epoch()), "{name}");
        }
    }
}
