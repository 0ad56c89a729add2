//! What is simulated: a fleet of replicas, what happens to them, and to whom.

use fastrand::Rng;

use super::bus::{self, Published};

/// The replicas, the users, and the times of the crate's defaults. Times are in seconds; measured is from 0 to `end`.
#[derive(Clone)]
pub(crate) struct Fleet {
    pub(crate) replicas: usize,
    pub(crate) classes: [Class; 2],
    pub(crate) seed: u64,
}

/// Users of one kind, each of whom sends requests at random.
#[derive(Clone, Copy)]
pub(crate) struct Class {
    pub(crate) users: usize,
    /// The mean time between two requests of a user.
    pub(crate) every: f64,
}

/// A verified user is cached for this long.
pub(crate) const TTL: f64 = 300.0;
/// … and out of touch with the bus for this long.
pub(crate) const SHORT_TTL: f64 = 30.0;
/// In which part of the TTL a refresh is due: at random between these.
pub(crate) const REFRESH: [f64; 2] = [0.7, 0.9];
/// Between two checks of the bus, and for how long one may stay without an answer.
pub(crate) const CHECK_INTERVAL: f64 = 1.0;
pub(crate) const CHECK_TIMEOUT: f64 = 1.0;
/// For how long after the last good check was sent an entry of before it may be served.
pub(crate) const BOUND: f64 = CHECK_INTERVAL + CHECK_TIMEOUT + SHORT_TTL;
/// An answer of the center.
pub(crate) const FETCH: f64 = 0.05;
/// How many invalidations a cache keeps within the TTL and stale-if-error; beyond them it forgets everything.
pub(crate) const KEPT_INVALIDATIONS: usize = 50_000;

pub(crate) const WARM_UP: f64 = TTL;
pub(crate) const END: f64 = 600.0;
/// When the fault of a scenario begins.
pub(crate) const FAULT: f64 = 60.0;
/// How long a replica is away in a deployment, in which one after the other is replaced.
pub(crate) const REPLACED_FOR: f64 = 10.0;
pub(crate) const DEPLOYMENT: f64 = 500.0;
/// Redis is started again after it was killed.
pub(crate) const RESTART: f64 = 2.0;
pub(crate) const OUTAGE: f64 = 300.0;
/// Invalidations a second: always, and in a storm.
pub(crate) const QUIET: f64 = 10.0;
pub(crate) const STORM: f64 = 1_000.0;
pub(crate) const STORM_FOR: f64 = 60.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topology {
    /// Each replica for itself.
    Alone,
    /// Invalidations reach all.
    Bus,
    /// … and verified users are shared.
    Shared,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balancing {
    /// A request goes to any replica.
    Any,
    /// Those of a user go to the same one, while it is there.
    Same,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Steady,
    Deployment,
    RedisRestart,
    RedisOutage,
    Storm,
}

/// What happens to one replica.
#[derive(Clone, Default)]
pub(crate) struct Replica {
    /// When it forgets all that it holds.
    pub(crate) forgets: Vec<f64>,
    pub(crate) is_down: Span,
    /// New entries are held for [`SHORT_TTL`].
    pub(crate) is_out_of_touch: Span,
    pub(crate) is_without_redis: Span,
}

/// From the first instant until the second.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span(pub(crate) f64, pub(crate) f64);

impl Span {
    #[inline]
    pub(crate) fn has(self, at: f64) -> bool {
        self.0 <= at && at < self.1
    }
}

/// A user was changed or deleted.
#[derive(Clone, Copy)]
pub(crate) struct Invalidation {
    pub(crate) user: usize,
    pub(crate) at: f64,
    /// Who got the webhook.
    pub(crate) replica: usize,
    /// When all others know.
    pub(crate) known: f64,
}

/// One run: who is where, and what happens when.
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) topology: Topology,
    pub(crate) balancing: Balancing,
    pub(crate) scenario: Scenario,
    pub(crate) replicas: Vec<Replica>,
    /// By user.
    pub(crate) invalidations: Vec<Invalidation>,
    /// When what was shared before is void for all: Redis came back empty, or more was invalidated than a cache keeps.
    pub(crate) shared_losses: Vec<f64>,
    pub(crate) published: Published,
}

