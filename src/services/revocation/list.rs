//! What is revoked, in memory, until its end.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures_util::future::try_join_all;

use crate::ports::invalidate::{DynInvalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::types::revocation::{Instant, Revocation, TokenIds, instant};
use crate::util::clock::{Clock, Millis};

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Token = 0,
    Session = 1,
    User = 2,
}

/// Revokes the tokens issued before this.
pub(super) const ALL: Instant = Instant::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Tokens that were issued before are revoked: for tokens and sessions [`ALL`].
    pub(super) before: Instant,
    pub(super) end: Millis,
}

/// The list is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full(usize);

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list of revocations is full: {} are remembered, and each until its end", self.0)
    }
}

impl std::error::Error for Full {}

pub(super) struct RevokedList {
    clock: Clock,
    capacity: usize,
    /// Grows with each revocation that is added; from 1 on.
    version: AtomicU64,
    state: RwLock<State>,
    caches: Vec<Box<dyn DynInvalidate>>,
}

#[derive(Default)]
struct State {
    /// One for each [`Kind`].
    entries: [HashMap<Arc<str>, Entry>; 3],
    /// The same by their ends.
    ends: BTreeSet<(Millis, Kind, Arc<str>)>,
}

impl RevokedList {
    pub(super) const CAPACITY: usize = 1_000_000;

