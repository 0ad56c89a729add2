mod histories;
mod known;
mod trust;

use std::time::{Duration, Instant};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use test_support::seed::random;

use super::cache::*;
use super::entry::*;
use super::key::*;
use super::ttls::CacheTtls;
use crate::types::error::AuthError;
use crate::types::error::ErrorKind;
use crate::types::user::{UserId, UserInfo};
use crate::util::clock::{Clock, Millis};

const TTLS: CacheTtls = CacheTtls {
    ttl: Duration::from_secs(300),
    stale_if_error: Duration::from_secs(300),
    negative_ttl: Duration::from_secs(5),
};

fn cache(capacity: usize) -> (IdentityCache, Clock) {
    let clock = Clock::held();
    (IdentityCache::new(capacity, TTLS, Duration::from_secs(5), clock.clone()), clock)
}

fn token(cache: &IdentityCache, text: &str) -> Key {
    cache.key(Kind::Token, text.as_bytes())
}

/// Builds the user of this id at this version.
fn user(id: i64, version: u64) -> UserInfo {
    UserInfo::builder(id, "user").nickname(version.to_string()).build()
}

fn version(user: &UserInfo) -> u64 {
    user.nickname().unwrap().parse().unwrap()
}

fn is_fresh(cached: &Cached) -> bool {
    matches!(cached, Cached::Fresh(_))
}

#[test]
fn million_random_tokens_evict_no_hot_user_and_respect_the_capacity() {
    const CAPACITY: usize = 50_000;
    let (cache, _) = cache(CAPACITY);
    let mut random = random();
    let hot: Vec<_> = (0..100).map(|n| token(&cache, &format!("hot-{n}"))).collect();
    for key in &hot {
        cache.insert(*key, &user(1, 0), None, 0);
    }
    let small = user(2, 0);
    let large = UserInfo::builder(3, "large").email("x".repeat(5 * BySize::UNIT)).build();
    let mut misses = 0;
    for n in 0..1_000_000 {
        // As the hash of a random token.
        let key = Key::from_bits(random.u128(..));
        cache.insert(key, if n % 100 == 0 { &large } else { &small }, None, 0);
        if n % 10 == 0 {
            let key = hot[n / 10 % hot.len()];
            misses += usize::from(!is_fresh(&cache.get(key)));
        }
        if n % 10_000 == 0 {
            assert!(cache.len() <= CAPACITY, "{}", cache.len());
            assert!(cache.identities.weight() <= CAPACITY as u64, "{}", cache.identities.weight());
        }
    }
    assert_eq!(misses, 0, "lookups for hot users");
    assert!(cache.len() > CAPACITY / 2, "{} for a capacity of {CAPACITY}", cache.len());
}

#[test]
fn million_rejections_evict_no_user() {
    let (cache, clock) = cache(1_000);
    let mut random = random();
    let known = token(&cache, "known");
    cache.insert(known, &user(1, 0), None, 0);
    let error = AuthError::new(ErrorKind::InvalidCredential);
    for n in 0..1_000_000 {
        cache.insert_negative(Key::from_bits(random.u128(..)), &error, None, 0);
        if n % 10_000 == 0 {
            assert!(cache.negatives.len() <= <IdentityCache>::MAX_NEGATIVES);
        }
    }
    assert!(is_fresh(&cache.get(known)));
    assert_eq!(cache.len(), 1);

    // A hit does not extend the negative TTL.
    let key = token(&cache, "rejected");
    cache.insert_negative(key, &error, None, 0);
    clock.advance(Duration::from_millis(4_999));
    assert!(matches!(cache.get(key), Cached::Negative(_)));
    clock.advance(Duration::from_millis(1));
    assert!(matches!(cache.get(key), Cached::Miss));
}

