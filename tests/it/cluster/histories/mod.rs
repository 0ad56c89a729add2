//! Random histories of faults: three replicas, one auth center, a real Redis, and a path to it for each replica that can be cut.
//!
//! In processes of their own, which are killed and paused as well, and in this process, which takes less time. Each history has users of
//! its own, who are changed at the center and of whom one of the replicas is told, again and again until it acknowledges. No request
//! may be given a user who was invalidated, as acknowledged, longer ago than the bound; none at the replica that has acknowledged it.
//! `SEED` repeats what a history does, though not to the millisecond, and `AIGC_AUTH_LONG` runs twenty times as many.

mod history;
mod latency;
mod model;
mod replica;
mod rig;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aigc_auth::testing::AuthCenter;
use futures_util::future::join_all;

use history::History;
use model::Findings;
use rig::{Kind, Rig};

/// How many histories there are at a time.
const RIGS: u64 = 4;

async fn play(kind: Kind, histories: u64) {
    let started = Instant::now();
    let histories = if std::env::var_os("AIGC_AUTH_LONG").is_some() { 20 * histories } else { histories };
    let given = test_support::seed::given();
    let center = Arc::new(AuthCenter::start().await);
    let next = AtomicU64::new(0);
    let rigs = (0..RIGS.min(histories)).map(async |_| {
        let mut findings = Findings::default();
        let Some(mut rig) = Rig::start(kind, &center).await else { return findings };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= given.map_or(histories, |_| 1) {
                return findings;
            }
            let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000));
            findings.add(&History::play(&mut rig, seed, number).await);
        }
    });
    let mut all = Findings::default();
    join_all(rigs).await.iter().for_each(|findings| all.add(findings));
    println!("{kind:?}, {histories} histories in {:.1?}: {all:?}", started.elapsed());
    assert!(all.violations.is_empty(), "{:#?}", all.violations);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_served_outdated_users_past_the_bound_by_replicas_in_processes() {
    play(Kind::Processes, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_served_outdated_users_past_the_bound_by_replicas_of_one_process() {
    play(Kind::OneProcess, 24).await;
}
