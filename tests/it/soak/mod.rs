//! A soak: two replicas with everything on, callers of all kinds, and faults that roll over all that is around them.
//!
//! The center, Redis, PostgreSQL and the callers are of this process; each replica is a process of its own, whose memory, descriptors,
//! threads and tasks are its own. Nobody may be answered otherwise than the guides say, each request is billed once, and in the end
//! nothing is held that was not held in the beginning. `tests/soak.sh` runs it; `SOAK_SECONDS` says for how long, and `SEED` repeats
//! who calls and what fails, though not to the millisecond.

mod callers;
mod faults;
mod handlers;
mod ledger;
mod memory;
mod process;
mod service;
mod tally;
mod windows;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use test_support::http::get;
use test_support::sql::texts_in_postgres;
use tokio::task::JoinSet;

use callers::{Question, ask};
use faults::Pace;
use memory::Memory;
use process::{Held, PAUSE};
use tally::Class;
use world::{CHANGING, KNOWN, World, changing, known, token};

use crate::support::random;

/// What a run is made of.
struct Plan {
    /// Whether memory has time to settle: then all that is bounded is filled before.
    is_long: bool,
    /// Callers alone, until all caches are as full as they get.
    warm_up: Duration,
    /// Callers and faults.
    rolling: Duration,
    pace: Pace,
    /// From when on memory counts, and by how much it may grow: in percent, in 10 minutes.
    memory_from: Duration,
    memory_slope: f64,
}

/// Until all connections that were used are closed.
const QUIET: Duration = Duration::from_secs(7);

