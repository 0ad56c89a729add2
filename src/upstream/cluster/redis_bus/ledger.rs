use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::early::Early;
use super::horizon::Horizon;
use super::id::Id;
use crate::ports::invalidation::Invalidation;
use crate::upstream::cluster::times::IN_TOUCH;
use crate::upstream::identity_cache::{About, Key};
use crate::util::clock::{Clock, Millis, millis};

/// The invalidations that this replica knows, by their numbers: which of them a value that another replica has put in Redis may be
/// older than.
///
/// The epochs of a cache do not tell: they are the order of this process. A value says how far the replica that verified it knew
/// the invalidations before it asked, and is void if this replica knows a later one about it.
pub(crate) struct Ledger {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` before the first touch.
    horizon: Option<Horizon>,
    /// The last epoch that was counted in.
    epoch: u64,
    /// When the last proof was asked for that nothing was missed.
    proved: Option<Instant>,
    /// For how long after that values are read.
    trust: Duration,
    is_sending: bool,
    /// How long marks are kept: longer than a shared value is used.
    max_age: Millis,
    /// Values that know less than this number may be older than an invalidation that is not known here any more.
    floor: u64,
    /// The number of the last that was about everybody.
    all: u64,
    marks: HashMap<Whom, Mark>,
    early: Early,
}

/// Whom an invalidation is about.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Whom {
    /// By id, as text: `7` and `"7"` are the same user.
    User(Box<str>),
    Name(Box<str>),
    Credential(u128),
}

#[derive(Clone, Copy)]
struct Mark {
    number: u64,
    made_at: Millis,
}

impl Ledger {
    /// The number of those that have none: later than all.
    pub(crate) const UNNUMBERED: u64 = u64::MAX;
    /// How many invalidations are kept, by number.
    const CAPACITY: usize = 50_000;

    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::new(State { trust: IN_TOUCH, ..State::default() }) }
    }

    /// Sets for how long caches trust what they have after a proof was asked for. Values are read for no longer: what is read later than that
    /// would not be doubted with all else. And for ten seconds at most, which is longer than a busy process takes for a check.
    pub(crate) fn trust_for(&self, window: Duration) {
        self.lock().trust = window.min(IN_TOUCH * 5);
    }

    /// Keeps invalidations for at least this long: longer than values are used after they were verified.
    pub(crate) fn keep_for(&self, max_age: Duration) {
        let mut state = self.lock();
        state.max_age = state.max_age.max(millis(max_age));
    }

    /// How far the invalidations are known here. `None` while that cannot be said, and nothing is to be shared: out of touch, or
    /// while one of this replica's own is on its way.
    pub(crate) fn horizon(&self) -> Option<Horizon> {
        let state = self.lock();
        state.horizon.clone().filter(|_| state.is_in_touch() && !state.is_sending)
    }

    /// Starts to count at this horizon, knowing the invalidations after the number `floor`. Call before the proof: until then nothing is
    /// shared.
    pub(crate) fn start(&self, horizon: Horizon, floor: u64) {
        let now = self.clock.now();
        let mut state = self.lock();
        // An earlier one says nothing of what is yet to be handed in.
        state.proved = None;
        // What has no number is later than all values of the epoch that it was heard in.
        let is_new = horizon.epoch > state.epoch;
        state.marks.retain(|_, mark| mark.number == Self::UNNUMBERED && !is_new);
        if is_new || state.all != Self::UNNUMBERED {
            state.all = 0;
        }
        let early = state.early.take(horizon.epoch);
        (state.epoch, state.floor, state.horizon) = (horizon.epoch, floor, Some(horizon));
        for (number, invalidation) in early {
            state.note(number, &invalidation, now);
        }
    }

    /// Knows those after the number `floor`, too, which have been [handed in](Self::heard) since the count was started at this end.
    pub(super) fn lower_floor(&self, end: Id, floor: u64) {
        let mut state = self.lock();
        let is_same = state.horizon.as_ref().is_some_and(|horizon| horizon.epoch == end.epoch);
        // Unless it was raised meanwhile.
        if is_same && state.floor == end.number {
            state.floor = floor;
        }
    }

    /// Ends to count: what is in Redis cannot be compared with what is known here.
    pub(crate) fn stop(&self) {
        self.lock().horizon = None;
    }

    /// An invalidation was published by a replica, with this epoch and number, or without. Call before the caches of this replica apply
    /// it, and before an own one counts as sent.
    pub(crate) fn heard(&self, id: Option<(u64, u64)>, invalidation: &Invalidation) {
        let now = self.clock.now();
        let mut state = self.lock();
        let current = state.horizon.as_ref().map(|horizon| horizon.epoch);
        match (id, current) {
            (None, _) => state.note(Self::UNNUMBERED, invalidation, now),
            (Some((epoch, number)), Some(current)) if epoch == current => {
                state.note(number, invalidation, now);
            }
            // Whoever counts in a later epoch has started after it.
            (Some((epoch, _)), Some(current)) if epoch < current => {}
            // Of an epoch that this replica has yet to find, or is about to count in, from before this one or after.
            (Some((epoch, number)), _) => {
                state.horizon = None;
                state.early.add(epoch, number, invalidation);
            }
        }
    }

    /// Nothing that was published before this instant was missed.
    pub(crate) fn proved(&self, since: Instant) {
        self.lock().proved = Some(since);
    }

    /// Loses touch: until the next proof.
    pub(crate) fn pause(&self) {
        self.lock().proved = None;
    }

    /// Whether invalidations of this replica are in force here, or about to be, that have no number yet.
    pub(crate) fn set_sending(&self, is_sending: bool) {
        self.lock().is_sending = is_sending;
    }

    /// An invalidation of this number was published, in the epoch that is counted in.
    #[cfg(test)]
    pub(crate) fn published(&self, number: u64, invalidation: &Invalidation) {
        self.lock().note(number, invalidation, self.clock.now());
    }

    /// All up to this number are applied here.
    pub(crate) fn applied(&self, number: u64) {
        if let Some(horizon) = &mut self.lock().horizon {
            horizon.number = horizon.number.max(number);
        }
    }

    /// Whether a value that was verified at this horizon may be older than an invalidation that is known here.
    pub(crate) fn covers(&self, at: &Horizon, key: Key, about: About<'_>) -> bool {
        let state = self.lock();
        let is_comparable = state.horizon.as_ref().is_some_and(|known| known.is_comparable(at));
        if !state.is_in_touch() || !is_comparable || at.number < state.floor || at.number < state.all {
            return true;
        }
        let user = Whom::User(about.user.to_string().into());
        let name = about.name.map(|name| Whom::Name(name.into()));
        [Some(user), name, Some(Whom::Credential(key.bits()))]
            .into_iter()
            .flatten()
            .any(|whom| state.marks.get(&whom).is_some_and(|mark| at.number < mark.number))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_in_touch(&self) -> bool {
        self.proved.is_some_and(|proved| proved.elapsed() < self.trust)
    }

    fn note(&mut self, number: u64, invalidation: &Invalidation, now: Millis) {
        for whom in Whom::all_of(invalidation) {
            self.mark(whom, Mark { number, made_at: now });
        }
        if matches!(invalidation, Invalidation::All) {
            self.all = self.all.max(number);
        }
        if self.marks.len() > Ledger::CAPACITY {
            self.prune(now.saturating_sub(self.max_age), Ledger::CAPACITY);
        }
    }

    fn mark(&mut self, whom: Whom, mark: Mark) {
        let known = self.marks.entry(whom).or_insert(mark);
        // Two may arrive out of order, by different ways.
        if mark.number > known.number {
            *known = mark;
        }
    }

    /// Drops marks of before, and then the first half if there are too many still: values that know no more are void.
    fn prune(&mut self, before: Millis, capacity: usize) {
        self.marks.retain(|_, mark| mark.made_at >= before);
        if self.marks.len() <= capacity {
            return;
        }
        let numbers = self.marks.values().map(|mark| mark.number);
        let mut numbers: Vec<u64> = numbers.collect();
        let (_, middle, _) = numbers.select_nth_unstable(capacity / 2);
        let floor = *middle;
        self.marks.retain(|_, mark| mark.number > floor);
        self.floor = self.floor.max(floor);
    }
}

impl Whom {
    /// Nobody for `All`, and for what is no user's.
    fn all_of(invalidation: &Invalidation) -> Vec<Self> {
        match invalidation {
            Invalidation::User { id, username } => {
                let id = id.as_ref().map(|id| Self::User(id.to_string().into()));
                id.into_iter().chain(username.clone().map(Self::Name)).collect()
            }
            Invalidation::Credential { tag } => vec![Self::Credential(Key::of_tag(*tag).bits())],
            Invalidation::Org { .. } | Invalidation::All => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::user::UserId;

    fn at(number: u64) -> Horizon {
        Horizon { run: "r".into(), epoch: 1, number }
    }

    fn ledger() -> (Ledger, Clock) {
        let clock = Clock::held();
        let ledger = Ledger::new(clock.clone());
        ledger.keep_for(Duration::from_secs(600));
        ledger.start(at(10), 0);
        // Tests may take longer than two seconds.
        ledger.proved(Instant::now() + Duration::from_secs(60));
        (ledger, clock)
    }

    fn of_user(id: impl Into<UserId>) -> Invalidation {
        Invalidation::of(Some(id.into()), None)
    }

    fn covers(ledger: &Ledger, number: u64, id: i64, name: &str) -> bool {
        let (id, key) = (UserId::from(id), Key::of_hash([7, 7]));
        ledger.covers(&at(number), key, About { user: &id, name: Some(name) })
    }

    #[test]
    fn value_is_void_by_later_invalidations_of_its_user_alone() {
        let (ledger, _) = ledger();
        for (number, invalidation) in [
            (11, of_user("7")),
            (12, Invalidation::of(None, Some("bob"))),
            (13, Invalidation::Org { id: "acme".into() }),
        ] {
            ledger.published(number, &invalidation);
        }
        for (number, id, name, expected) in [
            (10, 7, "alice", true),
            (11, 7, "alice", false),
            (11, 8, "bob", true),
            (12, 8, "bob", false),
            (10, 9, "carol", false),
        ] {
            assert_eq!(covers(&ledger, number, id, name), expected, "{number} {name}");
        }
        // What comes late takes nothing back.
        ledger.published(9, &of_user(7));
        assert!(covers(&ledger, 10, 7, "alice"));
        ledger.published(14, &Invalidation::All);
        assert!(covers(&ledger, 13, 9, "carol") && !covers(&ledger, 14, 9, "carol"));
    }

    #[test]
    fn values_of_another_run_or_epoch_are_void() {
        let (ledger, _) = ledger();
        let (id, key) = (UserId::from(7), Key::of_hash([7, 7]));
        let about = About { user: &id, name: None };
        assert!(!ledger.covers(&at(10), key, about));
        for other in [Horizon { run: "other".into(), ..at(10) }, Horizon { epoch: 2, ..at(10) }] {
            assert!(ledger.covers(&other, key, about), "{other:?}");
        }
        ledger.pause();
        assert_eq!(ledger.horizon(), None);
        assert!(ledger.covers(&at(10), key, about));
    }

    #[test]
    fn touch_that_goes_on_forgets_nothing_and_a_new_one_everything() {
        let (ledger, _) = ledger();
        ledger.published(11, &of_user(7));
        ledger.pause();
        ledger.proved(Instant::now());
        assert!(covers(&ledger, 10, 7, "alice") && !covers(&ledger, 10, 8, "bob"));
        ledger.start(at(12), 11);
        ledger.proved(Instant::now());
        assert!(covers(&ledger, 10, 8, "bob"), "what was published between 10 and 11 is not known");
        assert!(!covers(&ledger, 11, 8, "bob"));
    }

    #[test]
    fn nothing_is_shared_while_an_own_invalidation_has_no_number() {
        let (ledger, _) = ledger();
        ledger.set_sending(true);
        assert_eq!(ledger.horizon(), None);
        ledger.published(11, &of_user(7));
        ledger.applied(11);
        assert_eq!(ledger.horizon(), None);
        ledger.set_sending(false);
        assert_eq!(ledger.horizon(), Some(at(11)));
        ledger.applied(4);
        assert_eq!(ledger.horizon(), Some(at(11)));
    }

    #[test]
    fn credential_is_invalidated_alone_and_what_has_no_number_for_good() {
        let (ledger, _) = ledger();
        let (id, key, other) = (UserId::from(7), Key::of_hash([7, 7]), Key::of_hash([8, 8]));
        let about = About { user: &id, name: None };
        ledger.published(11, &Invalidation::Credential { tag: key.tag() });
        assert!(ledger.covers(&at(10), key, about) && !ledger.covers(&at(10), other, about));
        assert!(!ledger.covers(&at(11), key, about));
        ledger.heard(None, &of_user(7));
        assert!(ledger.covers(&at(99), other, about));
        ledger.start(at(100), 0);
        ledger.proved(Instant::now());
        assert!(!ledger.covers(&at(99), other, About { user: &UserId::from(8), name: None }));
        assert!(ledger.covers(&at(99), other, about), "values of this epoch may be older");
        let next = Horizon { epoch: 2, ..at(0) };
        ledger.start(next.clone(), 0);
        ledger.proved(Instant::now());
        assert!(!ledger.covers(&next, other, about), "those of the next are not");
    }

    #[test]
    fn message_of_a_later_epoch_ends_the_comparison_and_one_of_an_earlier_changes_nothing() {
        let (ledger, _) = ledger();
        ledger.heard(Some((0, 99)), &of_user(7));
        assert!(!covers(&ledger, 10, 7, "alice") && ledger.horizon() == Some(at(10)));
        ledger.heard(Some((1, 11)), &of_user(7));
        assert!(covers(&ledger, 10, 7, "alice") && ledger.horizon() == Some(at(10)));
        ledger.heard(Some((2, 0)), &of_user(8));
        assert!(covers(&ledger, 11, 7, "alice") && ledger.horizon().is_none());
    }

    #[test]
    fn nothing_is_read_between_a_new_start_and_its_proof() {
        let (ledger, _) = ledger();
        assert!(!covers(&ledger, 10, 7, "alice"));
        // Too far behind on a connection that is in touch: what was published is handed in one by one.
        ledger.start(at(2_000), 0);
        assert_eq!(ledger.horizon(), None);
        assert!(covers(&ledger, 10, 7, "alice"), "number 11 may be about that user");
        ledger.published(11, &of_user(7));
        ledger.proved(Instant::now() + Duration::from_secs(60));
        assert_eq!(ledger.horizon(), Some(at(2_000)));
        assert!(covers(&ledger, 10, 7, "alice") && !covers(&ledger, 10, 8, "bob"));
    }

    /// The end of the stream is read, then an own invalidation is published, and then the count starts at that end.
    #[test]
    fn invalidation_that_is_published_while_a_count_starts_is_known() {
        let many = Early::CAPACITY as u64 + 1;
        for (what, before, published, others_too) in [
            ("the first touch", None, vec![(1, 11)], false),
            ("a gap", Some(1), vec![(1, 11)], false),
            ("a message of the next epoch has ended the count", Some(0), vec![(1, 10), (1, 11)], false),
            ("with one of an epoch before", None, vec![(0, 99), (1, 11)], false),
            ("more than are kept", None, (0..many).map(|number| (1, 11 + number)).collect(), true),
        ] {
            let ledger = Ledger::new(Clock::held());
            if let Some(epoch) = before {
                ledger.start(Horizon { epoch, ..at(9) }, 0);
            }
            if before == Some(1) {
                ledger.stop();
            }
            published.iter().for_each(|id| ledger.heard(Some(*id), &of_user(7)));
            ledger.start(at(10), 0);
            ledger.proved(Instant::now() + Duration::from_secs(60));
            assert!(covers(&ledger, 10, 7, "alice"), "{what}");
            assert_eq!(covers(&ledger, 10, 8, "bob"), others_too, "{what}");
            let last = published.last().unwrap().1;
            assert!(!covers(&ledger, last, 7, "alice"), "{what}");
        }
    }

    /// Reading the history may take as long as it likes, and be given up.
    #[test]
    fn history_is_added_to_a_count_that_has_started() {
        let (ledger, _) = ledger();
        ledger.start(at(10), 10);
        ledger.proved(Instant::now() + Duration::from_secs(60));
        assert!(covers(&ledger, 9, 8, "bob"), "not known yet");
        assert!(!covers(&ledger, 10, 8, "bob"));
        ledger.heard(Some((1, 11)), &of_user(9));
        ledger.heard(Some((1, 6)), &of_user(7));
        ledger.lower_floor(Id { epoch: 1, number: 10 }, 5);
        for (number, id, expected) in
            [(4, 8, true), (5, 8, false), (5, 7, true), (6, 7, false), (10, 9, true), (11, 9, false)]
        {
            assert_eq!(covers(&ledger, number, id, "bob"), expected, "{number} {id}");
        }
        ledger.lower_floor(Id { epoch: 1, number: 10 }, 0);
        ledger.lower_floor(Id { epoch: 2, number: 5 }, 0);
        assert!(covers(&ledger, 4, 8, "bob"), "those of another count");
    }

    #[test]
    fn too_many_marks_void_more_never_less() {
        let (ledger, clock) = ledger();
        let more = Ledger::CAPACITY as u64 + 1;
        for number in 0..more {
            ledger.published(11 + number, &of_user(number as i64));
        }
        let kept = ledger.lock().marks.len();
        assert!((Ledger::CAPACITY / 4..=Ledger::CAPACITY).contains(&kept), "{kept}");
        for number in (0..more).step_by(101) {
            assert!(covers(&ledger, 10 + number, number as i64, "alice"), "{number}");
        }
        assert!(!covers(&ledger, 10 + more, -1, "nobody"));
        // Marks that outlived all values go first, and void nothing.
        clock.advance(Duration::from_secs(601));
        let floor = ledger.lock().floor;
        for number in 0..more {
            ledger.published(100_000 + number, &of_user(-2 - number as i64 % 40_000));
        }
        assert_eq!(ledger.lock().floor, floor);
    }
}
