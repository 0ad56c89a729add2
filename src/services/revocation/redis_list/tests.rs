//! Random histories of a list in Redis, of its pushes and of its outages, against what is really there.
//!
//! Redis and the path to it are simulated, on a clock that stands still between steps. What a replica knows is the real thing, and is
//! told as [`Listening`](super::listening::Listening) tells it: in the order of one connection.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::found::{Found, FoundEntry};
use super::keys::Name;
use super::known::{Known, Touch};
use crate::services::revocation::list::{ALL, Kind, RevokedList};
use crate::types::revocation::{Instant, Revocation, RevocationMark, RevocationStatus, TokenIds};
use crate::util::clock::{Clock, Millis};

const ASK_EVERY: Millis = 5_000;
/// After so long a path that has gone mute is found.
const MUTE: Millis = 1_000;
/// So long a message is under way at most, on a path that is not mute.
const LATE: Millis = 200;
/// A revocation is in force after so long, whatever happens to pushes: what the guide promises.
const BOUND: Millis = ASK_EVERY + LATE;

/// What Redis sends on the connection for pushes.
enum Message {
    Changed(Vec<Name>),
    /// The same, of one that is there until then.
    Written(Name, Millis),
    Flushed,
    Found(Vec<Found>),
    /// What changed at the end of the last connection.
    FoundLate(Vec<Found>),
    /// The last page of a scan, or another one.
    Page(Vec<Name>, bool),
}

/// What a replica waits for, and does then.
#[derive(Clone, Copy, PartialEq)]
enum Waiting {
    Nothing,
    Found,
    Page,
}

#[derive(Clone, Copy)]
struct Key {
    before: Instant,
    end: Millis,
    since: Millis,
}

struct History {
    random: fastrand::Rng,
    clock: Clock,
    redis: HashMap<Name, Key>,
    /// All that was ever there, with its end.
    past: Vec<(Name, Instant, Millis)>,
    /// Names of which Redis may have lost something that a replica remembers.
    tainted: HashSet<Name>,
    /// Tokens and sessions that were pushed: revoked until then, whatever becomes of Redis.
    promised: HashMap<Name, Millis>,
    /// How many flushes were pushed since pushes were last looked up.
    flushes: usize,
    /// Whether one was pushed beside what is being looked up.
    is_late: bool,
    /// Names whose push was the last of a connection: revoked for longer, perhaps.
    kept: HashSet<Name>,
    known: Known,
    /// Whether a connection for pushes is there, as far as Redis knows; when the path went mute.
    is_tracked: bool,
    is_connected: bool,
    mute_since: Option<Millis>,
    messages: VecDeque<(Millis, Message)>,
    waiting: Waiting,
    /// Pushes that arrived while something else was awaited; pages that are yet to be read.
    arrived: Vec<(Name, Option<Millis>)>,
    scan: Option<VecDeque<Name>>,
    is_last_page: bool,
    tokens: Vec<RevocationMark>,
    log: Vec<String>,
}

fn name(kind: Kind, id: &str) -> Name {
    Name { kind, id: id.into() }
}

