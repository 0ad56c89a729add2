//! What has been verified already, for how long, and until somebody says it is no longer so.
//!
//! No credential is kept: the key is a 128-bit hash of it under keys that only this process has.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use highway::{HighwayHash, HighwayHasher};
use quick_cache::sync::{Cache as Map, DefaultLifecycle, EntryAction};
use quick_cache::{DefaultHashBuilder, UnitWeighter, Weighter};

use crate::clock::{Clock, Millis, millis};
use crate::error::AuthError;
use crate::user::{Codes, User, UserId, UserInfo};
use invalidation::Invalidations;

mod invalidation;

/// How long things are believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// From the fetch until it is asked again while the requests wait.
    pub(crate) identity: Duration,
    /// How much longer it is believed while the center cannot be reached.
    pub(crate) grace: Duration,
    /// How long a refusal is believed.
    pub(crate) refusal: Duration,
}

/// What stands for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u128);

impl Key {
    pub(crate) fn bits(self) -> u128 {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn from_bits(bits: u128) -> Self {
        Self(bits)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // It is a keyed hash already, and nobody outside can aim at its bits.
        state.write_u64(self.0 as u64);
    }
}

/// Hands on what [`Key`] gives it.
#[derive(Clone, Copy, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A verified user. Whatever is decided about him later is decided by comparing numbers.
#[derive(Clone)]
struct Identity {
    user: UserInfo,
    /// From here on it is asked again in the background.
    refresh_at: Millis,
    /// From here on it is asked again before it is used.
    expires_at: Millis,
    /// From here on it is not used at all.
    dead_at: Millis,
    /// The [epoch](Invalidations) when it was asked for, or last found to hold.
    epoch: u64,
}

#[derive(Clone)]
struct Refusal {
    error: AuthError,
    expires_at: Millis,
    epoch: u64,
}

/// Large identities count for several, so that the capacity bounds the memory.
#[derive(Clone)]
struct BySize;

impl BySize {
    const UNIT: usize = 1024;
}

impl Weighter<Key, Identity> for BySize {
    fn weight(&self, _: &Key, identity: &Identity) -> u64 {
        (1 + size(&identity.user) / Self::UNIT) as u64
    }
}

/// Something kept by credential, so many at a time.
type Pool<V> = Map<Key, V, UnitWeighter, BuildHasherDefault<AsIs>>;

fn pool<V: Clone>(capacity: usize) -> Pool<V> {
    let hasher = BuildHasherDefault::default();
    Map::with(capacity, capacity as u64, UnitWeighter, hasher, DefaultLifecycle::default())
}

pub(crate) struct Cache {
    clock: Clock,
    lifetimes: Lifetimes,
    /// One for each [`Kind`], keyed and ready.
    hashers: [HighwayHasher; 3],
    identities: Map<Key, Identity, BySize, BuildHasherDefault<AsIs>>,
    /// A pool of their own: who sends bad tokens pushes no user out.
    refusals: Pool<Refusal>,
    /// When credentials end of which nothing may be cached yet, or that outlive their next refresh.
    ends: Pool<SystemTime>,
    /// Users of the same roles have the same lists: each is kept once.
    lists: Map<u64, Codes>,
    lists_key: DefaultHashBuilder,
    invalidations: Invalidations,
}

/// What the cache says of a credential.
pub(crate) enum Known {
    /// Who it is.
    User(UserInfo),
    /// Who it is, though it is time to ask again.
    Ageing(UserInfo),
    /// That it is refused.
    Refused(AuthError),
    Nothing,
}

impl Cache {
    /// Refusals kept at a time.
    const REFUSALS: usize = 10_000;
    const ENDS: usize = 10_000;
    const LISTS: usize = 1_000;
    /// How much of its lifetime an identity may use up before it is asked again, in percent.
    const REFRESH_PERCENT: u64 = 80;