impl Plan {
    fn of(seconds: u64) -> Self {
        let (all, is_long) = (Duration::from_secs(seconds), seconds >= 300);
        let warm_up = Duration::from_secs(if is_long { 30 } else { 10 });
        let rolling = all.saturating_sub(warm_up + 3 * QUIET);
        let (pace, memory_from, memory_slope) = if !is_long {
            // Too short for a slope: a service has some 8 MB, and grows by 0.5 MB until it has met each fault. This finds what keeps
            // more than 250 bytes of each request.
            (Pace { lasts: 1.8..2.6, rest: 1.4..2.2 }, all / 3, 150.0)
        } else {
            (Pace { lasts: 3.0..15.0, rest: 4.0..10.0 }, all / 3, 1.0)
        };
        Self { is_long, warm_up, rolling, pace, memory_from, memory_slope }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_with_everything_on_outlasts_rolling_faults() {
    let Some(seconds) = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()) else {
        eprintln!("skipped: SOAK_SECONDS is not set; tests/soak.sh sets it");
        return;
    };
    let plan = Plan::of(seconds);
    let mut random = random();
    let Some(world) = World::start().await else { return };
    let world = Arc::new(world);
    if plan.is_long {
        let started = Instant::now();
        callers::fill(&world).await;
        println!("all that is remembered of strangers is full after {:.0?}", started.elapsed());
    }
    let started = Instant::now();
    let watched = Watched::start(&world);

    // Everybody once, and then nobody: what is held then has to be all that is held in the end.
    let callers = callers::start(&world, &mut random);
    tokio::time::sleep(plan.warm_up).await;
    close(&world, callers).await;
    tokio::time::sleep(QUIET).await;
    let before = held(&world).await;

    world.is_open.store(true, Ordering::Relaxed);
    let callers = callers::start(&world, &mut random);
    let until = Instant::now() + plan.rolling;
    let story = faults::roll(&world, &mut random, &plan.pace, started, until).await;
    world.center.set_config("soak", json!({ "version": 1 }));
    tokio::time::sleep(until.saturating_duration_since(Instant::now())).await;
    close(&world, callers).await;

    let mut wrong = settles(&world, &before).await;
    wrong.extend(is_in_step(&world).await);
    let memories = watched.stop().await;
    let mut slopes = vec![];
    for memory in &memories {
        let slope = memory.percent_in_10_minutes(plan.memory_from);
        if slope > plan.memory_slope {
            wrong.push(format!("memory grows by {slope:.2} % in 10 minutes"));
        }
        slopes.push(slope);
    }
    let (world, ended) = end(world).await;
    for ended in &ended {
        let counts = ["recorded", "delivered", "dropped", "undone", "shutdown_ms"].map(|name| &ended[name]);
        let [recorded, delivered, dropped, undone, took] = counts.map(|count| count.as_u64().unwrap());
        let is_done = ended["unsubscribed"] == true && ended["unregistered"] == true;
        if recorded != delivered || dropped != 0 || undone != 0 || took > 5_000 || !is_done {
            wrong.push(format!("the end: {ended}"));
        }
    }
    let balance = world.ledger.balance();
    wrong.extend(balance.wrong.iter().cloned());
    wrong.extend(world.tally.take_wrong());

    println!("{:.0} s, and what was when:", started.elapsed().as_secs_f64());
    story.iter().for_each(|line| println!("    {line}"));
    println!("answers by class:");
    world.tally.print();
    println!(
        "bills: {} requests, by {} records, of which {} came again under their key; {} of callers who were gone, {} of other calls",
        balance.billed, balance.records, balance.again, balance.hung_up, balance.others
    );
    println!("held before: {before:?}");
    println!("memory, in 10 minutes from {:.0} s on: {slopes:.2?} %", plan.memory_from.as_secs_f64());
    memories.iter().zip(["one", "the other"]).for_each(|(memory, name)| memory.print(name));
    println!("ended: {ended:?}");
    // Nothing is tested by a run in which nothing happened.
    for (class, outcome, least) in [
        (Class::Known, "200", seconds * 10),
        (Class::Jwt, "200", seconds * 2),
        (Class::New, "200", seconds / 2),
        (Class::New, "503", 1),
        (Class::Stranger, "401", seconds / 2),
        (Class::Event, "200", seconds / 10),
        (Class::Changing, "403", seconds / 10),
        (Class::Socket, "ended in time", seconds / 20),
        (Class::Last, "200", 1),
    ] {
        let count = world.tally.of(class, outcome);
        if count < least {
            wrong.push(format!("only {count} of {least} answers {outcome} of {class:?}"));
        }
    }
    let shown = wrong.iter().take(40).map(|line| format!("\n    {line}")).collect::<String>();
    assert!(wrong.is_empty(), "{} findings:{shown}", wrong.len());
}

/// Lets callers end what they are at.
async fn close(world: &World, callers: JoinSet<()>) {
    world.is_open.store(false, Ordering::Relaxed);
    let ended = tokio::time::timeout(Duration::from_secs(60), callers.join_all()).await;
    assert!(ended.is_ok(), "callers are not answered a minute after everything was repaired");
}

async fn held(world: &World) -> [Held; 2] {
    let ports = world.ports();
    [world.replicas[0].held(&ports).await, world.replicas[1].held(&ports).await]
}

/// Waits until the replicas hold no more than before. Returns what they do.
async fn settles(world: &World, before: &[Held; 2]) -> Vec<String> {
    let mut beyond = vec![];
    let started = Instant::now();
    while started.elapsed() < 4 * QUIET {
        let now = held(world).await;
        beyond = now.iter().zip(before).flat_map(|(now, before)| now.beyond(before)).collect();
        if beyond.is_empty() {
            println!("nothing is held {:.1?} after the last request", started.elapsed());
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    beyond
}

/// What is not as it should be after everything was repaired: connections, registrations, configurations, rows.
async fn is_in_step(world: &World) -> Vec<String> {
    let mut wrong = vec![];
    for replica in &world.replicas {
        let vitals = replica.vitals().await;
        for (name, expected) in [
            ("connected", json!(true)),
            ("registered", json!(true)),
            ("config", json!({ "version": 1 })),
            ("lookups", json!(0)),
            ("in_flight", json!(0)),
            ("waiting", json!(0)),
            ("logins", json!(0)),
            ("dropped", json!(0)),
        ] {
            if vitals[name] != expected {
                wrong.push(format!("{name} is not {expected} in the end: {vitals}"));
            }
        }
    }
    let url = &world.postgres.lock().await.url;
    let rows = texts_in_postgres(url, "SELECT username || ' ' || coalesce(nickname, '') FROM users").await;
    for n in 0..KNOWN {
        let row = format!("{} ", known(n));
        if !rows.iter().any(|found| found.starts_with(&row)) {
            wrong.push(format!("{row}has no row"));
        }
    }
    for user in world.center.users() {
        if (0..CHANGING).any(|n| changing(n) == user.username()) {
            let row = format!("{} {}", user.username(), user.nickname().unwrap());
            if !rows.contains(&row) {
                let found = rows.iter().find(|found| found.starts_with(&format!("{} ", user.username())));
                wrong.push(format!("{row} is not in the table, but {found:?}"));
            }
        }
    }
    wrong
}

/// Ends both replicas while the last requests are under way, which are answered. Returns what the replicas counted.
async fn end(world: Arc<World>) -> (World, Vec<Value>) {
    let mut last = JoinSet::new();
    for n in 0..6 {
        let world = world.clone();
        last.spawn(async move {
            let name = known(n);
            let (path, token) = ("/slow?milliseconds=1500", token(&name));
            let asked = ask(&world, Question::new(Class::Last, n % 2, path, Some(&token))).await;
            asked.check(&world, Class::Last, asked.is_of(&name));
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.replicas.iter().for_each(process::Process::tell_to_end);
    last.join_all().await;
    let Some(mut world) = Arc::into_inner(world) else { panic!("somebody is still at it") };
    let replicas = std::mem::take(&mut world.replicas);
    let ended = join_all(replicas.into_iter().map(process::Process::end)).await;
    world.ledger.collect(&world.center);
    (world, ended)
}

/// Looks at memory and bills, all the time.
struct Watched {
    is_over: Arc<AtomicBool>,
    task: JoinSet<Vec<Memory>>,
}

impl Watched {
    fn start(world: &Arc<World>) -> Self {
        let (world, is_over, mut task) = (world.clone(), Arc::<AtomicBool>::default(), JoinSet::new());
        let over = is_over.clone();
        task.spawn(async move {
            let mut memories: Vec<_> = world.replicas.iter().map(|_| Memory::new()).collect();
            for look in 0_u32.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                for (memory, replica) in memories.iter_mut().zip(&world.replicas) {
                    memory.add(replica.memory());
                    if look % 10 == 0 {
                        let scraped = get(replica.address, "/metrics", &[]).await;
                        assert!(scraped.status == 200 && scraped.body.contains("aigc_auth_"), "{scraped:?}");
                    }
                }
                world.ledger.collect(&world.center);
                tokio::time::sleep(PAUSE).await;
            }
            memories
        });
        Self { is_over, task }
    }

    async fn stop(mut self) -> Vec<Memory> {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.join_next().await.unwrap().unwrap()
    }
}