#[test]
fn large_users_weigh_more() {
    let (cache, _) = cache(1_000);
    let large = UserInfo::builder(1, "large").email("x".repeat(10 * BySize::UNIT)).build();
    for n in 0..1_000 {
        cache.insert(token(&cache, &n.to_string()), &large, None, 0);
    }
    assert!(cache.len() <= 100, "{}", cache.len());
    assert!(cache.identities.weight() <= 1_000);
}

#[test]
fn keys_differ_between_kinds_and_caches() {
    let (one, two) = (cache(10).0, cache(10).0);
    let text = b"ak_1".as_slice();
    let keys = [
        one.key(Kind::Token, text),
        one.key(Kind::AccessKey, text),
        two.key(Kind::Token, text),
        two.key(Kind::AccessKey, text),
    ];
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(keys.iter().position(|other| other == key), Some(n));
    }
    assert_eq!(keys[0], one.key(Kind::Token, text));
    one.insert(keys[0], &user(1, 0), None, 0);
    assert!(is_fresh(&one.get(keys[0])));
    assert!(matches!(one.get(keys[1]), Cached::Miss));
}

#[test]
fn equal_code_lists_share_memory() {
    let (cache, _) = cache(10);
    let shared = |codes: &[&str]| {
        let mut user = UserInfo::builder(1, "user").permissions(codes.iter().copied()).build();
        cache.intern_lists(&mut user);
        user.permissions().clone()
    };
    let (one, two) = (shared(&["a", "b"]), shared(&["a", "b"]));
    assert!(one.iter().zip(two.iter()).all(|(a, b)| std::ptr::eq(a, b)));
    // In the auth center's order, and never another user's list.
    assert!(shared(&["b", "a"]).iter().eq(["b", "a"]));
    assert!(shared(&["ab"]).iter().eq(["ab"]));
}

/// A check is noted in the entry, so that the next request need not make it again; in the entry that was checked alone.
#[test]
fn check_is_noted_for_no_entry_that_has_replaced_the_checked_one() {
    for (what, is_replaced) in [("the same", false), ("another", true)] {
        let (cache, _) = cache(10);
        let key = token(&cache, "token");
        cache.insert(key, &user(1, 0), None, cache.epoch());
        let checked = cache.identities.get(&key).unwrap();
        cache.invalidate_user(&2.into());
        if is_replaced {
            // By a lookup that the invalidation has overtaken, and that has not found that out yet.
            cache.identities.insert(key, Entry { value: user(2, 0), ..checked.clone() });
        }
        assert!(cache.is_valid(key, &checked), "{what}");
        let noted = cache.identities.get(&key).unwrap().terms.epoch.get();
        assert_eq!(noted == cache.epoch(), !is_replaced, "{what}");
        assert_eq!(is_fresh(&cache.get(key)), !is_replaced, "{what}");
    }
}

/// One that is over was prolonged, by who has just accepted the credential.
#[test]
fn end_that_is_known_before_the_user_limits_each_entry_unless_it_is_over() {
    for (end, cached_for) in [(10_000, 10_000), (1, 1), (0, 300_000)] {
        for insertions in 1..=2 {
            let (cache, clock) = cache(10);
            let key = token(&cache, "token");
            cache.limit(key, clock.today() + Duration::from_millis(end));
            for _ in 0..insertions {
                cache.insert(key, &user(1, 0), None, cache.epoch());
            }
            clock.advance(Duration::from_millis(cached_for - 1));
            assert!(!matches!(cache.get(key), Cached::Miss), "{end}, {insertions}");
            clock.advance(Duration::from_millis(1));
            assert!(matches!(cache.get(key), Cached::Miss), "{end}, {insertions}");
        }
    }
}

/// A model of users that change, and of lookups in flight.
struct Model {
    cache: IdentityCache,
    clock: Clock,
    /// Of each user.
    versions: Vec<u64>,
    /// The lowest version of each key's user that may be served.
    floors: Vec<u64>,
    /// The lowest version at which each key's rejection may be served. A rejection has no user, so invalidating the user
    /// does not invalidate it.
    negative_floors: Vec<u64>,
    /// When the latest lookup of each key ended.
    ended_at: Vec<Millis>,
    in_flight: Vec<Lookup>,
}

