//! How messages get from one replica to all others through Redis.
//!
//! Redis has one thread. It reads what has arrived, and then writes to each subscriber once, however many messages there are for it:
//! so it takes longer over a batch, and less over each message of it, the more of them have come.

use super::costs;
use super::fleet::{END, Span, Topology, World};

#[derive(Default)]
pub(crate) struct Published {
    /// When each message is known to all.
    pub(crate) known: Vec<f64>,
    /// How long that took, sorted.
    pub(crate) took: Vec<f64>,
}

impl Published {
    pub(crate) fn quantile(&self, part: f64) -> Option<f64> {
        let last = self.took.len().checked_sub(1)?;
        self.took.get((self.took.len() as f64 * part) as usize).or(self.took.get(last)).copied()
    }
}

/// The part of its time that Redis spends on commands of the replicas, messages left out: their checks and PINGs, and what is read of the
/// shared cache.
pub(crate) fn busy_with_commands(world: &World) -> f64 {
    let replicas = world.fleet.replicas as f64;
    let checks = replicas * (costs::CHECK + 4.0 * costs::COMMAND);
    let lookups: f64 = match world.topology {
        Topology::Shared => super::arithmetic::local_misses(world),
        _ => 0.0,
    };
    checks + lookups * costs::LOOK
}

/// Spreads the messages that are published at these times. While Redis is down they wait for it.
pub(crate) fn spread(times: &[f64], replicas: usize, busy: f64, down: Option<Span>) -> Published {
    let replicas = replicas as f64;
    // What is left of its time, were it busier than it can be.
    let share = (1.0 - busy).max(0.02);
    let (mut known, mut free, mut next) = (Vec::with_capacity(times.len()), 0.0_f64, 0);
    while next < times.len() {
        let mut starts = free.max(times[next]);
        if let Some(down) = down
            && down.has(starts)
        {
            starts = down.1 + 0.5;
        }
        let batch = times[next..].iter().take_while(|time| **time <= starts).count();
        let work = batch as f64 * costs::PUBLISH
            + replicas * (costs::BATCH_TO_ONE + batch as f64 * costs::MESSAGE_TO_ONE);
        free = starts + work / share;
        known.extend(std::iter::repeat_n(free + costs::ROUND_TRIPS, batch));
        next += batch;
    }
    let mut took: Vec<_> = known.iter().zip(times).map(|(known, time)| known - time).collect();
    took.sort_by(f64::total_cmp);
    debug_assert!(times.iter().all(|time| *time < END));
    Published { known, took }
}

/// How long a message takes on average when they come at this rate, by arithmetic.
///
/// A batch takes `c = replicas × (BATCH + n × MESSAGE) + n × PUBLISH` over the part of its time that Redis has for it, and has
/// `n = 1 + rate × c` messages where they are few, or `n = rate × c` where the next batch waits already. A message waits for half of the batch before its own if
/// there is one, and for its own.
pub(crate) fn mean_delay(rate: f64, replicas: usize, busy: f64) -> f64 {
    let share = (1.0 - busy).max(0.02);
    let one = costs::PUBLISH + replicas as f64 * costs::MESSAGE_TO_ONE;
    let writes = replicas as f64 * costs::BATCH_TO_ONE;
    let alone = (writes + one) / share;
    // One batch after the other: c = (writes + rate × c × one) / share.
    let cycle = writes / (share - rate * one);
    if rate * alone > 1.0 {
        return 1.5 * cycle + costs::ROUND_TRIPS;
    }
    // Seldom: now and then one waits for the one before it, and is served with those that wait as well.
    alone + rate * alone * alone / 2.0 + costs::ROUND_TRIPS
}
