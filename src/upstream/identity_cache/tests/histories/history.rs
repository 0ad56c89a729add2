//! One history, and what was seen in it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::model::{Answer, Found, Model};
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};
use crate::upstream::identity_cache::{CacheTtls, Cached, IdentityCache, Key, Kind, RejectedAbout};
use crate::util::clock::{Clock, Millis};

const USERS: usize = 3;
const KEYS: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(5);

/// How often what makes a history interesting came about.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    fresh: usize,
    refreshes: usize,
    negatives: usize,
    stale: usize,
    paused: usize,
    outdated_in_flight: usize,
    ended_by_date: usize,
    evicted: usize,
}

impl Coverage {
    pub(super) fn least(&self) -> usize {
        let Self { fresh, refreshes, negatives, stale, paused, outdated_in_flight, ended_by_date, evicted } =
            *self;
        [fresh, refreshes, negatives, stale, paused, outdated_in_flight, ended_by_date, evicted]
            .into_iter()
            .min()
            .unwrap_or_default()
    }
}

pub(super) struct History<'a> {
    seed: u64,
    random: fastrand::Rng,
    seen: &'a mut Coverage,
    cache: IdentityCache,
    clock: Clock,
    model: Model,
    /// Of each user, as the auth center knows them.
    versions: [u64; USERS],
    /// The lowest version that may be served under each credential.
    floors: [u64; KEYS],
    in_flight: Vec<Lookup>,
    /// Whether there is room for all.
    is_roomy: bool,
    others: u64,
    step: usize,
}

struct Lookup {
    of: usize,
    epoch: u64,
    turn: u64,
    started: Millis,
    decided: Option<(u64, bool)>,
}

impl Drop for History<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEED={}, step {}", self.seed, self.step);
        }
    }
}

impl<'a> History<'a> {
    pub(super) fn new(seed: u64, seen: &'a mut Coverage) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = Clock::held();
        let seconds = |random: &mut fastrand::Rng, choice: &[u64]| {
            Duration::from_secs(choice[random.usize(..choice.len())])
        };
        let ttls = CacheTtls {
            ttl: seconds(&mut random, &[0, 1, 10, 300, 300, 300, 300]),
            stale_if_error: seconds(&mut random, &[0, 300, 300]),
            negative_ttl: seconds(&mut random, &[0, 5, 5]),
        };
        let is_roomy = random.u8(..4) > 0;
        let cache = IdentityCache::new(if is_roomy { 1_000 } else { 6 }, ttls, TIMEOUT, clock.clone());
        let model = Model::new(clock.clone(), ttls);
        Self {
            seed,
            random,
            seen,
            cache,
            clock,
            model,
            versions: [0; USERS],
            floors: [0; KEYS],
            in_flight: vec![],
            is_roomy,
            others: 0,
            step: 0,
        }
    }

    pub(super) fn run(mut self, steps: usize) {
        for step in 0..steps {
            self.step = step;
            self.step();
        }
        self.seen.evicted += self.cache.evictions() as usize;
    }

    fn key(&self, of: usize) -> Key {
        self.cache.key(Kind::Token, &[of as u8])
    }

    fn step(&mut self) {
        let of = self.random.usize(..KEYS);
        match self.random.u8(..100) {
            0..14 => self.look_up(of),
            14..30 => self.decide(),
            30..46 => self.end(),
            46..52 => self.versions[of % USERS] += 1,
            52..60 => self.invalidate(of),
            60..66 => self.clock.advance(Duration::from_millis(self.random.u64(..1_500))),
            66..70 => self.clock.advance(Duration::from_secs(self.random.u64(..130))),
            70..73 => {
                self.clock.jump(Duration::from_secs(self.random.u64(..400)));
                (0..KEYS).for_each(|other| self.check(other));
            }
            73 => self.clock.jump_back(Duration::from_secs(self.random.u64(..400))),
            74..76 => {
                self.model.postpone(of);
                self.cache.postpone_refresh(self.key(of));
            }
            76..78 => {
                let limit = self.some_date();
                self.model.limit(of, limit);
                self.cache.limit(self.key(of), limit);
            }
            78..80 => self.pause(of),
            80..82 if !self.is_roomy => self.crowd(),
            _ => {}
        }
        self.check(of);
    }

