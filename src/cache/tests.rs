use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;
use crate::error::ErrorKind;

const LIFETIMES: Lifetimes = Lifetimes {
    identity: Duration::from_secs(300),
    grace: Duration::from_secs(300),
    refusal: Duration::from_secs(5),
};

fn cache(capacity: usize) -> (Cache, Clock) {
    let clock = Clock::held();
    (Cache::new(capacity, LIFETIMES, Duration::from_secs(5), clock.clone()), clock)
}

fn token(cache: &Cache, text: &str) -> Key {
    cache.key(Kind::Token, text.as_bytes())
}

/// Random numbers whose seed is printed, and can be set by `SEED`.
fn random() -> fastrand::Rng {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// The user of this id as he was at this version.
fn user(id: i64, version: u64) -> UserInfo {
    UserInfo::builder(id, "user").nickname(version.to_string()).build()
}

fn version(user: &UserInfo) -> u64 {
    user.nickname.as_deref().unwrap().parse().unwrap()
}

fn is_user(known: &Known) -> bool {
    matches!(known, Known::User(_))
}

#[test]
fn a_million_tokens_push_no_hot_user_out_nor_the_memory_up() {
    const CAPACITY: usize = 50_000;
    let (cache, _) = cache(CAPACITY);
    let mut random = random();
    let hot: Vec<_> = (0..100).map(|n| token(&cache, &format!("hot-{n}"))).collect();
    for key in &hot {
        cache.keep(*key, &user(1, 0), None, 0);
    }
    let small = user(2, 0);
    let large = UserInfo::builder(3, "large").email("x".repeat(5 * BySize::UNIT)).build();
    let mut lost = 0;
    for n in 0..1_000_000 {
        // What the hash of a random token is.
        let key = Key::from_bits(random.u128(..));
        cache.keep(key, if n % 100 == 0 { &large } else { &small }, None, 0);
        if n % 10 == 0 {
            let key = hot[n / 10 % hot.len()];
            lost += usize::from(!is_user(&cache.get(key)));
        }
        if n % 10_000 == 0 {
            assert!(cache.len() <= CAPACITY, "{}", cache.len());
            assert!(cache.identities.weight() <= CAPACITY as u64, "{}", cache.identities.weight());
        }
    }
    assert_eq!(lost, 0, "look-ups that a hot user would have cost");
    assert!(cache.len() > CAPACITY / 2, "{} for a capacity of {CAPACITY}", cache.len());
}

#[test]
fn a_million_refusals_stay_in_their_pool() {
    let (cache, clock) = cache(1_000);
    let mut random = random();
    let known = token(&cache, "known");
    cache.keep(known, &user(1, 0), None, 0);
    let error = AuthError::new(ErrorKind::InvalidCredential);
    for n in 0..1_000_000 {
        cache.keep_refusal(Key::from_bits(random.u128(..)), &error, 0);
        if n % 10_000 == 0 {
            assert!(cache.refusals.len() <= Cache::REFUSALS);
        }
    }
    assert!(is_user(&cache.get(known)));
    assert_eq!(cache.len(), 1);

    // To be refused once more does not make it last.
    let key = token(&cache, "refused");
    cache.keep_refusal(key, &error, 0);
    clock.advance(Duration::from_millis(4_999));
    assert!(matches!(cache.get(key), Known::Refused(_)));
    clock.advance(Duration::from_millis(1));
    assert!(matches!(cache.get(key), Known::Nothing));
}

#[test]
fn large_users_count_for_several() {
    let (cache, _) = cache(1_000);
    let large = UserInfo::builder(1, "large").email("x".repeat(10 * BySize::UNIT)).build();
    for n in 0..1_000 {
        cache.keep(token(&cache, &n.to_string()), &large, None, 0);
    }
    assert!(cache.len() <= 100, "{}", cache.len());
    assert!(cache.identities.weight() <= 1_000);
}

#[test]
fn the_same_text_at_two_endpoints_or_in_two_caches() {
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
    one.keep(keys[0], &user(1, 0), None, 0);
    assert!(is_user(&one.get(keys[0])));
    assert!(matches!(one.get(keys[1]), Known::Nothing));
}

#[test]
fn equal_lists_are_kept_once() {
    let (cache, _) = cache(10);
    let shared = |codes: &[&str]| {
        let mut user = UserInfo::builder(1, "user").permissions(codes.iter().copied()).build();
        cache.share_lists(&mut user);
        user.permissions.clone()
    };
    let (one, two) = (shared(&["a", "b"]), shared(&["a", "b"]));
    assert!(one.iter().zip(two.iter()).all(|(a, b)| std::ptr::eq(a, b)));
    // In the center's order, and never somebody else's.
    assert!(shared(&["b", "a"]).iter().eq(["b", "a"]));
    assert!(shared(&["ab"]).iter().eq(["ab"]));
}

/// A world whose users change, and answers about it that take their time.
struct Model {
    cache: Cache,
    clock: Clock,
    /// Of each user.
    versions: Vec<u64>,
    /// What a key's user may not be older than.
    floors: Vec<u64>,
    /// What a key's refusal may not be older than. It names no user, so it is not forgotten with him.
    refusal_floors: Vec<u64>,
    /// When the latest answer of a key landed.
    landed: Vec<Millis>,
    under_way: Vec<Question>,
}

struct Question {
    of: usize,
    epoch: u64,
    /// The user's version when the center made up its mind, and whether it refused.
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
            refusal_floors: vec![0; Self::KEYS],
            landed: vec![0; Self::KEYS],
            under_way: Vec::new(),
        }
    }

    fn key(&self, of: usize) -> Key {
        token(&self.cache, &of.to_string())
    }

    fn version_of(&self, of: usize) -> u64 {
        self.versions[of % Self::USERS]
    }

    fn forget(&mut self, by_name: bool, which: impl Fn(usize) -> bool) {
        for of in (0..Self::KEYS).filter(|of| which(*of)) {
            self.floors[of] = self.version_of(of);
            if by_name {
                self.refusal_floors[of] = self.version_of(of);
            }
        }
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let of = random.usize(..Self::KEYS);
        let (of_user, key) = (of % Self::USERS, self.key(of));
        match random.u8(..100) {
            0..20 => {
                let epoch = self.cache.epoch();
                self.under_way.push(Question { of, epoch, decided: None });
            }
            20..40 => {
                let open = self.under_way.iter().position(|question| question.decided.is_none());
                if let Some(n) = open {
                    let version = self.version_of(self.under_way[n].of);
                    self.under_way[n].decided = Some((version, random.u8(..5) == 0));
                }
            }
            40..60 if !self.under_way.is_empty() => {
                let n = random.usize(..self.under_way.len());
                let question = self.under_way.swap_remove(n);
                self.land(&question);
            }
            60..66 => self.versions[of_user] += 1,
            66..70 => {
                // A webhook may have the number as a string.
                let (number, string) = (UserId::from(of_user as i64), UserId::from(of_user.to_string()));
                self.cache.invalidate_user(if random.bool() { &number } else { &string });
                self.forget(false, |other| other % Self::USERS == of_user);
            }
            70..74 => {
                self.cache.invalidate(key);
                self.forget(true, |other| other == of);
            }
            74 => {
                self.cache.clear();
                self.forget(true, |_| true);
            }
            75..80 => self.clock.advance(Duration::from_secs(random.u64(..120))),
            80..83 => self.cache.postpone_refresh(key),
            _ => self.look(of),
        }
    }

    fn land(&mut self, question: &Question) {
        let Some((version, refused)) = question.decided else { return };
        let (of, key) = (question.of, self.key(question.of));
        if refused {
            let error = AuthError::new(ErrorKind::InvalidCredential).with_detail(version.to_string());
            self.cache.keep_refusal(key, &error, question.epoch);
            let stale = self.cache.is_stale_refusal(key, question.epoch);
            assert!(stale || version >= self.refusal_floors[of], "who waits for it is refused by the past");
        } else {
            let user = user((of % Self::USERS) as i64, version);
            self.cache.keep(key, &user, None, question.epoch);
            let stale = self.cache.is_stale(key, &user, question.epoch);
            assert!(stale || version >= self.floors[of], "who waits for it gets the past");
        }
        self.landed[of] = self.clock.now();
        self.look(of);
    }

    fn look(&self, of: usize) {
        let key = self.key(of);
        let age = self.clock.now() - self.landed[of];
        match self.cache.get(key) {
            Known::User(user) | Known::Ageing(user) => {
                assert!(version(&user) >= self.floors[of], "served from before an invalidation");
                assert!(age < 300_000, "served {age} ms after it landed");
            }
            Known::Refused(error) => {
                let version: u64 = error.detail().unwrap().parse().unwrap();
                assert!(version >= self.refusal_floors[of], "refused from before an invalidation");
                assert!(age < 5_000, "refused {age} ms after it landed");
            }
            Known::Nothing => {}
        }
        if let Some((user, epoch)) = self.cache.last_known(key) {
            assert!(version(&user) >= self.floors[of], "bridged from before an invalidation");
            assert!(!self.cache.is_stale(key, &user, epoch));
            assert!(age < 600_000, "bridged {age} ms after it landed");
        }
    }
}

