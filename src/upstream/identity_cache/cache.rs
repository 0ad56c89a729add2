use std::sync::Arc;
use std::time::{Duration, SystemTime};

use quick_cache::sync::EntryAction;

use super::entry::{Entry, Negative, Terms};
use super::interned_lists::InternedLists;
use super::invalidation::{Invalidations, Standing};
use super::key::{Key, KeyHasher, Kind};
use super::maps::{Evicted, Identities, Pool, identities, pool};
use super::pauses::Pauses;
use super::trust::Trust;
use super::ttls::CacheTtls;
use super::value::{RejectedAbout, Value};
use crate::types::error::AuthError;
use crate::types::user::UserInfo;
use crate::util::clock::{Clock, Millis};
use crate::util::narrow::U40;
use crate::util::sync::atomic::{AtomicU64, Ordering};

/// Users by their credentials, or other values by what they were looked up by.
pub(crate) struct IdentityCache<V = UserInfo> {
    pub(super) clock: Clock,
    pub(super) ttls: CacheTtls,
    /// One for each [`Kind`], keyed and ready.
    pub(super) hashers: [KeyHasher; 3],
    /// Whether other replicas have the same.
    pub(super) are_keys_shared: bool,
    pub(super) identities: Identities<V>,
    /// Apart from `identities`, so that invalid tokens evict no user.
    pub(super) negatives: Pool<Negative>,
    pub(super) pauses: Pauses,
    /// Credentials that were accepted the last time and are no longer in `identities`.
    pub(super) known: Arc<Pool<()>>,
    /// When credentials expire, known before their user is cached and kept across refreshes.
    pub(super) expiries: Pool<SystemTime>,
    lists: InternedLists,
    pub(super) invalidations: Invalidations,
    pub(super) trust: Trust,
    /// Whether somebody wants to know of each hit.
    is_watched: bool,
    evictions: Arc<AtomicU64>,
}

/// What is cached for a key.
pub(crate) enum Cached<V = UserInfo> {
    /// A value that is not due for a refresh yet.
    Fresh(V),
    /// The same, of a cache whose hits are watched.
    Watched(V),
    /// A value that is due for a refresh in the background.
    Stale(V),
    /// A rejection.
    Negative(AuthError),
    Miss,
}

impl<V: Value> IdentityCache<V> {
    pub(super) const MAX_NEGATIVES: usize = 10_000;
    const MAX_EXPIRIES: usize = 10_000;

    /// Creates a cache. `timeout` is the longest that a lookup may take.
    pub(crate) fn new(capacity: usize, ttls: CacheTtls, timeout: Duration, clock: Clock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_shards(capacity, cores * 4, ttls, timeout, clock)
    }

    /// Does the same with at most this number of shards.
    pub(super) fn with_shards(
        capacity: usize,
        shards: usize,
        ttls: CacheTtls,
        timeout: Duration,
        clock: Clock,
    ) -> Self {
        let max_age = timeout + ttls.ttl + ttls.stale_if_error;
        let evicted = Evicted { known: Arc::new(pool(capacity)), count: Arc::default() };
        let (known, evictions) = (evicted.known.clone(), evicted.count.clone());
        Self {
            invalidations: Invalidations::new(clock.clone(), max_age, timeout),
            pauses: Pauses::new(clock.clone()),
            clock,
            ttls,
            hashers: [KeyHasher::random(), KeyHasher::random(), KeyHasher::random()],
            are_keys_shared: false,
            identities: identities(capacity, shards, evicted),
            negatives: pool(Self::MAX_NEGATIVES),
            known,
            expiries: pool(Self::MAX_EXPIRIES),
            lists: InternedLists::new(),
            trust: Trust::alone(),
            is_watched: false,
            evictions,
        }
    }

    /// Says whether somebody wants to know of each hit.
    pub(crate) fn watched(self, is_watched: bool) -> Self {
        Self { is_watched, ..self }
    }

    /// Returns the key of a credential of this kind. Each kind has a hasher of its own, so that two kinds share no key.
    pub(crate) fn key(&self, kind: Kind, credential: &[u8]) -> Key {
        self.hashers[kind as usize].key(credential)
    }

