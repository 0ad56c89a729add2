//! What this process knows of the list in Redis, and how sure of it is.
//!
//! Nothing here waits: what comes from Redis is handed in, in the order in which it came.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use tokio::sync::Notify;

use super::found::{Found, FoundEntry};
use super::keys::Name;
use crate::ports::invalidate::SpreadError;
use crate::services::revocation::list::{ALL, Entry, Full, Kind, RevokedList};
use crate::types::revocation::{Revocation, RevocationStatus, TokenIds};
use crate::util::clock::{Clock, Millis};

/// What may have been missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// Anything: no push arrives.
    Out = 0,
    /// What was there before pushes came, until all of it is read.
    Reading = 1,
    /// Nothing.
    In = 2,
}

/// Stands for a token that was asked about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AskKey(u128);

#[derive(Clone, Copy)]
struct Asked {
    at: Millis,
    /// The connection for pushes at that time.
    epoch: u64,
}

pub(super) struct Known {
    list: RevokedList,
    ask_every: Millis,
    touch: AtomicU8,
    /// Grows with each connection for pushes.
    epoch: AtomicU64,
    /// Tokens that were not revoked when Redis was asked about them.
    asked: Cache<AskKey, Asked>,
    hashers: [RandomState; 2],
    /// Changed, and not looked up yet. Tokens and sessions of these are in the list without an end.
    unlooked: Mutex<HashSet<Name>>,
    /// How many of these are users.
    unlooked_users: AtomicUsize,
    /// Told when everything is known.
    pub(super) is_in: Notify,
}

/// Later than anything: for what has no end, or has not been looked up yet.
const NEVER: Millis = Millis::MAX;

impl Known {
    /// As long as most tokens live.
    const KEPT: Millis = 3_600_000;
    /// So many answers of Redis are kept.
    pub(super) const MAX_ASKED: usize = 100_000;