impl World {
    pub(crate) fn new(fleet: &Fleet, topology: Topology, balancing: Balancing, scenario: Scenario) -> Self {
        let mut rng = Rng::with_seed(fleet.seed);
        let replicas = (0..fleet.replicas).map(|n| replica(fleet, topology, scenario, n, &mut rng)).collect();
        let mut world = Self {
            fleet: fleet.clone(),
            topology,
            balancing,
            scenario,
            replicas,
            invalidations: vec![],
            shared_losses: vec![],
            published: Published::default(),
        };
        if let Some(down) = redis_is_down(scenario) {
            world.shared_losses.push(down.1);
        }
        world.invalidate(&mut rng);
        world
    }

    /// Makes the invalidations, and has the bus spread them.
    fn invalidate(&mut self, rng: &mut Rng) {
        let fleet = &self.fleet;
        let users: usize = fleet.classes.iter().map(|class| class.users).sum();
        let scale = users as f64 / 10e6;
        let (mut at, mut times) = (0.0, vec![]);
        loop {
            let is_storm = self.scenario == Scenario::Storm && Span(FAULT, FAULT + STORM_FOR).has(at);
            at += exponential(rng) / (if is_storm { STORM } else { QUIET } * scale).max(0.1);
            if at >= END {
                break;
            }
            times.push(at);
        }
        if self.topology == Topology::Alone {
            self.published = Published::default();
        } else {
            let busy = bus::busy_with_commands(self);
            self.published = bus::spread(&times, fleet.replicas, busy, redis_is_down(self.scenario));
        }
        for (at, time) in times.iter().enumerate() {
            let known = self.published.known.get(at).copied().unwrap_or(f64::INFINITY);
            let (user, replica) = (rng.usize(..users), rng.usize(..fleet.replicas));
            self.invalidations.push(Invalidation { user, at: *time, replica, known });
        }
        let kept = (KEPT_INVALIDATIONS as f64 * scale) as usize;
        if self.topology != Topology::Alone
            && let Some(last) = self.invalidations.get(kept)
        {
            self.shared_losses.push(last.known);
            self.replicas.iter_mut().for_each(|replica| replica.forgets.push(last.known));
        }
        self.invalidations.sort_by(|a, b| a.user.cmp(&b.user).then(a.at.total_cmp(&b.at)));
    }

    pub(crate) fn has_redis(&self) -> bool {
        self.topology != Topology::Alone
    }
}

pub(crate) fn redis_is_down(scenario: Scenario) -> Option<Span> {
    match scenario {
        Scenario::RedisRestart => Some(Span(FAULT, FAULT + RESTART)),
        Scenario::RedisOutage => Some(Span(FAULT, FAULT + OUTAGE)),
        _ => None,
    }
}

fn replica(fleet: &Fleet, topology: Topology, scenario: Scenario, number: usize, rng: &mut Rng) -> Replica {
    let mut replica = Replica::default();
    if scenario == Scenario::Deployment {
        let from = DEPLOYMENT * number as f64 / fleet.replicas as f64;
        replica.is_down = Span(from, from + REPLACED_FOR);
        replica.forgets.push(from);
    }
    if let Some(down) = redis_is_down(scenario)
        && topology != Topology::Alone
    {
        // Its last good check was sent at most an interval before. It dials every 20 to 500 ms.
        let last_check = down.0 - CHECK_INTERVAL * rng.f64();
        let back = down.1 + 0.5 * rng.f64();
        replica.is_without_redis = Span(down.0, back);
        replica.is_out_of_touch = Span(last_check + CHECK_INTERVAL + CHECK_TIMEOUT, back);
        if last_check + BOUND < back {
            replica.forgets.push(last_check + BOUND);
        }
        // Another `run_id`.
        replica.forgets.push(back);
    }
    replica
}

/// A random time whose mean is 1.
#[inline]
pub(crate) fn exponential(rng: &mut Rng) -> f64 {
    -(1.0 - rng.f64()).ln()
}