    /// Inlined as far as most requests get.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> Cached<V> {
        let now = self.clock.now();
        if self.trust.is_over(now) {
            self.end_trust();
        }
        match self.identities.get(&key) {
            // Then it has not expired either.
            Some(identity) if now < identity.terms.check_at.get() && self.is_valid(key, &identity) => {
                Cached::Fresh(identity.value)
            }
            identity => self.get_other(key, now, identity),
        }
    }

    /// Returns what is cached for a key whose entry, if there is one, is invalid or due for a closer look.
    #[inline(never)]
    fn get_other(&self, key: Key, now: Millis, identity: Option<Entry<V>>) -> Cached<V> {
        if let Some(identity) = identity
            && now >= identity.terms.check_at.get()
            && now < identity.terms.expires_at.get()
            && self.is_valid(key, &identity)
        {
            return self.check(key, identity);
        }
        match self.negatives.get(&key) {
            Some(negative)
                if now < negative.expires_at
                    && !self.is_negative_invalidated(key, negative.about.as_deref(), negative.epoch)
                    && !self.invalidations.doubts(negative.epoch) =>
            {
                Cached::Negative(negative.error)
            }
            _ => Cached::Miss,
        }
    }

    /// Looks closer at an entry whose time has come.
    #[cold]
    fn check(&self, key: Key, identity: Entry<V>) -> Cached<V> {
        if identity.terms.has_ended(&self.clock) {
            self.remove_value(key);
            return Cached::Miss;
        }
        let now = self.clock.now();
        if now >= identity.terms.refresh_at.get() {
            return Cached::Stale(identity.value);
        }
        if self.is_watched {
            return Cached::Watched(identity.value);
        }
        self.update(key, |Entry { terms, .. }| terms.check_at = self.next_check(terms, now));
        Cached::Fresh(identity.value)
    }

    /// Returns until when an entry is served without a closer look: never if hits are watched. So the rest of the requests pays
    /// nothing for it.
    pub(super) fn next_check(&self, terms: &Terms, now: Millis) -> U40 {
        if self.is_watched { 0.into() } else { terms.next_check(now) }
    }

    /// Returns when a cached user is due for a refresh; the TTL for one that is not cached.
    pub(crate) fn refresh_at(&self, key: Key) -> Result<Millis, Duration> {
        self.identities.get(&key).map(|identity| identity.terms.refresh_at.get()).ok_or(self.ttls.ttl)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the pauses of credentials, which end when one is accepted or invalidated.
    pub(crate) fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// Returns the current epoch. Take it before a lookup, and pass it along with the result.
    pub(crate) fn epoch(&self) -> u64 {
        self.invalidations.epoch()
    }

    /// Returns whether a value that was looked up at `epoch` has been invalidated since.
    pub(crate) fn is_invalidated(&self, key: Key, value: &V, epoch: u64) -> bool {
        self.invalidations.covers(key, value, epoch)
    }

    /// Returns whether a rejection of `epoch` has been invalidated since. That of a credential is about an unknown user:
    /// only its key counts.
    pub(crate) fn is_negative_invalidated(
        &self,
        key: Key,
        about: Option<&RejectedAbout>,
        epoch: u64,
    ) -> bool {
        self.invalidations.covers_negative(key, about, epoch)
    }

    /// Returns the cached value and its epoch, also past the TTL or doubted, to serve while the auth center is unavailable.
    pub(crate) fn stale(&self, key: Key) -> Option<(V, u64)> {
        let identity = self.identities.get(&key)?;
        if self.is_invalidated(key, &identity.value, identity.terms.epoch.get()) {
            self.remove_value(key);
            return None;
        }
        let is_usable =
            self.clock.now() < identity.terms.stale_until.get() && !identity.terms.has_ended(&self.clock);
        is_usable.then_some((identity.value, identity.terms.epoch.get()))
    }

    /// Returns whether the credential was accepted the last time.
    pub(crate) fn is_known(&self, key: Key) -> bool {
        self.identities.contains_key(&key) || self.known.get(&key).is_some()
    }

    /// Returns how many values were evicted for lack of room.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    pub(crate) fn len(&self) -> usize {
        self.identities.len()
    }

    /// Returns whether no invalidation covers the entry, and none may have been missed. Removes what one covers.
    #[inline(always)]
    pub(super) fn is_valid(&self, key: Key, identity: &Entry<V>) -> bool {
        let epoch = self.invalidations.epoch();
        identity.terms.epoch.get() >= epoch || self.is_valid_since(epoch, key, identity)
    }

    /// The same for an entry that is older than the last invalidation, that of this epoch.
    #[inline(never)]
    fn is_valid_since(&self, epoch: u64, key: Key, identity: &Entry<V>) -> bool {
        match self.invalidations.standing(key, &identity.value, identity.terms.epoch.get()) {
            Standing::Valid => {}
            // Kept, to be served while nobody can be asked.
            Standing::Doubted => return false,
            Standing::Invalidated => {
                self.remove_value(key);
                return false;
            }
        }
        // The next `get` need not check again. An entry that has replaced this one meanwhile was not checked.
        self.update(key, |current| {
            if current.value.is_same(&identity.value) {
                current.terms.epoch = current.terms.epoch.get().max(epoch).into();
            }
        });
        true
    }

    /// Changes an entry in place, if there is one.
    pub(super) fn update(&self, key: Key, change: impl FnOnce(&mut Entry<V>)) {
        // Inserts nothing for a missing key, so waiting for another's insertion is pointless: hence the zero timeout.
        let _ = self.identities.entry(&key, Some(Duration::ZERO), |_, identity| {
            change(identity);
            EntryAction::Retain(())
        });
    }
}

impl IdentityCache {
    /// Replaces the user's lists of codes and of groups by equal ones of other users, to save memory.
    pub(crate) fn intern_lists(&self, user: &mut UserInfo) {
        self.lists.intern(user);
    }
}
