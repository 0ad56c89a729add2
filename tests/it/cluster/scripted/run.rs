//! One history: its steps, and what has to hold of each answer.

use std::time::Duration;

use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::testing::Clock;
use fastrand::Rng;
use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::Coverage;
use super::bus::{Link, Log, Shared, Wire};
use super::center::{Center, USERS, id};
use super::replica::{Replica, ask};
use super::step::{REPLICAS, Step};

/// Two seconds without a proof, and then the degraded TTL.
const BOUND: u64 = 2_000 + 30_000;
/// Less than a verifier may take.
const SLOWEST: u64 = 4_500;

pub(super) struct Run<'a> {
    center: Center,
    log: Shared<Log>,
    clock: Clock,
    replicas: Vec<Replica>,
    story: Story,
    now: u64,
    asked: Vec<Asked>,
    telling: Vec<Telling>,
    /// Changes that nobody has acknowledged: of whom, and the version.
    untold: Vec<(usize, usize)>,
    /// Of each user, what was acknowledged and when.
    acknowledged: [Vec<(u64, usize)>; USERS],
    seen: &'a mut Coverage,
}

/// A request under way.
struct Asked {
    user: usize,
    at: u64,
    /// No older version will do.
    floor: usize,
    outcome: JoinHandle<Option<usize>>,
}

/// A replica that was told of a change, and has not acknowledged it yet.
struct Telling {
    user: usize,
    version: usize,
    is_known: JoinHandle<bool>,
}

/// What happened, printed when it went wrong.
struct Story {
    seed: u64,
    steps: Vec<(u64, Step)>,
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEED={}", self.seed);
            self.steps.iter().for_each(|(at, step)| println!("    {at:>7} ms {step:?}"));
        }
    }
}

impl<'a> Run<'a> {
    pub(super) async fn play(seed: u64, steps: usize, seen: &'a mut Coverage) {
        let mut random = Rng::with_seed(seed);
        let (center, log, clock) = (Center::default(), Shared::<Log>::default(), Clock::held());
        let replicas = (0..REPLICAS).map(|_| Replica::start(&center, Wire::new(&log), &clock)).collect();
        let mut run = Run {
            center,
            log,
            clock,
            replicas,
            story: Story { seed, steps: vec![] },
            now: 0,
            asked: vec![],
            telling: vec![],
            untold: vec![],
            acknowledged: Default::default(),
            seen,
        };
        run.settle().await;
        if random.bool() {
            run.get_in_touch().await;
        }
        for _ in 0..steps {
            run.step(Step::choose(&mut random)).await;
        }
        run.end().await;
    }

    async fn step(&mut self, step: Step) {
        self.story.steps.push((self.now, step));
        match step {
            Step::Ask { replica, user } => self.ask(replica, user),
            Step::Change { user, replica } => {
                let version = {
                    let mut center = self.center.0.lock().unwrap();
                    center.versions[user] += 1;
                    center.versions[user]
                };
                self.tell(user, version, replica);
            }
            Step::Repeat { replica } => {
                if let Some((user, version)) = self.untold.pop() {
                    self.tell(user, version, replica);
                }
            }
            Step::Question { replica } => self.replicas[replica].wire.ask(self.now),
            Step::Answer { replica } => self.replicas[replica].wire.answer(self.now),
            Step::Deliver { replica } => self.replicas[replica].wire.deliver(),
            Step::Link { replica, link } => self.replicas[replica].wire.set_link(link),
            Step::Restart => {
                self.seen.lost_messages += self.log.lock().unwrap().restart();
                self.seen.restarts += 1;
                self.replicas.iter().for_each(|replica| replica.wire.cut());
            }
            Step::Replace { replica } => {
                // Its requests are answered by what is left of it; the tasks of its cluster end with them.
                let wire = Wire::new(&self.log);
                self.replicas[replica] = Replica::start(&self.center, wire, &self.clock);
                self.seen.replaced += 1;
            }
            Step::Wait { millis, is_asleep } => self.wait(millis, is_asleep).await,
            Step::Slow(is_slow) => self.center.0.lock().unwrap().is_slow = is_slow,
            Step::Release => self.release(0),
        }
        self.settle().await;
    }