struct Lookup {
    of: usize,
    epoch: u64,
    /// The user's version when the auth center decided, and whether it rejected.
    decided: Option<(u64, bool)>,
}

impl Model {
    const USERS: usize = 3;
    const KEYS: usize = 8;

    fn new() -> Self {
        let (cache, clock) = cache(1_000);
        Self {
            cache,
            clock,
            versions: vec![0; Self::USERS],
            floors: vec![0; Self::KEYS],
            negative_floors: vec![0; Self::KEYS],
            ended_at: vec![0; Self::KEYS],
            in_flight: Vec::new(),
        }
    }

    fn key(&self, of: usize) -> Key {
        token(&self.cache, &of.to_string())
    }

    fn version_of(&self, of: usize) -> u64 {
        self.versions[of % Self::USERS]
    }

    fn invalidated(&mut self, by_key: bool, which: impl Fn(usize) -> bool) {
        for of in (0..Self::KEYS).filter(|of| which(*of)) {
            self.floors[of] = self.version_of(of);
            if by_key {
                self.negative_floors[of] = self.version_of(of);
            }
        }
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let of = random.usize(..Self::KEYS);
        let (of_user, key) = (of % Self::USERS, self.key(of));
        match random.u8(..100) {
            0..20 => {
                let epoch = self.cache.epoch();
                self.in_flight.push(Lookup { of, epoch, decided: None });
            }
            20..40 => {
                let undecided = self.in_flight.iter().position(|lookup| lookup.decided.is_none());
                if let Some(n) = undecided {
                    let version = self.version_of(self.in_flight[n].of);
                    self.in_flight[n].decided = Some((version, random.u8(..5) == 0));
                }
            }
            40..60 if !self.in_flight.is_empty() => {
                let n = random.usize(..self.in_flight.len());
                let lookup = self.in_flight.swap_remove(n);
                self.end(&lookup);
            }
            60..66 => self.versions[of_user] += 1,
            66..70 => {
                // A webhook may send the number as a string.
                let (number, string) = (UserId::from(of_user as i64), UserId::from(of_user.to_string()));
                self.cache.invalidate_user(if random.bool() { &number } else { &string });
                self.invalidated(false, |other| other % Self::USERS == of_user);
            }
            70..74 => {
                self.cache.invalidate(key, true);
                self.invalidated(true, |other| other == of);
            }
            74 => {
                self.cache.clear();
                self.invalidated(true, |_| true);
            }
            75..80 => self.clock.advance(Duration::from_secs(random.u64(..120))),
            80..83 => self.cache.postpone_refresh(key),
            _ => self.check(of),
        }
    }

    fn end(&mut self, lookup: &Lookup) {
        let Some((version, is_rejected)) = lookup.decided else { return };
        let (of, key) = (lookup.of, self.key(lookup.of));
        if is_rejected {
            let error = AuthError::new(ErrorKind::InvalidCredential).with_detail(version.to_string());
            self.cache.insert_negative(key, &error, None, lookup.epoch);
            let is_invalidated = self.cache.is_negative_invalidated(key, None, lookup.epoch);
            assert!(
                is_invalidated || version >= self.negative_floors[of],
                "waiters get an outdated rejection"
            );
        } else {
            let user = user((of % Self::USERS) as i64, version);
            self.cache.insert(key, &user, None, lookup.epoch);
            let is_invalidated = self.cache.is_invalidated(key, &user, lookup.epoch);
            assert!(is_invalidated || version >= self.floors[of], "waiters get an outdated user");
        }
        self.ended_at[of] = self.clock.now();
        self.check(of);
    }

