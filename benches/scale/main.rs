//! What a fleet of 1,000 replicas with 10 million users costs the center and Redis: `cargo bench -p aigc-auth-benches --bench scale`.
//!
//! A simulation of events, request by request, whose seed is printed and can be set by `SEED`; `docs/scale.md` has its table and says what
//! follows from it. Costs of single steps are measured ones ([`costs`]); those of Redis are measured anew by `-- redis`.

mod arithmetic;
mod bus;
mod center;
mod costs;
mod fleet;
#[cfg(unix)]
mod redis;
mod table;
mod users;

use std::time::Instant;

use fleet::{Balancing, Class, Fleet, Scenario, Topology, World};
use table::Row;

fn simulate(fleet: &Fleet) {
    println!(
        "{} replicas, {:?} users with a request every {:?} s, seed {}",
        fleet.replicas,
        fleet.classes.map(|class| class.users),
        fleet.classes.map(|class| class.every),
        fleet.seed
    );
    let started = Instant::now();
    let mut rows = vec![];
    for scenario in [
        Scenario::Steady,
        Scenario::Deployment,
        Scenario::RedisRestart,
        Scenario::RedisOutage,
        Scenario::Storm,
    ] {
        for balancing in [Balancing::Any, Balancing::Same] {
            for topology in [Topology::Alone, Topology::Bus, Topology::Shared] {
                // Without Redis there is nothing to fail.
                if topology != Topology::Alone || fleet::redis_is_down(scenario).is_none() {
                    let world = World::new(fleet, topology, balancing, scenario);
                    rows.push(Row::new(&world, &users::run(&world)));
                }
            }
        }
    }
    table::print(&rows);
    println!("\nsimulated in {:.1?}", started.elapsed());
    assert!(rows.iter().all(Row::holds), "arithmetic and simulation differ");
}

fn main() {
    #[cfg(unix)]
    if std::env::args().any(|argument| argument == "redis") {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(redis::measure());
    }
    let seed = std::env::var("SEED").map_or(20, |seed| seed.parse().expect("SEED: a number"));
    let class = |users, every| Class { users, every };
    if std::env::args().any(|argument| argument == "--bench") {
        let classes = [class(1_000_000, 20.0), class(9_000_000, 1_800.0)];
        simulate(&Fleet { replicas: 1_000, classes, seed });
    } else {
        // `cargo test` wants to know that it works, and that the arithmetic is right.
        simulate(&Fleet { replicas: 200, classes: [class(2_000, 20.0), class(18_000, 1_800.0)], seed });
    }
}