    /// In whole milliseconds from now, mostly ahead.
    fn some_date(&mut self) -> SystemTime {
        self.clock.today() + Duration::from_millis(self.random.u64(..100_000)) - Duration::from_secs(5)
    }

    fn look_up(&mut self, of: usize) {
        let (epoch, turn, started) = (self.cache.epoch(), self.model.turn, self.clock.now());
        self.in_flight.push(Lookup { of, epoch, turn, started, decided: None });
    }

    fn decide(&mut self) {
        let lookup = self.in_flight.iter_mut().find(|lookup| lookup.decided.is_none());
        if let Some(lookup) = lookup {
            lookup.decided = Some((self.versions[lookup.of % USERS], self.random.u8(..4) == 0));
        }
    }

    fn end(&mut self) {
        if self.in_flight.is_empty() {
            return;
        }
        let Lookup { of, epoch, turn, started, decided } =
            self.in_flight.swap_remove(self.random.usize(..self.in_flight.len()));
        let (Some((version, is_rejected)), key, user) = (decided, self.key(of), of % USERS) else { return };
        if is_rejected {
            let about = self.random.bool().then(|| {
                let (user, name) = (UserId::from(user as i64), Some(name(user).into()));
                Arc::new(RejectedAbout { user, name })
            });
            let error = AuthError::new(ErrorKind::InvalidCredential).with_detail(version.to_string());
            self.model.reject(of, version, about.is_some().then_some(user), turn);
            self.cache.insert_negative(key, &error, about.as_ref(), epoch);
            let covered = self.cache.is_negative_invalidated(key, about.as_deref(), epoch);
            assert_eq!(
                covered,
                self.model.covers(of, about.is_some().then_some(user), turn),
                "rejected {of}"
            );
            return;
        }
        let limit = (self.random.u8(..3) == 0).then(|| self.some_date());
        // From another replica: verified some time ago, at most when this lookup started.
        let age = if self.random.u8(..4) == 0 { self.random.u64(..700_000) } else { 0 };
        let info = UserInfo::builder(user as i64, name(user)).nickname(version.to_string()).build();
        self.model.insert(of, &Found { user, version, limit, turn, age });
        self.cache.insert_aged(key, &info, limit, epoch, age, started);
        let covered = self.cache.is_invalidated(key, &info, epoch);
        assert_eq!(covered, self.model.covers(of, Some(user), turn), "found {of}");
        assert!(covered || version >= self.floors[of], "waiters get an outdated user");
        self.seen.outdated_in_flight += usize::from(covered);
    }

    fn invalidate(&mut self, of: usize) {
        let user = of % USERS;
        let is_meant: &dyn Fn(usize) -> bool = match self.random.u8(..12) {
            0..4 => {
                let id = user as i64;
                let id = if self.random.bool() { UserId::from(id) } else { UserId::from(id.to_string()) };
                self.model.invalidate_user(user);
                self.cache.invalidate_user(&id);
                &|other| other % USERS == user
            }
            4..6 => {
                self.model.invalidate_user(user);
                self.cache.invalidate_name(&name(user));
                &|other| other % USERS == user
            }
            6..11 => {
                let is_asked = self.in_flight.iter().any(|lookup| lookup.of == of);
                self.model.invalidate_key(of);
                self.cache.invalidate(self.key(of), is_asked);
                &|other| other == of
            }
            _ => {
                self.model.clear();
                self.cache.clear();
                &|_| true
            }
        };
        for other in (0..KEYS).filter(|other| is_meant(*other)) {
            self.floors[other] = self.versions[other % USERS];
        }
    }