    fn ask(&mut self, replica: usize, user: usize) {
        let Replica { cached, told, wire } = &self.replicas[replica];
        let due = self.acknowledged[user].iter().filter(|(at, _)| at + BOUND <= self.now);
        let due = due.map(|(_, version)| *version).max().unwrap_or(0);
        self.seen.due_while_unheard += usize::from(due > told[user] && !wire.has_heard_all());
        let outcome = tokio::spawn(ask(cached.clone(), user));
        self.asked.push(Asked { user, at: self.now, floor: due.max(told[user]), outcome });
        self.seen.asked += 1;
    }

    /// The webhook: applied at once, and acknowledged once the bus has taken it.
    fn tell(&mut self, user: usize, version: usize, replica: usize) {
        let replica = &mut self.replicas[replica];
        replica.cached.apply(&Invalidation::of(Some(id(user)), None));
        replica.told[user] = replica.told[user].max(version);
        let cached = replica.cached.clone();
        let is_known = tokio::spawn(async move { cached.spread().await.is_ok() });
        self.telling.push(Telling { user, version, is_known });
    }

    async fn wait(&mut self, millis: u64, is_asleep: bool) {
        let until = self.now + millis;
        while self.now < until {
            // An answer of the center that waits is released in time.
            let longest = if self.center.0.lock().unwrap().held.is_empty() { 8_000 } else { 500 };
            let step = (until - self.now).min(longest);
            self.release(SLOWEST);
            self.settle().await;
            self.now += step;
            self.center.0.lock().unwrap().now = self.now;
            let step = Duration::from_millis(step);
            self.clock.advance(step);
            if !is_asleep {
                tokio::time::advance(step).await;
            }
        }
    }

    /// Lets those answers of the center go that have waited this long.
    fn release(&mut self, millis: u64) {
        let mut center = self.center.0.lock().unwrap();
        let now = self.now;
        let released = center.held.extract_if(.., |(since, _)| *since + millis <= now).count();
        self.seen.slow_lookups += released;
    }

    /// Lets all tasks run until they wait for the test, and checks what has ended.
    async fn settle(&mut self) {
        for _ in 0..25 {
            tokio::task::yield_now().await;
        }
        for asked in self.asked.extract_if(.., |asked| asked.outcome.is_finished()).collect::<Vec<_>>() {
            let outcome = asked.outcome.now_or_never().unwrap().unwrap();
            let Some(version) = outcome else { continue };
            assert!(
                version >= asked.floor,
                "version {version} of user {} for a request of {} ms, but {} was due",
                asked.user,
                asked.at,
                asked.floor
            );
            let newer =
                self.acknowledged[asked.user].iter().filter(|(at, of)| *of > version && *at <= asked.at);
            if let Some(outdated) = newer.map(|(at, _)| asked.at - at).max() {
                self.seen.outdated += 1;
                self.seen.longest_outdated = self.seen.longest_outdated.max(outdated);
            }
        }
        for telling in self.telling.extract_if(.., |telling| telling.is_known.is_finished()) {
            if telling.is_known.now_or_never().unwrap().unwrap() {
                self.acknowledged[telling.user].push((self.now, telling.version));
                self.seen.acknowledged += 1;
            } else {
                self.untold.push((telling.user, telling.version));
                self.seen.unacknowledged += 1;
            }
        }
    }

    /// Has all replicas prove that they have missed nothing.
    async fn get_in_touch(&mut self) {
        for replica in 0..REPLICAS {
            self.step(Step::Question { replica }).await;
            self.step(Step::Answer { replica }).await;
        }
    }

    /// Sets everything right, and sees that all is well then.
    async fn end(mut self) {
        self.step(Step::Slow(false)).await;
        self.step(Step::Release).await;
        for replica in 0..REPLICAS {
            self.step(Step::Link { replica, link: Link::Up }).await;
        }
        for round in 0.. {
            self.step(Step::Wait { millis: 2_000, is_asleep: false }).await;
            self.step(Step::Repeat { replica: 0 }).await;
            if self.untold.is_empty() && self.telling.is_empty() {
                break;
            }
            assert!(round < 200, "changes are not told: {:?}", self.untold);
        }
        self.get_in_touch().await;
        assert!(self.asked.is_empty(), "a request hangs");
        for replica in 0..REPLICAS {
            for user in 0..USERS {
                let outcome = ask(self.replicas[replica].cached.clone(), user).await;
                let current = self.center.0.lock().unwrap().versions[user];
                assert_eq!(outcome, Some(current), "replica {replica} in the end");
            }
        }
    }
}
