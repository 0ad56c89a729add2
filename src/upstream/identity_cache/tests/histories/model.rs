//! What a cache has to answer: a map of what was looked up, in which nothing is removed for lack of room.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::upstream::identity_cache::CacheTtls;
use crate::util::clock::{Clock, Millis, millis};

/// How long the date may go unread while an entry is served.
const DATE_CHECK: Millis = 1_000;
/// How long a credential is not asked about again, within a longer pause.
const ASK_AGAIN: Millis = 4_000;
const POSTPONED_AT_LEAST: Millis = 1_000;

pub(super) struct Model {
    pub(super) clock: Clock,
    pub(super) ttls: CacheTtls,
    /// Users as they were looked up, by the number of their credential.
    pub(super) entries: HashMap<usize, Entry>,
    pub(super) negatives: HashMap<usize, Negative>,
    /// When credentials end, as far as that is known without their user.
    pub(super) limits: HashMap<usize, SystemTime>,
    pub(super) pauses: HashMap<usize, Pause>,
    /// Whose last verdict was that they are accepted.
    pub(super) accepted: HashMap<usize, bool>,
    /// Counts invalidations.
    pub(super) turn: u64,
    /// The last invalidation of each.
    pub(super) of_all: u64,
    pub(super) of_users: HashMap<usize, u64>,
    pub(super) of_keys: HashMap<usize, u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) user: usize,
    pub(super) version: u64,
    /// Which invalidation was the last when its lookup started.
    pub(super) turn: u64,
    pub(super) expires: Millis,
    pub(super) stale_until: Millis,
    pub(super) ends: Option<SystemTime>,
    /// The refresh is due at a time between these, which is chosen at random.
    pub(super) refresh: [Millis; 2],
    /// When the date was read.
    pub(super) dated: Millis,
}

#[derive(Clone, Debug)]
pub(super) struct Negative {
    pub(super) version: u64,
    pub(super) turn: u64,
    pub(super) expires: Millis,
    /// Whom it is about, if that is known.
    pub(super) user: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Pause {
    failed: Millis,
    until: Millis,
}

/// What is served for a credential.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    Fresh(u64),
    /// To be refreshed.
    Stale(u64),
    Negative(u64),
    Miss,
}

impl Model {
    pub(super) fn new(clock: Clock, ttls: CacheTtls) -> Self {
        Self {
            clock,
            ttls,
            entries: HashMap::new(),
            negatives: HashMap::new(),
            limits: HashMap::new(),
            pauses: HashMap::new(),
            accepted: HashMap::new(),
            turn: 0,
            of_all: 0,
            of_users: HashMap::new(),
            of_keys: HashMap::new(),
        }
    }

    /// Whether an invalidation covers what was looked up after this one.
    pub(super) fn covers(&self, of: usize, user: Option<usize>, turn: u64) -> bool {
        let of_key = self.of_keys.get(&of).is_some_and(|at| *at > turn);
        let of_user = user.and_then(|user| self.of_users.get(&user)).is_some_and(|at| *at > turn);
        self.of_all > turn || of_key || of_user
    }

    pub(super) fn insert(&mut self, of: usize, found: &Found) {
        let Found { user, version, limit, turn, age } = *found;
        self.negatives.remove(&of);
        self.pauses.remove(&of);
        self.accepted.insert(of, true);
        self.entries.remove(&of);
        let (now, today) = (self.clock.now(), self.clock.today());
        // A limit that is over has been prolonged.
        let known = self.limits.get(&of).copied().filter(|limit| *limit > today);
        let ends = match (limit, known) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let until_end =
            ends.map_or(Millis::MAX, |ends| millis(ends.duration_since(today).unwrap_or_default()));
        let (ttl, stale_if_error) = (millis(self.ttls.ttl), millis(self.ttls.stale_if_error));
        // By when it was verified, which may be before all that this clock knows.
        let left = (ttl.saturating_sub(age)).min(until_end);
        let stale_left = (ttl + stale_if_error).saturating_sub(age).min(until_end);
        if ttl == 0 || stale_left == 0 || self.covers(of, Some(user), turn) {
            return;
        }
        let due = |percent: u64| {
            let left = ttl.saturating_sub(age).min(until_end);
            now + ((left + age) * percent / 100).saturating_sub(age)
        };
        self.entries.insert(
            of,
            Entry {
                user,
                version,
                turn,
                expires: now + left,
                stale_until: now + stale_left,
                ends,
                refresh: [due(70), due(90)],
                dated: now,
            },
        );
    }