    pub(super) fn new(clock: Clock, capacity: usize, caches: Vec<Box<dyn DynInvalidate>>) -> Self {
        Self { clock, capacity, version: AtomicU64::new(1), state: RwLock::default(), caches }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn version(&self) -> u64 {
        // What was added before is seen by whoever sees its version.
        self.version.load(Ordering::Acquire)
    }

    /// Whether a token is revoked.
    pub(super) fn covers(&self, ids: &TokenIds) -> bool {
        let now = self.clock.now();
        let state = self.read();
        let [tokens, sessions, users] = &state.entries;
        let is_in = |entries: &HashMap<Arc<str>, Entry>, id: &str| {
            entries.get(id).is_some_and(|entry| now < entry.end && ids.is_issued_before(entry.before))
        };
        ids.jti().is_some_and(|jti| is_in(tokens, jti))
            || ids.sid().is_some_and(|sid| is_in(sessions, sid))
            || (!users.is_empty() && ids.user_ids().any(|user| is_in(users, user)))
    }

    #[cfg(any(feature = "redis", test))]
    pub(super) fn get(&self, kind: Kind, id: &str) -> Option<Entry> {
        self.read().entries[kind as usize].get(id).copied()
    }

    /// Adds a revocation. Takes nothing back from one that is there.
    pub(super) fn add(&self, revocation: &Revocation, end: Millis) -> Result<(), Full> {
        let (kind, id, before) = parts(revocation);
        let add = |old: Option<Entry>| match old {
            Some(old) => Entry { before: before.max(old.before), end: end.max(old.end) },
            None => Entry { before, end },
        };
        self.change(kind, id, add, |cache, invalidation| cache.apply(invalidation))
    }

    /// Waits until other replicas have been told of the users that were added here.
    pub(super) async fn spread(&self) -> Result<(), SpreadError> {
        try_join_all(self.caches.iter().map(|cache| cache.spread())).await.map(drop)
    }

    /// Sets what is known of an id, in place of what was. All who share the list learn of it.
    #[cfg(any(feature = "redis", test))]
    pub(super) fn set(&self, kind: Kind, id: &str, entry: Entry) -> Result<(), Full> {
        self.change(kind, id, |_| entry, |cache, invalidation| cache.apply_here(invalidation))
    }

    fn change(
        &self,
        kind: Kind,
        id: &str,
        entry: impl FnOnce(Option<Entry>) -> Entry,
        apply: impl Fn(&dyn DynInvalidate, &Invalidation),
    ) -> Result<(), Full> {
        let now = self.clock.now();
        {
            let mut state = self.write();
            state.prune(now);
            let old = state.entries[kind as usize].get_key_value(id).map(|(id, old)| (id.clone(), *old));
            let entry = entry(old.as_ref().map(|(_, old)| *old));
            if old.as_ref().is_some_and(|(_, old)| *old == entry) {
                return Ok(());
            }
            if old.is_none() && state.ends.len() >= self.capacity {
                return Err(Full(self.capacity));
            }
            let id = match old {
                Some((id, old)) => {
                    state.ends.remove(&(old.end, kind, id.clone()));
                    id
                }
                None => id.into(),
            };
            state.ends.insert((entry.end, kind, id.clone()));
            state.entries[kind as usize].insert(id, entry);
        }
        self.version.fetch_add(1, Ordering::Release);
        if kind == Kind::User {
            let invalidation = Invalidation::of(Some(id.into()), None);
            self.caches.iter().for_each(|cache| apply(&**cache, &invalidation));
        }
        Ok(())
    }

    /// Adds an id once: returns whether it was not there. If the list is full, it is not added, and counts as new.
    pub(super) fn claim(&self, id: &str, end: Millis) -> bool {
        let mut is_new = false;
        let claim = |old: Option<Entry>| {
            is_new = old.is_none();
            old.unwrap_or(Entry { before: ALL, end })
        };
        let added = self.change(Kind::Token, id, claim, |_, _| ());
        is_new || added.is_err()
    }

    /// Removes an id that was claimed.
    pub(super) fn release(&self, id: &str) {
        self.remove(Kind::Token, id);
    }

    /// Removes what was revoked by mistake, or is gone elsewhere.
    pub(super) fn remove(&self, kind: Kind, id: &str) {
        let mut state = self.write();
        if let Some((id, entry)) = state.entries[kind as usize].remove_entry(id) {
            state.ends.remove(&(entry.end, kind, id));
        }
    }

    /// How many are remembered.
    pub(super) fn len(&self) -> usize {
        self.read().ends.len()
    }

    /// Removes what has ended.
    #[cfg(any(feature = "redis", test))]
    pub(super) fn prune(&self) {
        let now = self.clock.now();
        if self.read().has_ended(now) {
            self.write().prune(now);
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
    fn has_ended(&self, now: Millis) -> bool {
        self.ends.first().is_some_and(|(end, ..)| *end <= now)
    }

    fn prune(&mut self, now: Millis) {
        while self.has_ended(now) {
            let Some((_, kind, id)) = self.ends.pop_first() else { return };
            let entries = &mut self.entries[kind as usize];
            entries.remove(&id);
            // The memory of a wave of log-outs ends with it.
            if entries.capacity() > 1024 && entries.len() < entries.capacity() / 8 {
                entries.shrink_to(entries.len() * 2);
            }
        }
    }
}

pub(super) fn parts(revocation: &Revocation) -> (Kind, &str, Instant) {
    match revocation {
        Revocation::Token { jti } => (Kind::Token, jti, ALL),
        Revocation::Session { sid } => (Kind::Session, sid, ALL),
        Revocation::User { id, before } => (Kind::User, id, instant(*before)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn list(clock: &Clock, capacity: usize) -> RevokedList {
        RevokedList::new(clock.clone(), capacity, vec![])
    }

    #[test]
    fn entries_end_and_are_removed() {
        let clock = Clock::held();
        let list = list(&clock, 10);
        let ids = TokenIds::new("alice").with_jti("j").with_sid("s");
        list.add(&Revocation::token("j"), 1_000).unwrap();
        let version = list.version();
        assert!(list.covers(&ids));
        // A shorter one takes nothing back; it changes nothing either.
        list.add(&Revocation::token("j"), 500).unwrap();
        assert_eq!(list.version(), version);
        clock.advance(Duration::from_millis(999));
        assert!(list.covers(&ids));
        clock.advance(Duration::from_millis(1));
        assert!(!list.covers(&ids));
        list.add(&Revocation::session("s"), 2_000).unwrap();
        assert_eq!((list.len(), list.version()), (1, version + 1), "what has ended is gone");
        list.remove(Kind::Session, "s");
        assert_eq!((list.len(), list.covers(&ids)), (0, false));
    }

    #[test]
    fn users_instant_never_goes_back() {
        let clock = Clock::held();
        let list = list(&clock, 10);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        for (seconds, end) in [(100, 5_000), (50, 9_000), (70, 1_000)] {
            list.add(&Revocation::user("alice", at(seconds)), end).unwrap();
        }
        assert_eq!(list.get(Kind::User, "alice"), Some(Entry { before: 100_000, end: 9_000 }));
        for (seconds, covered) in [(99, true), (100, false), (101, false)] {
            let ids = TokenIds::new("alice").with_issued_at(at(seconds));
            assert_eq!(list.covers(&ids), covered, "{seconds}");
        }
    }

    #[test]
    fn full_list_refuses_what_is_new_and_keeps_what_it_has() {
        let clock = Clock::held();
        let list = list(&clock, 2);
        for jti in ["a", "b"] {
            list.add(&Revocation::token(jti), 1_000).unwrap();
        }
        assert_eq!(list.add(&Revocation::token("c"), 1_000), Err(Full(2)));
        assert_eq!(list.add(&Revocation::token("a"), 2_000), Ok(()));
        assert!(list.covers(&TokenIds::new(7).with_jti("b")));
        clock.advance(Duration::from_secs(1));
        assert_eq!(list.add(&Revocation::token("c"), 2_000), Ok(()));
    }

    #[test]
    fn memory_of_100_000_revocations_ends_with_them() {
        let clock = Clock::held();
        let list = list(&clock, RevokedList::CAPACITY);
        for number in 0..100_000_u64 {
            list.add(&Revocation::token(format!("{number:036}")), 1_000 + number % 100).unwrap();
        }
        assert_eq!(list.len(), 100_000);
        let capacity = |list: &RevokedList| list.read().entries[0].capacity();
        assert!(capacity(&list) >= 100_000);
        clock.advance(Duration::from_secs(2));
        list.prune();
        assert_eq!(list.len(), 0);
        assert!(capacity(&list) < 2_000, "{}", capacity(&list));
    }
}
