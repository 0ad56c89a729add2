//! The tables of `docs/scale.md`.

use super::arithmetic::{Check, checks};
use super::costs;
use super::fleet::{BOUND, Balancing, END, Scenario, Topology, World, redis_is_down};
use super::users::Counts;

/// What one run came to. Rates are per second, means over the 600 s unless they are called otherwise.
pub(crate) struct Row {
    name: String,
    calls: f64,
    peak: f64,
    /// How many calls the center must answer so that none waits longer than 1 s.
    capacity: f64,
    center_bytes: f64,
    reads: f64,
    deliveries: f64,
    redis_bytes: f64,
    /// The part of its time that Redis is busy.
    redis: f64,
    /// Seconds until all replicas know of an invalidation: the median, and all but 1 %.
    known: Option<[f64; 2]>,
    outdated: u64,
    outdated_for: f64,
    checks: Vec<Check>,
}

impl Row {
    pub(crate) fn new(world: &World, counts: &Counts) -> Self {
        let replicas = world.replicas.len() as f64;
        let messages = world.published.known.len() as f64 / END;
        let [reads, hits] = [counts.reads, counts.hits].map(|count| count as f64 / END);
        let misses = reads - hits;
        let is_there = f64::from(u8::from(world.has_redis()));
        let redis = is_there * replicas * (costs::CHECK + 4.0 * costs::COMMAND)
            + messages * (costs::PUBLISH + replicas * (costs::BATCH_TO_ONE + costs::MESSAGE_TO_ONE))
            + reads * costs::LOOK
            + misses * (costs::LOOK + costs::SET);
        let redis_bytes = is_there * replicas * (costs::bytes::CHECK + 4.0 * costs::bytes::PING)
            + messages * replicas * costs::bytes::MESSAGE
            + hits * costs::bytes::HIT
            + misses * costs::bytes::MISS;
        Self {
            name: name(world),
            calls: counts.calls() / END,
            peak: counts.center.peak(),
            capacity: counts.center.capacity_for(1.0),
            center_bytes: counts.calls() / END * costs::bytes::CALL,
            reads,
            deliveries: messages * replicas,
            redis_bytes,
            redis,
            known: world.published.quantile(0.5).zip(world.published.quantile(0.99)).map(<[f64; 2]>::from),
            outdated: counts.outdated,
            outdated_for: counts.outdated_for,
            checks: [checks(world, counts), vec![bound(world, counts)]].concat(),
        }
    }

    pub(crate) fn holds(&self) -> bool {
        self.checks.iter().all(Check::holds)
    }
}

/// For how long an outdated verdict may be served: without a bus the TTL, with one that is down the documented bound.
fn bound(world: &World, counts: &Counts) -> Check {
    let expected = match world.topology {
        Topology::Alone => super::fleet::TTL,
        _ if redis_is_down(world.scenario).is_some() => BOUND,
        // Messages that are on their way.
        _ => world.published.quantile(1.0).unwrap_or_default(),
    };
    let formula = "at most the TTL; the way of a message; 32 s in an outage";
    Check::at_most("outdated for, in seconds", formula, expected, counts.outdated_for)
}

fn name(world: &World) -> String {
    let scenario = match world.scenario {
        Scenario::Steady => "nothing happens",
        Scenario::Deployment => "all replicas are replaced in 500 s",
        Scenario::RedisRestart => "Redis restarts within 2 s",
        Scenario::RedisOutage => "Redis is down for 300 s",
        Scenario::Storm => "60,000 users change in 60 s",
    };
    let topology = match world.topology {
        Topology::Alone => "none",
        Topology::Bus => "bus",
        Topology::Shared => "bus and cache",
    };
    let balancing = match world.balancing {
        Balancing::Any => "any",
        Balancing::Same => "same",
    };
    format!("{scenario} | {topology} | {balancing}")
}

pub(crate) fn print(rows: &[Row]) {
    println!(
        "| | cluster | replica | calls/s | peak | needs | MB/s | Redis: reads/s | messages/s | MB/s | busy | known, ms | 99 % | outdated | for, s |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let [half, most] = row
            .known
            .map_or(["–", "–"].map(String::from), |known| known.map(|s| format!("{:.1}", s * 1e3)));
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} | {:.0} | {:.1} | {:.0} % | {half} | {most} | {} | {:.1} |",
            row.name,
            row.calls,
            row.peak,
            row.capacity,
            row.center_bytes / 1e6,
            row.reads,
            row.deliveries,
            row.redis_bytes / 1e6,
            row.redis * 100.0,
            row.outdated,
            row.outdated_for,
        );
    }
    println!("\n| | cluster | replica | counted | | by arithmetic | | |\n|---|---|---|---|---|---|---|---|");
    for row in rows {
        for check in &row.checks {
            let verdict = if check.holds() { "" } else { "TOO FAR" };
            println!("| {} | {} {verdict}|", row.name, check);
        }
    }
}