impl History {
    fn new(seed: u64) -> Self {
        let clock = Clock::held();
        let known = Known::new(RevokedList::new(clock.clone(), 1_000, vec![]), ASK_EVERY, 100);
        let token = |jti: &str, sid: &str, user: &str, iat: f64| {
            RevocationMark::new(TokenIds::new(user).with_jti(jti).with_sid(sid).issued_at_seconds(iat))
        };
        Self {
            random: fastrand::Rng::with_seed(seed),
            clock,
            redis: HashMap::new(),
            past: vec![],
            tainted: HashSet::new(),
            promised: HashMap::new(),
            flushes: 0,
            is_late: false,
            kept: HashSet::new(),
            known,
            is_tracked: false,
            is_connected: false,
            mute_since: None,
            messages: VecDeque::new(),
            waiting: Waiting::Nothing,
            arrived: vec![],
            scan: None,
            is_last_page: false,
            tokens: vec![
                token("a", "s", "u", 10.0),
                token("b", "s", "u", 20.0),
                token("c", "t", "u", 30.0),
                token("d", "t", "v", 20.0),
            ],
            log: vec![],
        }
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn run(&mut self, steps: usize) -> Result<(), String> {
        for _ in 0..steps {
            let note = match self.random.u8(..100) {
                0..15 => self.write(),
                15..20 => self.delete(),
                20..25 => self.revoke_here(),
                25..40 => self.pass(),
                40..65 => self.deliver(),
                65..71 => self.connect(),
                71..74 => self.go_mute(),
                74..76 => self.disconnect(),
                76..78 => self.flush(),
                78..80 => self.restart(),
                _ => self.request()?,
            };
            self.log.push(format!("{:>6} {note}", self.now()));
        }
        // In the end everything comes to rest.
        self.mute_since = None;
        self.connect();
        while !self.is_at_rest() {
            self.deliver();
        }
        self.request_all()
    }

    fn random_name(&mut self) -> Name {
        let ids: [&[&str]; 3] = [&["a", "b", "c", "d"], &["s", "t"], &["u", "v"]];
        let kind = [Kind::Token, Kind::Session, Kind::User][self.random.usize(..3)];
        name(kind, ids[kind as usize][self.random.usize(..ids[kind as usize].len())])
    }

    fn random_before(&mut self, kind: Kind) -> Instant {
        if kind == Kind::User { [15_000, 25_000, 35_000][self.random.usize(..3)] } else { ALL }
    }

    /// Another service writes a key.
    fn write(&mut self) -> String {
        let name = self.random_name();
        let (before, end) = (self.random_before(name.kind), self.now() + self.random.u64(1..20_000));
        // Less than there was, of which nobody is told.
        let is_less =
            self.past.iter().any(|(past, more, later)| *past == name && (*more > before || *later > end));
        if is_less && (!self.is_tracked || self.mute_since.is_some()) {
            self.tainted.insert(name.clone());
        }
        self.set(name.clone(), before, end);
        format!("write {name:?} {before} until {end}")
    }

    fn set(&mut self, name: Name, before: Instant, end: Millis) {
        let now = self.now();
        self.redis.retain(|_, key| now < key.end);
        let since = match self.redis.get(&name) {
            Some(key) if key.before >= before => key.since,
            _ => now,
        };
        self.redis.insert(name.clone(), Key { before, end, since });
        self.past.push((name.clone(), before, end));
        self.is_told(&name);
        self.push(Message::Written(name, end));
    }

    /// What a replica is not told of may break what it was promised.
    fn is_told(&mut self, name: &Name) {
        if !self.is_tracked || self.mute_since.is_some() {
            self.promised.remove(name);
        }
    }

    fn delete(&mut self) -> String {
        let name = self.random_name();
        if self.redis.remove(&name).is_some() {
            if !self.is_tracked || self.mute_since.is_some() {
                self.tainted.insert(name.clone());
            }
            self.is_told(&name);
            self.push(Message::Changed(vec![name.clone()]));
        }
        format!("delete {name:?}")
    }

    /// This replica revokes: here first, then in Redis, which keeps what is more.
    fn revoke_here(&mut self) -> String {
        let name = self.random_name();
        let (before, end) = (self.random_before(name.kind), self.now() + self.random.u64(1..20_000));
        let time = std::time::UNIX_EPOCH + Duration::from_millis(before.unsigned_abs());
        let revocation = match name.kind {
            Kind::Token => Revocation::token(&*name.id),
            Kind::Session => Revocation::session(&*name.id),
            Kind::User => Revocation::user(&*name.id, time),
        };
        self.known.add(&revocation, end);
        // A user has one entry: the latest instant holds until the latest end.
        let of_name = self.past.iter().filter(|(past, ..)| *past == name);
        let merged = of_name
            .fold((before, end), |(before, end), (_, more, later)| (before.max(*more), end.max(*later)));
        self.past.push((name.clone(), merged.0, merged.1));
        if self.mute_since.is_none() {
            let now = self.now();
            let old = self.redis.get(&name).filter(|key| now < key.end).copied();
            let merged = old.map_or((before, end), |old| (before.max(old.before), end.max(old.end)));
            self.set(name.clone(), merged.0, merged.1);
        } else {
            self.tainted.insert(name.clone());
        }
        format!("revoke here {name:?} {before} until {end}")
    }

    fn pass(&mut self) -> String {
        let millis = if self.random.bool() { self.random.u64(..100) } else { self.random.u64(..3_000) };
        for _ in 0..millis.div_ceil(50) {
            self.clock.advance(Duration::from_millis(50));
            self.notice();
        }
        format!("pass {millis}")
    }

    /// What happens by itself: late messages arrive, and a mute path is found.
    fn notice(&mut self) {
        if self.mute_since.is_some_and(|since| self.now() - since >= MUTE) && self.is_connected {
            self.disconnect();
        }
        if self.mute_since.is_none() {
            while self.messages.front().is_some_and(|(sent, _)| self.now() - sent >= LATE) {
                self.deliver();
            }
        }
    }

    fn push(&mut self, message: Message) {
        if self.is_tracked {
            self.messages.push_back((self.now(), message));
        }
    }

    /// One message arrives, and the replica goes on from there.
    fn deliver(&mut self) -> String {
        if self.mute_since.is_some() || !self.is_connected {
            return "nothing arrives".into();
        }
        let note = match self.messages.pop_front().map(|(_, message)| message) {
            None => "nothing to deliver".into(),
            Some(Message::Changed(names)) => {
                let note = format!("push {names:?}");
                self.arrived.extend(names.into_iter().map(|name| (name, None)));
                note
            }
            Some(Message::Written(name, end)) => {
                let note = format!("push {name:?}");
                self.arrived.push((name, Some(end)));
                note
            }
            Some(Message::Flushed) => {
                self.flushes += 1;
                "push nil".into()
            }
            Some(Message::Found(found)) => {
                if self.flushes == 0 && !self.is_late {
                    self.known.looked_up(&found);
                } else {
                    self.kept.extend(found.iter().map(|found| found.name.clone()));
                    self.tainted.extend(found.iter().map(|found| found.name.clone()));
                    self.known.looked_up_late(found.clone());
                }
                self.waiting = Waiting::Nothing;
                if self.is_last_page {
                    (self.is_last_page, self.scan) = (false, None);
                    self.known.read();
                }
                format!("found {found:?}")
            }
            Some(Message::FoundLate(found)) => {
                let note = format!("found late {found:?}");
                self.known.looked_up_late(found);
                self.waiting = Waiting::Nothing;
                note
            }
            Some(Message::Page(names, is_last)) => {
                self.is_last_page = is_last;
                self.look_up(&names);
                format!("page {names:?}")
            }
        };
        self.go_on();
        note
    }

    fn go_on(&mut self) {
        if self.waiting != Waiting::Nothing || !self.is_connected || self.mute_since.is_some() {
            return;
        }
        if !self.arrived.is_empty() {
            let mut names = vec![];
            for (name, end) in std::mem::take(&mut self.arrived) {
                match end.filter(|_| name.kind != Kind::User) {
                    Some(end) => self.promised.insert(name.clone(), end),
                    None => self.promised.remove(&name),
                };
                names.push(name);
            }
            self.is_late = std::mem::take(&mut self.flushes) > 0;
            self.known.changed(&names);
            self.look_up(&names);
        } else if let Some(scan) = &mut self.scan {
            (self.is_late, self.flushes) = (false, 0);
            // Redis looks at one or two keys at a time, and need not return those that are gone meanwhile.
            let page: Vec<_> = (0..2).filter_map(|_| scan.pop_front()).collect();
            let is_last = scan.is_empty();
            let there = page.into_iter().filter(|name| self.redis.contains_key(name)).collect();
            self.push(Message::Page(there, is_last));
            self.waiting = Waiting::Page;
        }
    }

    fn look_up(&mut self, names: &[Name]) {
        let found = self.found(names);
        self.push(Message::Found(found));
        self.waiting = Waiting::Found;
    }

    fn found(&self, names: &[Name]) -> Vec<Found> {
        let now = self.now();
        let entry = |name: &Name| {
            let key = self.redis.get(name).filter(|key| now < key.end)?;
            Some(FoundEntry { before: key.before, rest: Some(key.end - now) })
        };
        names.iter().map(|name| Found { name: name.clone(), entry: entry(name) }).collect()
    }

    fn connect(&mut self) -> String {
        if self.is_connected || self.mute_since.is_some() {
            self.mute_since = self.mute_since.filter(|_| self.random.bool());
            return "not connected".into();
        }
        (self.is_tracked, self.is_connected) = (true, true);
        let unlooked = self.known.connected();
        let mut names: Vec<_> = self.redis.keys().cloned().collect();
        self.random.shuffle(&mut names);
        self.scan = Some(names.into());
        match unlooked.is_empty() {
            true => self.go_on(),
            false => {
                self.tainted.extend(unlooked.iter().cloned());
                self.kept.extend(unlooked.iter().cloned());
                let found = self.found(&unlooked);
                self.push(Message::FoundLate(found));
                self.waiting = Waiting::Found;
            }
        }
        "connected".into()
    }

    /// Neither side notices. What is under way arrives when the path is back, unless the connection is gone by then.
    fn go_mute(&mut self) -> String {
        let now = self.now();
        self.mute_since.get_or_insert(now);
        "mute".into()
    }

    fn disconnect(&mut self) -> String {
        (self.is_tracked, self.is_connected, self.is_last_page) = (false, false, false);
        // What was pushed and did not arrive may have been that a key was deleted.
        for (_, message) in self.messages.drain(..) {
            let names = match message {
                Message::Changed(names) => names,
                Message::Written(name, _) => vec![name],
                _ => continue,
            };
            for name in &names {
                self.promised.remove(name);
            }
            self.tainted.extend(names);
        }
        for (name, _) in self.arrived.drain(..) {
            self.promised.remove(&name);
            self.tainted.insert(name);
        }
        (self.scan, self.waiting) = (None, Waiting::Nothing);
        self.known.lost();
        "lost".into()
    }

    fn flush(&mut self) -> String {
        let lost = self.redis.drain().map(|(name, _)| name);
        self.tainted.extend(lost);
        self.push(Message::Flushed);
        "flush".into()
    }

    /// With its data, or without.
    fn restart(&mut self) -> String {
        if self.random.bool() {
            let lost = self.redis.drain().map(|(name, _)| name);
            self.tainted.extend(lost);
        }
        self.disconnect() + " by a restart"
    }

    fn is_at_rest(&self) -> bool {
        self.waiting == Waiting::Nothing
            && self.messages.is_empty()
            && self.arrived.is_empty()
            && self.scan.is_none()
    }

    fn covers(ids: &TokenIds, name: &Name, before: Instant) -> bool {
        Name::all_of(ids).contains(name) && ids.is_issued_before(before)
    }

    fn request(&mut self) -> Result<String, String> {
        let token = self.random.usize(..self.tokens.len());
        self.request_of(token)
    }

    fn request_all(&mut self) -> Result<(), String> {
        (0..self.tokens.len()).try_for_each(|token| self.request_of(token).map(drop))
    }

    /// As `RevocationCheck` does it, with a list that fails closed.
    fn request_of(&mut self, token: usize) -> Result<String, String> {
        let now = self.now();
        let mark = &self.tokens[token];
        let version = self.known.version();
        let status = match mark.is_checked(version) {
            true => RevocationStatus::Valid,
            false => self.known.status(&mark.ids),
        };
        let mut asked = "";
        let status = match status {
            RevocationStatus::Unknown if self.mute_since.is_none() => {
                asked = ", asked";
                let asking = self.known.asking();
                let found: Vec<_> = Name::all_of(&mark.ids)
                    .into_iter()
                    .map(|name| {
                        let key = self.redis.get(&name).filter(|key| now < key.end);
                        let entry =
                            key.map(|key| FoundEntry { before: key.before, rest: Some(key.end - now) });
                        Found { name, entry }
                    })
                    .collect();
                match self.known.answered(&mark.ids, asking, &found) {
                    true => RevocationStatus::Revoked,
                    false => RevocationStatus::Valid,
                }
            }
            RevocationStatus::Valid => {
                mark.set_checked(version);
                RevocationStatus::Valid
            }
            status => status,
        };
        let ids = &mark.ids;
        let there =
            || self.redis.iter().filter(|(name, key)| now < key.end && Self::covers(ids, name, key.before));
        let said = format!("token {token} is {status:?}{asked}, {:?}", self.known.touch());
        if status == RevocationStatus::Valid
            && let Some((name, key)) = there().find(|(_, key)| now - key.since > BOUND)
        {
            return Err(format!("{said}, and {name:?} has been there since {}", key.since));
        }
        if status == RevocationStatus::Revoked
            && !Name::all_of(ids)
                .iter()
                .any(|name| self.kept.contains(name) || self.known.unlooked().contains(name))
            && !self
                .past
                .iter()
                .any(|(name, before, end)| now < end + BOUND && Self::covers(ids, name, *before))
        {
            return Err(format!("{said}, and nobody has revoked it"));
        }
        let is_promised = |name: &Name| self.promised.get(name).is_some_and(|end| now + 2 * LATE < *end);
        if status != RevocationStatus::Revoked && Name::all_of(ids).iter().any(is_promised) {
            return Err(format!("{said}, and was pushed: {:?}", self.promised));
        }
        // All that is known is what is there, where nothing was lost that is remembered here.
        let is_clear = !Name::all_of(ids).iter().any(|name| self.tainted.contains(name));
        let is_near_an_end = self.past.iter().any(|(name, before, end)| {
            Self::covers(ids, name, *before) && now.abs_diff(*end) <= MUTE + 2 * LATE
        });
        if self.known.touch() == Touch::In
            && self.mute_since.is_none()
            && self.is_at_rest()
            && is_clear
            && !is_near_an_end
        {
            let expected =
                if there().next().is_some() { RevocationStatus::Revoked } else { RevocationStatus::Valid };
            if status != expected {
                return Err(format!("{said} at rest, expected {expected:?}"));
            }
        }
        Ok(said)
    }
}

#[test]
fn no_history_lets_a_revoked_token_pass_or_refuses_another() {
    let (from, histories) = match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => (seed, 1),
        None => (fastrand::u64(..u64::MAX / 2), 10_000),
    };
    // Side by side, for there are many.
    const THREADS: u64 = 4;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                (from..from + histories).filter(|seed| seed % THREADS == thread).for_each(check);
            });
        }
    });
}

