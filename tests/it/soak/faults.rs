//! What goes wrong, one after the other and together, each time followed by a time in which nothing does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aigc_auth::testing::Fault;
use fastrand::Rng;
use test_support::sql::run_in_postgres;

use super::windows::Part;
use super::world::World;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    CenterRefuses,
    CenterHangs,
    /// A byte each 30 ms: no answer comes in time.
    CenterIsSlow,
    Center503,
    Center500,
    Center429,
    CenterResets,
    /// The answer is lost, what was asked is done.
    CenterBreaksOff,
    CenterCutsShort,
    CenterIsAnother,
    CenterFlaps,
    RedisPaused,
    /// Without its data.
    RedisKilled,
    RedisMute,
    RedisCut,
    PostgresKilled,
    PostgresMute,
    PostgresTerminates,
    CallersReset,
}

use Trouble::*;

/// At the same time each.
const STEPS: [&[Trouble]; 15] = [
    &[CenterRefuses],
    &[CenterHangs, PostgresMute],
    &[RedisPaused],
    &[Center503, RedisPaused],
    &[RedisKilled],
    &[PostgresKilled, CallersReset],
    &[CenterResets, CallersReset],
    &[CenterIsSlow, PostgresTerminates],
    &[RedisMute, PostgresKilled],
    &[CenterBreaksOff, RedisCut],
    &[Center500, Center429],
    &[CenterRefuses, RedisKilled],
    &[CenterCutsShort, PostgresMute],
    &[CenterIsAnother, CallersReset],
    &[CenterFlaps],
];

impl Trouble {
    fn part(self) -> Option<Part> {
        match self {
            RedisPaused | RedisKilled | RedisMute | RedisCut => Some(Part::Redis),
            PostgresKilled | PostgresMute | PostgresTerminates => Some(Part::Database),
            CallersReset => None,
            _ => Some(Part::Center),
        }
    }

    fn fault(self) -> Option<Fault> {
        Some(match self {
            CenterRefuses => Fault::Refuse,
            CenterHangs => Fault::Hang,
            CenterIsSlow => Fault::SlowBytes(Duration::from_millis(30)),
            Center503 => Fault::status(503),
            Center500 => Fault::status(500),
            Center429 => Fault::too_many_requests(1),
            CenterResets => Fault::Reset,
            CenterBreaksOff => Fault::ResetMidBody,
            CenterCutsShort => Fault::Truncated,
            CenterIsAnother => Fault::Html,
            CenterFlaps => Fault::Flapping,
            _ => return None,
        })
    }

    async fn begin(self, world: &World) {
        if let Some(fault) = self.fault() {
            return world.center.inject_fault(fault);
        }
        match self {
            RedisPaused => world.redis.lock().await.signal("STOP"),
            RedisKilled => world.redis.lock().await.kill().await,
            RedisMute => world.redis_path.set_mute(true),
            RedisCut => world.redis_path.cut(),
            PostgresKilled => world.postgres.lock().await.restart().await,
            PostgresMute => world.postgres_path.set_mute(true),
            PostgresTerminates => {
                let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                              WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
                run_in_postgres(&world.postgres.lock().await.url, others).await;
            }
            _ => world.resets.store(true, Ordering::Relaxed),
        }
    }

    async fn end(self, world: &World) {
        match self {
            RedisPaused => world.redis.lock().await.signal("CONT"),
            RedisKilled => world.redis.lock().await.start_again().await,
            RedisMute => world.redis_path.set_mute(false),
            PostgresMute => world.postgres_path.set_mute(false),
            CallersReset => world.resets.store(false, Ordering::Relaxed),
            _ if self.fault().is_some() => world.center.clear_faults(),
            _ => {}
        }
    }
}

/// How long each step and the rest after it take, at random.
pub(super) struct Pace {
    pub(super) lasts: std::ops::Range<f64>,
    pub(super) rest: std::ops::Range<f64>,
}

/// Goes through the steps, in another order each time, until this time. Returns what was when.
pub(super) async fn roll(
    world: &Arc<World>,
    random: &mut Rng,
    pace: &Pace,
    started: Instant,
    until: Instant,
) -> Vec<String> {
    let mut story = vec![];
    loop {
        let mut steps = STEPS;
        random.shuffle(&mut steps);
        for step in steps {
            let seconds = |range: &std::ops::Range<f64>, random: &mut Rng| {
                Duration::from_secs_f64(range.start + random.f64() * (range.end - range.start))
            };
            let (lasts, rest) = (seconds(&pace.lasts, random), seconds(&pace.rest, random));
            if Instant::now() + lasts + rest > until {
                return story;
            }
            let at = started.elapsed().as_secs_f64();
            take(world, step, lasts).await;
            story.push(format!("{at:>7.1} s {step:?} for {:.1} s", started.elapsed().as_secs_f64() - at));
            // Time for all who are known to be asked about, before the auth center is away again.
            let least = if step.contains(&RedisKilled) { Duration::from_secs(4) } else { Duration::ZERO };
            tokio::time::sleep(rest.max(least)).await;
        }
    }
}

async fn take(world: &World, step: &[Trouble], lasts: Duration) {
    let mut parts: Vec<_> = step.iter().filter_map(|trouble| trouble.part()).collect();
    if step.contains(&RedisKilled) && parts.contains(&Part::Center) {
        parts.push(Part::Everything);
    }
    parts.iter().for_each(|part| world.windows.begin(*part));
    // Of two faults of the center, each has half of the time.
    let centers = step.iter().filter(|trouble| trouble.part() == Some(Part::Center)).count();
    for (n, trouble) in step.iter().enumerate() {
        trouble.begin(world).await;
        if centers > 1 && n + 1 < step.len() {
            tokio::time::sleep(lasts / 2).await;
        }
    }
    // A Redis that is back has everything forgotten, and that while the center is still away.
    if step.contains(&RedisKilled) {
        tokio::time::sleep(lasts / 2).await;
        RedisKilled.end(world).await;
        tokio::time::sleep(lasts / 2).await;
    } else {
        tokio::time::sleep(if centers > 1 { lasts / 2 } else { lasts }).await;
    }
    for trouble in step.iter().filter(|trouble| **trouble != RedisKilled) {
        trouble.end(world).await;
    }
    parts.iter().for_each(|part| world.windows.end(*part));
}