    fn check(&self, of: usize) {
        let key = self.key(of);
        let age = self.clock.now() - self.ended_at[of];
        match self.cache.get(key) {
            Cached::Fresh(user) | Cached::Watched(user) | Cached::Stale(user) => {
                assert!(version(&user) >= self.floors[of], "served from before an invalidation");
                assert!(age < 300_000, "served {age} ms after the lookup");
            }
            Cached::Negative(error) => {
                let version: u64 = error.detail().unwrap().parse().unwrap();
                assert!(version >= self.negative_floors[of], "rejected from before an invalidation");
                assert!(age < 5_000, "rejected {age} ms after the lookup");
            }
            Cached::Miss => {}
        }
        if let Some((user, epoch)) = self.cache.stale(key) {
            assert!(version(&user) >= self.floors[of], "served stale from before an invalidation");
            assert!(!self.cache.is_invalidated(key, &user, epoch));
            assert!(age < 600_000, "served stale {age} ms after the lookup");
        }
    }
}

#[test]
fn sequential_operations_serve_nothing_older_than_its_invalidation() {
    let mut random = random();
    for _ in 0..50 {
        let mut model = Model::new();
        for _ in 0..2_000 {
            model.step(&mut random);
        }
    }
}

/// The same by threads, which interleave at every step.
#[test]
fn concurrent_operations_serve_nothing_older_than_its_invalidation() {
    let (cache, _) = cache(1_000);
    let key = token(&cache, "token");
    let (current, floor, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let is_running = || !done.load(Ordering::Relaxed);
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while is_running() {
                    let epoch = cache.epoch();
                    let user = user(7, current.load(Ordering::SeqCst));
                    thread::yield_now();
                    cache.insert(key, &user, None, epoch);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while is_running() {
                    let floor = floor.load(Ordering::SeqCst);
                    let stale = cache.stale(key).map(|(user, _)| user);
                    let fresh = match cache.get(key) {
                        Cached::Fresh(user) => Some(user),
                        _ => None,
                    };
                    for user in [stale, fresh].into_iter().flatten() {
                        seen.fetch_add(1, Ordering::Relaxed);
                        if version(&user) < floor {
                            done.store(true, Ordering::Relaxed);
                            panic!("version {} served after the invalidation at {floor}", version(&user));
                        }
                    }
                }
            });
        }
        let mut version = 0;
        // Until a reader has seen a user: on a busy machine that takes longer.
        while version < 1_500 || (seen.load(Ordering::Relaxed) == 0 && version < 1_000_000) {
            version += 1;
            current.store(version, Ordering::SeqCst);
            match version % 3 {
                0 => cache.invalidate(key, true),
                1 => cache.invalidate_user(&7.into()),
                _ => cache.clear(),
            }
            floor.store(version, Ordering::SeqCst);
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(seen.into_inner() > 0);
}

/// A shard keeps no entry that is heavier than its share, and there are more shards on more cores.
#[test]
fn largest_user_is_cached_on_any_number_of_cores() {
    let codes = |count: usize| (0..count).map(|n| format!("permission:{n}"));
    for (capacity, shards) in
        [(50_000, 4), (50_000, 64), (50_000, 256), (10_000, 64), (1_000, 64), (39, 64), (1, 64)]
    {
        let cache = IdentityCache::with_shards(capacity, shards, TTLS, Duration::from_secs(5), Clock::held());
        for count in [1_000, 30_000] {
            let key = token(&cache, &count.to_string());
            cache.insert(
                key,
                &UserInfo::builder(7, "alice").permissions(codes(count)).build(),
                None,
                cache.epoch(),
            );
            assert!(matches!(cache.get(key), Cached::Fresh(_)), "{count} of {capacity} in {shards}");
        }
        for n in 0..200 {
            let key = token(&cache, &format!("other {n}"));
            cache.insert(
                key,
                &UserInfo::builder(n, "bob").permissions(codes(300)).build(),
                None,
                cache.epoch(),
            );
        }
        assert!(
            cache.identities.weight() <= capacity as u64 + 64,
            "{} of {capacity}",
            cache.identities.weight()
        );
    }
}