    pub(super) fn reject(&mut self, of: usize, version: u64, user: Option<usize>, turn: u64) {
        self.entries.remove(&of);
        self.negatives.remove(&of);
        self.accepted.insert(of, false);
        if !self.covers(of, user, turn) {
            let expires = self.clock.now() + millis(self.ttls.negative_ttl);
            self.negatives.insert(of, Negative { version, turn, expires, user });
        }
    }

    /// What may be served now; `seen` is what is, which decides what the dice of the refresh have said.
    pub(super) fn get(&mut self, of: usize, seen: Answer) -> Answer {
        let now = self.clock.now();
        let negative = self.negatives.get(&of);
        let negative = negative
            .filter(|negative| now < negative.expires && !self.covers(of, negative.user, negative.turn));
        if let Some(negative) = negative {
            return Answer::Negative(negative.version);
        }
        let today = self.clock.today();
        let Some(entry) = self.valid(of).filter(|entry| now < entry.expires) else { return Answer::Miss };
        let is_due = now >= entry.refresh[0] && (now >= entry.refresh[1] || matches!(seen, Answer::Stale(_)));
        // The date of one that does not end is never read.
        let is_dated =
            now >= entry.dated + DATE_CHECK || is_due || now >= entry.refresh[0] && seen == Answer::Miss;
        if is_dated && entry.ends.is_some_and(|ends| ends <= today) {
            self.entries.remove(&of);
            return Answer::Miss;
        }
        if is_due {
            entry.refresh[1] = entry.refresh[1].min(now);
            return Answer::Stale(entry.version);
        }
        entry.refresh[0] = entry.refresh[0].max(now + 1).min(entry.refresh[1]);
        if is_dated {
            entry.dated = now;
        }
        Answer::Fresh(entry.version)
    }

    /// Who is served while nobody can be asked.
    pub(super) fn stale(&mut self, of: usize) -> Option<u64> {
        let (now, today) = (self.clock.now(), self.clock.today());
        let entry = self.valid(of)?;
        let has_ended = entry.ends.is_some_and(|ends| ends <= today);
        (now < entry.stale_until && !has_ended).then_some(entry.version)
    }

    pub(super) fn valid(&mut self, of: usize) -> Option<&mut Entry> {
        let entry = self.entries.get(&of)?;
        if self.covers(of, Some(entry.user), entry.turn) {
            self.entries.remove(&of);
        }
        self.entries.get_mut(&of)
    }

    pub(super) fn postpone(&mut self, of: usize) {
        let now = self.clock.now();
        let at = now + (millis(self.ttls.ttl) / 20).max(POSTPONED_AT_LEAST);
        if let Some(entry) = self.valid(of) {
            (entry.refresh, entry.dated) = ([at, at], now);
        }
    }

    pub(super) fn limit(&mut self, of: usize, limit: SystemTime) {
        self.limits.insert(of, limit);
        let (now, today) = (self.clock.now(), self.clock.today());
        let until = now + millis(limit.duration_since(today).unwrap_or_default());
        if let Some(entry) = self.valid(of) {
            entry.expires = entry.expires.min(until);
            entry.stale_until = entry.stale_until.min(until);
            entry.ends = Some(entry.ends.map_or(limit, |ends| ends.min(limit)));
            entry.dated = now;
        }
    }

    pub(super) fn invalidate_key(&mut self, of: usize) {
        self.turn += 1;
        self.of_keys.insert(of, self.turn);
        self.pauses.remove(&of);
    }

    pub(super) fn invalidate_user(&mut self, user: usize) {
        self.turn += 1;
        self.of_users.insert(user, self.turn);
    }

    pub(super) fn clear(&mut self) {
        self.turn += 1;
        self.of_all = self.turn;
        self.pauses.clear();
        self.limits.clear();
    }

    pub(super) fn pause(&mut self, of: usize, pause: Duration) {
        let failed = self.clock.now();
        self.pauses.insert(of, Pause { failed, until: failed + millis(pause) });
    }

    /// For how long a credential is not asked about.
    pub(super) fn paused(&self, of: usize) -> Option<Duration> {
        let (now, pause) = (self.clock.now(), self.pauses.get(&of)?);
        let is_paused = now < pause.until.min(pause.failed + ASK_AGAIN);
        is_paused.then(|| Duration::from_millis(pause.until - now))
    }
}

/// A user as a lookup has found them.
pub(super) struct Found {
    pub(super) user: usize,
    pub(super) version: u64,
    pub(super) limit: Option<SystemTime>,
    /// Which invalidation was the last when it started.
    pub(super) turn: u64,
    pub(super) age: Millis,
}
