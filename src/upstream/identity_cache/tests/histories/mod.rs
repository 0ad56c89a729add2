//! Random histories of a cache, each step compared with a model: a map, and the rules of `docs/caching.md`.
//!
//! `SEED` repeats one history, and `AIGC_AUTH_LONG` runs a hundred thousand.

mod history;
mod model;

use std::time::Instant;

use history::{Coverage, History};

const HISTORIES: u64 = 2_000;
const MANY: u64 = 100_000;
const STEPS: usize = 80;

#[test]
fn every_step_is_as_a_map_and_the_rules_say() {
    let given = test_support::seed::given();
    let histories = std::env::var("AIGC_AUTH_LONG").map_or(HISTORIES, |_| MANY);
    let (first, histories) =
        given.map_or_else(|| (fastrand::u64(..u64::MAX / 2), histories), |seed| (seed, 1));
    let (started, mut seen) = (Instant::now(), Coverage::default());
    for seed in first..first + histories {
        History::new(seed, &mut seen).run(STEPS);
    }
    println!("SEED={first}, {histories} histories in {:.1?}: {seen:?}", started.elapsed());
    if given.is_none() {
        assert!(seen.least() >= 50, "{seen:?}");
    }
}
