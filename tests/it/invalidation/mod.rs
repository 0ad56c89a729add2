//! Whatever the order of lookups, events and requests, no request gets a user that an event has made outdated.
//!
//! Everything runs on one thread, at sockets of its own. Between two steps, every task waits for something that only
//! the test can give: the release of an answer, or a handler's permission to end. So a seed determines all that happens.
//! `SEED` repeats one, and `AIGC_AUTH_LONG` runs a hundred times as many.

mod center;
mod rig;
mod run;

use std::time::Instant;

use rig::Rig;
use run::Run;

const INTERLEAVINGS: u64 = 2_000;
const STEPS: usize = 10;

#[tokio::test]
async fn request_never_gets_user_older_than_event() {
    let started = Instant::now();
    let rig = Rig::start().await;
    let long = std::env::var_os("AIGC_AUTH_LONG").is_some();
    let given = test_support::seed::given();
    let all = if long { 100 * INTERLEAVINGS } else { INTERLEAVINGS };
    let seeds = given.map_or(0..all, |seed| seed..seed + 1);
    let mut seen = Coverage::default();
    for seed in seeds.clone() {
        Run::play(&rig, seed, STEPS, &mut seen).await;
    }
    println!("{} interleavings in {:.1?}: {seen:?}", seeds.end - seeds.start, started.elapsed());
    if given.is_none() {
        seen.assert_everything_occurred();
    }
}

/// How often what makes an interleaving interesting came about.
#[derive(Debug, Default)]
struct Coverage {
    users: usize,
    refusals: usize,
    unavailable: usize,
    events: usize,
    while_handling: usize,
    outdated_in_flight: usize,
    refused_in_flight: usize,
    cached_and_fresh: usize,
    refreshes: usize,
    served_stale: usize,
}

impl Coverage {
    fn assert_everything_occurred(&self) {
        let Self { users, refusals, unavailable, events, while_handling, .. } = self;
        let Self { outdated_in_flight, refused_in_flight, cached_and_fresh, refreshes, served_stale, .. } =
            self;
        let counts = [users, refusals, unavailable, events, while_handling, outdated_in_flight];
        let others = [refused_in_flight, cached_and_fresh, refreshes, served_stale];
        assert!(counts.into_iter().chain(others).all(|count| *count >= 50), "{self:?}");
    }
}
