//! The same counts by arithmetic, which the simulation is checked by.
//!
//! A user's requests are a Poisson process of rate `1 / every`. Where they hit one cache, calls are a renewal process: a call, then the
//! time until the refresh is due (240 s on average), then the wait for the next request. So there is a call every `240 s + every`.

use std::fmt;

use super::bus;
use super::fleet::{
    Balancing, Class, END, FAULT, OUTAGE, QUIET, REFRESH, REPLACED_FOR, RESTART, SHORT_TTL, STORM, STORM_FOR,
    Scenario, TTL, Topology, World, redis_is_down,
};
use super::users::Counts;

/// For how long a call serves, on average.
fn refresh_due(ttl: f64) -> f64 {
    ttl * (REFRESH[0] + REFRESH[1]) / 2.0
}

/// How many caches a user's requests are spread over, each of which asks for itself.
fn caches(world: &World) -> f64 {
    match (world.topology, world.balancing) {
        (Topology::Shared, _) | (_, Balancing::Same) => 1.0,
        _ => world.replicas.len() as f64,
    }
}

/// The mean time between two calls about a user from one cache.
pub(crate) fn period(world: &World, class: Class) -> f64 {
    let due = match (world.topology, world.balancing) {
        // A request mostly meets a replica that holds nothing, and so finds what is shared until its end.
        (Topology::Shared, Balancing::Any) => TTL,
        _ => refresh_due(TTL),
    };
    due + class.every * caches(world)
}

fn sum(world: &World, of: impl Fn(Class) -> f64) -> f64 {
    world.fleet.classes.iter().map(|class| class.users as f64 * of(*class)).sum()
}

/// Calls a second when nothing happens.
fn steady(world: &World) -> f64 {
    sum(world, |class| caches(world) / period(world, class))
}

/// Lookups a second that a replica's own cache does not answer, in a fleet that shares what is verified.
pub(crate) fn local_misses(world: &World) -> f64 {
    match world.balancing {
        Balancing::Same => steady(world),
        Balancing::Any => {
            let replicas = world.replicas.len() as f64;
            // An entry is held until the value's end: half of the TTL on average.
            sum(world, |class| replicas / (TTL / 2.0 + class.every * replicas))
        }
    }
}

/// Calls within a time below 210 s after all caches were emptied: the users who have sent a request.
fn after_forgetting(world: &World, time: f64) -> f64 {
    let caches = caches(world);
    sum(world, |class| caches * (1.0 - (-time / (class.every * caches)).exp()))
}

/// Calls a second while lifetimes are short and nothing is shared.
fn out_of_touch(world: &World) -> f64 {
    let caches = if world.balancing == Balancing::Same { 1.0 } else { world.replicas.len() as f64 };
    sum(world, |class| caches / (refresh_due(SHORT_TTL) + class.every * caches))
}

/// Calls more when a cache is emptied at a random instant: E[C²] / 2E[C] is how far a renewal process is from its next call, and it
/// is `every` now.
fn restarted(world: &World, class: Class) -> f64 {
    let wait = class.every * caches(world);
    let due = refresh_due(TTL);
    let spread = (REFRESH[1] - REFRESH[0]) * TTL;
    let squared = due * due + spread * spread / 12.0 + 2.0 * due * wait + 2.0 * wait * wait;
    let period = due + wait;
    (squared / (2.0 * period) - wait - REPLACED_FOR) / period
}

/// A figure that was counted, and what arithmetic says.
#[derive(Clone)]
pub(crate) struct Check {
    what: &'static str,
    formula: &'static str,
    expected: f64,
    counted: f64,
    /// By how much it may be less and more, in parts of one.
    tolerance: [f64; 2],
}

impl Check {
    fn new(what: &'static str, formula: &'static str, expected: f64, counted: f64) -> Self {
        Self { what, formula, expected, counted, tolerance: [0.05; 2] }
    }

