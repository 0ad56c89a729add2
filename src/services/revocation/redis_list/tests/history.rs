//! The state of a history, and its steps.
//!
//! Redis and the path to it are simulated, on a clock that stands still between steps. What a replica knows is the real thing, and is
//! told as [`Listening`](super::super::listening::Listening) tells it: in the order of one connection.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::services::revocation::list::{ALL, Kind, RevokedList};
use crate::services::revocation::redis_list::found::Found;
use crate::services::revocation::redis_list::keys::Name;
use crate::services::revocation::redis_list::known::Known;
use crate::types::revocation::{Instant, RevocationMark, TokenIds};
use crate::util::clock::{Clock, Millis};

pub(super) const ASK_EVERY: Millis = 5_000;
/// After so long a path that has gone mute is found.
pub(super) const MUTE: Millis = 1_000;
/// So long a message is under way at most, on a path that is not mute.
pub(super) const LATE: Millis = 200;
/// A revocation is in force after so long, whatever happens to pushes: what the guide promises.
pub(super) const BOUND: Millis = ASK_EVERY + LATE;

/// What Redis sends on the connection for pushes.
pub(super) enum Message {
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
pub(super) enum Waiting {
    Nothing,
    Found,
    Page,
}

#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) before: Instant,
    pub(super) end: Millis,
    pub(super) since: Millis,
}

pub(super) struct History {
    pub(super) random: fastrand::Rng,
    pub(super) clock: Clock,
    pub(super) redis: HashMap<Name, Key>,
    /// All that was ever there, with its end.
    pub(super) past: Vec<(Name, Instant, Millis)>,
    /// Names of which Redis may have lost something that a replica remembers.
    pub(super) tainted: HashSet<Name>,
    /// Tokens and sessions that were pushed: revoked until then, whatever becomes of Redis.
    pub(super) promised: HashMap<Name, Millis>,
    /// How many flushes were pushed since pushes were last looked up.
    pub(super) flushes: usize,
    /// Whether one was pushed beside what is being looked up.
    pub(super) is_late: bool,
    /// Names whose push was the last of a connection: revoked for longer, perhaps.
    pub(super) kept: HashSet<Name>,
    pub(super) known: Known,
    /// Whether a connection for pushes is there, as far as Redis knows; when the path went mute.
    pub(super) is_tracked: bool,
    pub(super) is_connected: bool,
    pub(super) mute_since: Option<Millis>,
    pub(super) messages: VecDeque<(Millis, Message)>,
    pub(super) waiting: Waiting,
    /// Pushes that arrived while something else was awaited; pages that are yet to be read.
    pub(super) arrived: Vec<(Name, Option<Millis>)>,
    pub(super) scan: Option<VecDeque<Name>>,
    pub(super) is_last_page: bool,
    pub(super) tokens: Vec<RevocationMark>,
    pub(super) log: Vec<String>,
}

pub(super) fn name(kind: Kind, id: &str) -> Name {
    Name { kind, id: id.into() }
}

impl History {
    pub(super) fn new(seed: u64) -> Self {
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

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(super) fn run(&mut self, steps: usize) -> Result<(), String> {
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
            let note = self.deliver();
            self.log.push(format!("{:>6} at last {note}", self.now()));
        }
        self.request_all()
    }

    pub(super) fn random_name(&mut self) -> Name {
        let ids: [&[&str]; 3] = [&["a", "b", "c", "d"], &["s", "t"], &["u", "v"]];
        let kind = [Kind::Token, Kind::Session, Kind::User][self.random.usize(..3)];
        name(kind, ids[kind as usize][self.random.usize(..ids[kind as usize].len())])
    }

    pub(super) fn random_before(&mut self, kind: Kind) -> Instant {
        if kind == Kind::User { [15_000, 25_000, 35_000][self.random.usize(..3)] } else { ALL }
    }
}