    fn pause(&mut self, of: usize) {
        let pause = Duration::from_secs(self.random.u64(1..20));
        self.model.pause(of, pause);
        self.cache.pauses().start(self.key(of), &AuthError::new(ErrorKind::Unavailable), pause);
    }

    /// Others come, for whom there is no room.
    fn crowd(&mut self) {
        for _ in 0..4 {
            self.others += 1;
            let key = self.cache.key(Kind::AccessKey, &self.others.to_le_bytes());
            let other = UserInfo::builder(99, "other").build();
            self.cache.insert(key, &other, None, self.cache.epoch());
        }
    }

    fn check(&mut self, of: usize) {
        let key = self.key(of);
        let paused = self.cache.pauses().error(key).and_then(|error| error.retry_after());
        // Callers are told whole seconds.
        let whole = |left: Duration| Duration::from_secs(left.as_millis().div_ceil(1_000) as u64);
        assert_eq!(paused, self.model.paused(of).map(whole), "the pause of {of}");
        self.seen.paused += usize::from(paused.is_some());
        if self.is_roomy {
            let is_accepted = self.model.accepted.get(&of).copied().unwrap_or_default();
            assert_eq!(self.cache.is_known(key), is_accepted, "whether {of} is known");
        }
        if self.random.u8(..4) == 0 {
            self.check_fresh(of);
        }
        if self.random.bool() {
            self.check_stale(of);
        }
        let had = self.model.valid(of).is_some();
        let answer = self.get(of);
        let expected = self.model.get(of, answer);
        self.compare(of, answer, expected);
        self.seen.ended_by_date += usize::from(self.is_roomy && had && self.model.valid(of).is_none());
        match answer {
            Answer::Fresh(version) | Answer::Stale(version) => {
                assert!(version >= self.floors[of], "{of} is served from before an invalidation");
            }
            _ => {}
        }
        match answer {
            Answer::Fresh(_) => self.seen.fresh += 1,
            Answer::Stale(_) => self.seen.refreshes += 1,
            Answer::Negative(_) => self.seen.negatives += 1,
            Answer::Miss => {}
        }
        if self.random.bool() {
            self.check_stale(of);
        }
    }

    fn get(&self, of: usize) -> Answer {
        match self.cache.get(self.key(of)) {
            Cached::Fresh(user) => Answer::Fresh(version(&user)),
            Cached::Watched(_) => unreachable!("nobody watches"),
            Cached::Stale(user) => Answer::Stale(version(&user)),
            Cached::Negative(error) => Answer::Negative(error.detail().unwrap().parse().unwrap()),
            Cached::Miss => Answer::Miss,
        }
    }

    fn check_fresh(&mut self, of: usize) {
        let Some(fresh) = self.cache.fresh(self.key(of)) else { return };
        assert!(fresh.now < fresh.until);
        let answer = Answer::Fresh(version(&fresh.value));
        let expected = self.model.get(of, answer);
        assert_eq!(answer, expected, "{of} is fresh");
    }

    fn check_stale(&mut self, of: usize) {
        let stale = self.cache.stale(self.key(of)).map(|(user, _)| version(&user));
        let expected = self.model.stale(of);
        if !self.is_roomy && stale.is_none() && expected.is_some() {
            self.model.entries.remove(&of);
            return;
        }
        assert_eq!(stale, expected, "{of} while nobody can be asked");
        assert!(stale.is_none_or(|version| version >= self.floors[of]));
        self.seen.stale += usize::from(stale.is_some());
    }

    fn compare(&mut self, of: usize, answer: Answer, expected: Answer) {
        let may_be_evicted = !self.is_roomy && matches!(expected, Answer::Fresh(_) | Answer::Stale(_));
        if may_be_evicted && answer == Answer::Miss {
            self.model.entries.remove(&of);
            return;
        }
        assert_eq!(answer, expected, "credential {of}, of {:?}", self.model.entries.get(&of));
    }
}

fn name(user: usize) -> String {
    format!("user {user}")
}

fn version(user: &UserInfo) -> u64 {
    user.nickname().unwrap().parse().unwrap()
}