    pub(crate) fn at_most(what: &'static str, formula: &'static str, expected: f64, counted: f64) -> Self {
        Self { tolerance: [1.0, 0.0], ..Self::new(what, formula, expected, counted) }
    }

    pub(crate) fn holds(&self) -> bool {
        let [less, more] = self.tolerance;
        (-less..=more).contains(&self.difference())
    }

    fn difference(&self) -> f64 {
        if self.counted == self.expected { 0.0 } else { self.counted / self.expected - 1.0 }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.expected < 1_000.0 { 4 } else { 0 };
        let Self { what, formula, expected, counted, .. } = self;
        write!(
            f,
            "{what} | {counted:.digits$} | {expected:.digits$} | {:+.1} % | {formula}",
            self.difference() * 100.0
        )
    }
}

pub(crate) fn checks(world: &World, counts: &Counts) -> Vec<Check> {
    let calls = |from: f64, to: f64| counts.center.between(from, to);
    let mut checks = vec![match (world.scenario, world.topology) {
        (Scenario::Steady, _) | (Scenario::Deployment, Topology::Shared) => Check::new(
            "calls",
            "600 s x sum of users x caches / (served + every x caches)",
            END * steady(world),
            calls(0.0, END),
        ),
        (Scenario::Deployment, _) => {
            let elsewhere = |class: Class| match world.balancing {
                Balancing::Same => 1.0 - (-REPLACED_FOR / class.every).exp(),
                Balancing::Any => 0.0,
            };
            let more = sum(world, |class| caches(world) * restarted(world, class) + elsewhere(class));
            Check::new(
                "calls",
                "as steady + users x caches x (E[C^2]/2E[C] - every)/E[C] + users elsewhere",
                END * steady(world) + more,
                calls(0.0, END),
            )
        }
        (Scenario::RedisRestart, Topology::Alone) | (Scenario::RedisOutage, Topology::Alone) => {
            Check::new("calls", "as steady", END * steady(world), calls(0.0, END))
        }
        (Scenario::RedisRestart, _) => {
            let from = FAULT + RESTART + 0.5;
            Check::new(
                "calls in 60 s after",
                "sum of users x caches x (1 - exp(-60 s / every / caches))",
                after_forgetting(world, 60.0),
                calls(from, from + 60.0),
            )
        }
        (Scenario::RedisOutage, _) => {
            let (from, to) = (FAULT + 100.0, FAULT + OUTAGE);
            Check::new(
                "calls late in the outage",
                "as steady, of 30 s and without what is shared",
                (to - from) * out_of_touch(world),
                calls(from, to),
            )
        }
        (Scenario::Storm, Topology::Alone) => {
            Check::new("calls", "as steady", END * steady(world), calls(0.0, END))
        }
        (Scenario::Storm, _) => {
            let from = world.shared_losses[0] + 0.5;
            Check::new(
                "calls in 60 s after",
                "more than 50,000 invalidations: all is forgotten",
                after_forgetting(world, 60.0),
                calls(from - 0.5, from + 59.5),
            )
        }
    }];
    if world.has_redis() {
        let took = &world.published.took;
        let busy = bus::busy_with_commands(world);
        let rate = if world.scenario == Scenario::Storm { STORM } else { QUIET };
        let scale = world.fleet.classes.iter().map(|class| class.users as f64).sum::<f64>() / 10e6;
        let share = STORM * STORM_FOR / (STORM * STORM_FOR + QUIET * (END - STORM_FOR));
        let delay = |rate: f64| bus::mean_delay((rate * scale).max(0.1), world.replicas.len(), busy);
        let expected = match world.scenario {
            Scenario::Storm => share * delay(rate) + (1.0 - share) * delay(QUIET),
            _ => delay(rate),
        };
        // Those of an outage wait for its end.
        if redis_is_down(world.scenario).is_none() {
            let mean = took.iter().sum::<f64>() / took.len() as f64;
            let check =
                Check::new("seconds until all know", "the batches of Redis, on average", expected, mean);
            checks.push(Check { tolerance: [0.15; 2], ..check });
        }
    }
    checks
}