    pub(super) fn new(list: RevokedList, ask_every: Millis, max_asked: usize) -> Self {
        Self {
            list,
            ask_every,
            touch: AtomicU8::new(Touch::Out as u8),
            epoch: AtomicU64::new(0),
            asked: Cache::new(max_asked),
            hashers: [RandomState::new(), RandomState::new()],
            unlooked: Mutex::default(),
            unlooked_users: AtomicUsize::new(0),
            is_in: Notify::new(),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        self.list.clock()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn touch(&self) -> Touch {
        match self.touch.load(Ordering::Acquire) {
            2 => Touch::In,
            1 => Touch::Reading,
            _ => Touch::Out,
        }
    }

    /// The version of the list; 0 while there may be more on it than is known.
    pub(super) fn version(&self) -> u64 {
        let version = self.list.version();
        let is_complete = self.touch() == Touch::In && self.unlooked_users.load(Ordering::Acquire) == 0;
        if is_complete { version } else { 0 }
    }

    pub(super) fn status(&self, ids: &TokenIds) -> RevocationStatus {
        if self.list.covers(ids) {
            return RevocationStatus::Revoked;
        }
        let touch = self.touch();
        if touch != Touch::Out && self.has_unlooked_user(ids) {
            return RevocationStatus::Unknown;
        }
        if touch == Touch::In {
            return RevocationStatus::Valid;
        }
        match self.asked.get(&self.ask_key(ids)) {
            // What came since was pushed.
            Some(asked) if touch == Touch::Reading && asked.epoch == self.epoch() => RevocationStatus::Valid,
            Some(asked) if self.clock().now() < asked.at.saturating_add(self.ask_every) => {
                RevocationStatus::Valid
            }
            _ => RevocationStatus::Unknown,
        }
    }

    /// Pushes arrive from here on. Returns what is to be looked up first: what changed at the end of the last connection.
    pub(super) fn connected(&self) -> Vec<Name> {
        self.epoch.fetch_add(1, Ordering::Release);
        self.touch.store(Touch::Reading as u8, Ordering::Release);
        self.unlooked().iter().cloned().collect()
    }

    /// These have changed, in a way that is yet to be looked up. Until then tokens and sessions are revoked. Users are not, for most of
    /// their tokens may be of a later date: Redis is asked about those.
    pub(super) fn changed(&self, names: &[Name]) {
        let users = {
            let mut unlooked = self.unlooked();
            unlooked.extend(names.iter().cloned());
            count_users(&unlooked)
        };
        self.unlooked_users.store(users, Ordering::Release);
        for name in names.iter().filter(|name| name.kind != Kind::User) {
            let entry = Entry { before: ALL, end: NEVER };
            self.noted(self.list.set(name.kind, &name.id, entry));
        }
    }

    /// What Redis has under names, in place of what is known.
    pub(super) fn looked_up(&self, found: &[Found]) {
        let now = self.clock().now();
        for Found { name, entry } in found {
            match entry {
                Some(entry) => {
                    let end = entry.rest.map_or(NEVER - 1, |rest| now.saturating_add(rest));
                    let entry = Entry { before: entry.before, end };
                    self.noted(self.list.set(name.kind, &name.id, entry));
                }
                None => self.list.remove(name.kind, &name.id),
            }
        }
        self.is_looked_up(found);
        self.list.prune();
    }

    fn is_looked_up(&self, found: &[Found]) {
        let mut unlooked = self.unlooked();
        if !unlooked.is_empty() {
            unlooked.retain(|name| found.iter().all(|found| found.name != *name));
            // What was found is in the list by now.
            self.unlooked_users.store(count_users(&unlooked), Ordering::Release);
        }
    }

    /// The same of names that Redis may have lost since they changed: in a flush, or between two connections. What is remembered of
    /// them stays; a token or a session of which only the change is known stays revoked for a while. Nobody is kept out by
    /// that: their ids are not used again.
    pub(super) fn looked_up_late(&self, mut found: Vec<Found>) {
        for Found { name, entry } in &mut found {
            let old = self.list.get(name.kind, &name.id);
            if entry.is_none() && old.is_some_and(|old| old.end == NEVER) {
                *entry = Some(FoundEntry { before: ALL, rest: Some(Self::KEPT) });
            }
        }
        let (there, gone): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.entry.is_some());
        self.looked_up(&there);
        self.is_looked_up(&gone);
    }

    /// All that was there when pushes began has been read.
    pub(super) fn read(&self) {
        // Not after an overflow.
        let (reading, read) = (Touch::Reading as u8, Touch::In as u8);
        if self.touch.compare_exchange(reading, read, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.is_in.notify_waiters();
        }
    }

    /// No more pushes arrive.
    pub(super) fn lost(&self) {
        self.touch.store(Touch::Out as u8, Ordering::Release);
    }

    /// Adds a revocation of this process.
    pub(super) fn add(&self, revocation: &Revocation, end: Millis) {
        self.noted(self.list.add(revocation, end));
    }

    /// Waits until other replicas have been told of the users that were added here.
    pub(super) async fn spread(&self) -> Result<(), SpreadError> {
        self.list.spread().await
    }

    /// A list that does not hold everything cannot say that a token is not on it: Redis is asked, as without pushes.
    fn noted(&self, added: Result<(), Full>) {
        if let Err(error) = added {
            tracing::warn!(%error, "Redis is asked about each token instead");
            self.touch.store(Touch::Out as u8, Ordering::Release);
        }
    }

    pub(super) fn ask_key(&self, ids: &TokenIds) -> AskKey {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(ids)));
        AskKey(high << 64 | low)
    }

    /// Returns what an answer is to be [noted](Self::answered) with. Before Redis is asked.
    pub(super) fn asking(&self) -> Asking {
        Asking(Asked { at: self.clock().now(), epoch: self.epoch() })
    }

    /// Notes what Redis has under the names of a token, and returns whether it is revoked.
    pub(super) fn answered(&self, ids: &TokenIds, asking: Asking, found: &[Found]) -> bool {
        let revoked =
            found.iter().any(|found| found.entry.is_some_and(|entry| ids.is_issued_before(entry.before)));
        if !revoked {
            self.asked.insert(self.ask_key(ids), asking.0);
        } else if self.touch() == Touch::Out {
            // Otherwise pushes and reads tell, and this answer is of another connection: it may be older than theirs.
            let there = found.iter().filter(|found| found.entry.is_some()).cloned();
            self.looked_up(&there.collect::<Vec<_>>());
        }
        revoked
    }

    fn has_unlooked_user(&self, ids: &TokenIds) -> bool {
        if self.unlooked_users.load(Ordering::Acquire) == 0 {
            return false;
        }
        let unlooked = self.unlooked();
        ids.user_ids().any(|id| unlooked.contains(&Name { kind: Kind::User, id: id.into() }))
    }

    pub(super) fn unlooked(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.unlooked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}

fn count_users(names: &HashSet<Name>) -> usize {
    names.iter().filter(|name| name.kind == Kind::User).count()
}

#[derive(Clone, Copy)]
pub(super) struct Asking(Asked);