#[test]
fn in_any_order_nothing_is_older_than_its_invalidation() {
    let mut random = random();
    for _ in 0..50 {
        let mut model = Model::new();
        for _ in 0..2_000 {
            model.step(&mut random);
        }
    }
}

/// The same by threads, which come between each other's every step.
#[test]
fn at_the_same_time_nothing_is_older_than_its_invalidation() {
    let (cache, _) = cache(1_000);
    let key = token(&cache, "token");
    let (current, floor, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let running = || !done.load(Ordering::Relaxed);
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while running() {
                    let epoch = cache.epoch();
                    let user = user(7, current.load(Ordering::SeqCst));
                    thread::yield_now();
                    cache.keep(key, &user, None, epoch);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while running() {
                    let floor = floor.load(Ordering::SeqCst);
                    let bridged = cache.last_known(key).map(|(user, _)| user);
                    let user = match cache.get(key) {
                        Known::User(user) => Some(user),
                        _ => None,
                    };
                    for user in [bridged, user].into_iter().flatten() {
                        seen.fetch_add(1, Ordering::Relaxed);
                        if version(&user) < floor {
                            done.store(true, Ordering::Relaxed);
                            panic!("{} was over at {floor}", version(&user));
                        }
                    }
                }
            });
        }
        let mut version = 0;
        // Until somebody has seen something, too: on a busy machine that takes longer.
        while version < 1_500 || (seen.load(Ordering::Relaxed) == 0 && version < 1_000_000) {
            version += 1;
            current.store(version, Ordering::SeqCst);
            match version % 3 {
                0 => cache.invalidate(key),
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