    /// `timeout` is what a look-up takes at most.
    pub(crate) fn new(capacity: usize, lifetimes: Lifetimes, timeout: Duration, clock: Clock) -> Self {
        let longest = timeout + lifetimes.identity + lifetimes.grace;
        Self {
            invalidations: Invalidations::new(clock.clone(), longest),
            clock,
            lifetimes,
            hashers: [random_hasher(), random_hasher(), random_hasher()],
            identities: Map::with(
                capacity,
                capacity as u64,
                BySize,
                BuildHasherDefault::default(),
                Default::default(),
            ),
            refusals: pool(Self::REFUSALS),
            ends: pool(Self::ENDS),
            lists: Map::new(Self::LISTS),
            lists_key: DefaultHashBuilder::default(),
        }
    }

    /// The key of a credential of this kind. Two kinds never share one: each has a hash of its own.
    pub(crate) fn key(&self, kind: Kind, credential: &[u8]) -> Key {
        let [low, high] = self.hashers[kind as usize].clone().hash128(credential);
        Key(u128::from(low) | u128::from(high) << 64)
    }

    pub(crate) fn get(&self, key: Key) -> Known {
        let now = self.clock.now();
        if let Some(identity) = self.identities.get(&key)
            && now < identity.expires_at
            && self.still_holds(key, &identity)
        {
            return if now < identity.refresh_at {
                Known::User(identity.user)
            } else {
                Known::Ageing(identity.user)
            };
        }
        match self.refusals.get(&key) {
            Some(refusal) if now < refusal.expires_at && !self.is_stale_refusal(key, refusal.epoch) => {
                Known::Refused(refusal.error)
            }
            _ => Known::Nothing,
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// To be taken before asking, and given back with the answer.
    pub(crate) fn epoch(&self) -> u64 {
        self.invalidations.epoch()
    }

    /// Whether what was asked for at `epoch` has been invalidated since.
    pub(crate) fn is_stale(&self, key: Key, user: &User, epoch: u64) -> bool {
        self.invalidations.covers(key, user, epoch)
    }

    /// The same for a refusal, of which nobody knows the user.
    pub(crate) fn is_stale_refusal(&self, key: Key, epoch: u64) -> bool {
        self.invalidations.covers_key(key, epoch)
    }

    /// Keeps a user, unless the question is older than an invalidation.
    pub(crate) fn keep(&self, key: Key, user: &UserInfo, limit: Option<SystemTime>, epoch: u64) {
        self.refusals.remove(&key);
        let now = self.clock.now();
        let limit = [limit, self.ends.get(&key)].into_iter().flatten().min();
        let limit = limit.map_or(Millis::MAX, |limit| self.clock.at(limit));
        let lifetime = millis(self.lifetimes.identity).min(limit.saturating_sub(now));
        if lifetime == 0 || self.is_stale(key, user, epoch) {
            self.identities.remove(&key);
            return;
        }
        let expires_at = now + lifetime;
        self.identities.insert(
            key,
            Identity {
                user: user.clone(),
                refresh_at: now + lifetime * Self::REFRESH_PERCENT / 100,
                expires_at,
                dead_at: (expires_at + millis(self.lifetimes.grace)).min(limit),
                epoch,
            },
        );
    }

    /// Keeps a refusal, and forgets whom the credential stood for.
    pub(crate) fn keep_refusal(&self, key: Key, error: &AuthError, epoch: u64) {
        self.identities.remove(&key);
        let expires_at = self.clock.now() + millis(self.lifetimes.refusal);
        self.refusals.insert(key, Refusal { error: error.clone(), expires_at, epoch });
    }

    /// Who it was when last heard of, and when that was, for use while the center cannot be reached.
    pub(crate) fn last_known(&self, key: Key) -> Option<(UserInfo, u64)> {
        let identity = self.identities.get(&key)?;
        let holds = self.clock.now() < identity.dead_at && self.still_holds(key, &identity);
        holds.then_some((identity.user, identity.epoch))
    }

    /// Lets some time pass before the next refresh, when the last one failed.
    pub(crate) fn postpone_refresh(&self, key: Key) {
        let pause = (millis(self.lifetimes.identity) / 20).max(1_000);
        let refresh_at = self.clock.now() + pause;
        self.amend(key, |identity| identity.refresh_at = refresh_at);
    }

    /// Shortens what is kept of a credential, now and later, to end with it.
    pub(crate) fn limit(&self, key: Key, limit: SystemTime) {
        self.ends.insert(key, limit);
        let limit = self.clock.at(limit);
        self.amend(key, |identity| {
            identity.expires_at = identity.expires_at.min(limit);
            identity.dead_at = identity.dead_at.min(limit);
        });
    }

    pub(crate) fn invalidate(&self, key: Key) {
        self.invalidations.add_key(key);
        self.identities.remove(&key);
        self.refusals.remove(&key);
    }

    pub(crate) fn invalidate_user(&self, user: &UserId) {
        self.invalidations.add_user(user);
    }

    pub(crate) fn invalidate_username(&self, username: &str) {
        self.invalidations.add_username(username);
    }

    pub(crate) fn clear(&self) {
        self.invalidations.add_all();
        self.identities.clear();
        self.refusals.clear();
        self.ends.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.identities.len()
    }

    /// Lets a user share his lists with those who have the same.
    pub(crate) fn share_lists(&self, user: &mut UserInfo) {
        user.replace_lists(|codes| {
            if codes.is_empty() {
                return;
            }
            let hash = self.lists_key.hash_one(codes.iter().collect::<Vec<_>>());
            match self.lists.get(&hash) {
                Some(known) if known == *codes => *codes = known,
                _ => self.lists.insert(hash, codes.clone()),
            }
        });
    }

    fn still_holds(&self, key: Key, identity: &Identity) -> bool {
        let epoch = self.invalidations.epoch();
        if identity.epoch >= epoch {
            return true;
        }
        if self.is_stale(key, &identity.user, identity.epoch) {
            self.identities.remove(&key);
            return false;
        }
        // Next time one look will do; but what has come in its place meanwhile was not looked at.
        self.amend(key, |current| {
            if current.user.is_same(&identity.user) {
                current.epoch = current.epoch.max(epoch);
            }
        });
        true
    }

    fn amend(&self, key: Key, change: impl FnOnce(&mut Identity)) {
        // Nothing is put in the place of what is gone, so nobody else's is waited for either.
        let _ = self.identities.entry(&key, Some(Duration::ZERO), |_, identity| {
            change(identity);
            EntryAction::Retain(())
        });
    }
}

/// What kind of credential it is, and so what it is verified by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Token = 0,
    AccessKey = 1,
    /// No credential, and nobody is let in by it: an id, to know the user of.
    UserId = 2,
}

/// Keyed by 256 random bits. `RandomState` is seeded by the operating system, and its SipHash keeps the seed to itself.
fn random_hasher() -> HighwayHasher {
    let state = RandomState::new();
    HighwayHasher::new(highway::Key([0u8, 1, 2, 3].map(|n| state.hash_one(n))))
}

/// About how many bytes a user takes, less what is shared.
fn size(user: &UserInfo) -> usize {
    let texts = [
        &user.nickname,
        &user.email,
        &user.phone,
        &user.avatar,
        &user.department,
        &user.company,
        &user.status,
    ];
    let texts: usize = texts.into_iter().flatten().map(|text| text.len()).sum();
    let codes = |codes: &Codes| codes.iter().map(|code| code.len() + size_of::<Box<str>>()).sum::<usize>();
    #[cfg(feature = "jwt")]
    let claims = user.claims().map_or(0, str::len);
    #[cfg(not(feature = "jwt"))]
    let claims = 0;
    size_of::<User>() + user.username.len() + texts + claims + codes(&user.roles) + codes(&user.permissions)
}

#[cfg(test)]
mod tests;
