//! Whatever is lost, late, cut or restarted: no request is given a user who was invalidated at another replica longer ago than the
//! documented bound.
//!
//! Three replicas in one process, a clock that is held, and a bus whose every message, question and answer the test plays, as
//! `RedisCluster` would: a seed determines all that happens. `SEED` repeats one, and `AIGC_AUTH_LONG` runs thirty times as many.

mod bus;
mod center;
mod replica;
mod run;
mod step;

use std::time::Instant;

use run::Run;

const HISTORIES: u64 = 500;
const STEPS: usize = 60;

#[tokio::test(start_paused = true)]
async fn no_request_is_given_a_user_who_was_invalidated_longer_ago_than_the_bound() {
    let started = Instant::now();
    let long = std::env::var_os("AIGC_AUTH_LONG").is_some();
    let given = test_support::seed::given();
    let all = if long { 30 * HISTORIES } else { HISTORIES };
    let seeds = given.map_or(0..all, |seed| seed..seed + 1);
    let mut seen = Coverage::default();
    for seed in seeds.clone() {
        Run::play(seed, STEPS, &mut seen).await;
    }
    println!("{} histories in {:.1?}: {seen:?}", seeds.end - seeds.start, started.elapsed());
    if given.is_none() {
        seen.assert_everything_occurred();
    }
}

/// How often what makes a history interesting came about.
#[derive(Debug, Default)]
struct Coverage {
    asked: usize,
    /// Given a user who had been invalidated elsewhere, within the bound.
    outdated: usize,
    longest_outdated: u64,
    /// Asked past the bound of a change that the replica could not have heard of.
    due_while_unheard: usize,
    acknowledged: usize,
    /// Not acknowledged: told again.
    unacknowledged: usize,
    restarts: usize,
    lost_messages: usize,
    replaced: usize,
    slow_lookups: usize,
}

impl Coverage {
    fn assert_everything_occurred(&self) {
        let Self { asked, outdated, due_while_unheard, acknowledged, unacknowledged, .. } = self;
        let Self { restarts, lost_messages, replaced, slow_lookups, .. } = self;
        let counts = [asked, outdated, due_while_unheard, acknowledged, unacknowledged];
        let others = [restarts, lost_messages, replaced, slow_lookups];
        assert!(counts.into_iter().chain(others).all(|count| *count >= 50), "{self:?}");
    }
}