fn check(seed: u64) {
    let mut history = History::new(seed);
    if let Err(wrong) = history.run(80) {
        panic!("SEED={seed}: {wrong}\n{}", history.log.join("\n"));
    }
}

/// A list that has overflowed asks, and does not say that it knows.
#[test]
fn full_list_has_redis_asked() {
    let clock = Clock::held();
    let known = Known::new(RevokedList::new(clock.clone(), 2, vec![]), ASK_EVERY, 100);
    known.connected();
    let found = |id: &str| Found {
        name: name(Kind::Token, id),
        entry: Some(FoundEntry { before: ALL, rest: Some(60_000) }),
    };
    known.looked_up(&[found("a"), found("b"), found("c")]);
    known.read();
    assert_eq!((known.touch(), known.version()), (Touch::Out, 0));
    for (jti, expected) in
        [("a", RevocationStatus::Revoked), ("c", RevocationStatus::Unknown), ("d", RevocationStatus::Unknown)]
    {
        assert_eq!(known.status(&TokenIds::new("u").with_jti(jti)), expected, "{jti}");
    }
}

#[test]
fn answers_are_used_for_the_interval() {
    let clock = Clock::held();
    let known = Known::new(RevokedList::new(clock.clone(), 10, vec![]), ASK_EVERY, 100);
    let ids = TokenIds::new("u").with_jti("a");
    assert_eq!(known.status(&ids), RevocationStatus::Unknown);
    assert!(!known.answered(&ids, known.asking(), &[]));
    clock.advance(Duration::from_millis(ASK_EVERY - 1));
    assert_eq!(known.status(&ids), RevocationStatus::Valid);
    clock.advance(Duration::from_millis(1));
    assert_eq!(known.status(&ids), RevocationStatus::Unknown);
    let found =
        Found { name: name(Kind::Token, "a"), entry: Some(FoundEntry { before: ALL, rest: Some(7_000) }) };
    assert!(known.answered(&ids, known.asking(), &[found]));
    assert_eq!(known.status(&ids), RevocationStatus::Revoked);
    clock.advance(Duration::from_millis(7_000));
    assert_eq!(known.status(&ids), RevocationStatus::Unknown);
}
