//! Usage records on disk, and processes that are killed while they write them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::credential::Credential;
use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::usage::ApiRecord;
use futures_util::future::join_all;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::test_process;

const PATIENCE: Duration = Duration::from_secs(60);
const DIRECTORY: &str = "SPOOL_TEST_DIRECTORY";
const CENTER: &str = "SPOOL_TEST_CENTER";
/// The number of the run; without one, it delivers what is there and ends.
const RUN: &str = "SPOOL_TEST_RUN";

/// What the processes below do that are killed. Alone, it has nothing to do.
#[tokio::test]
async fn child_process_records_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let url = std::env::var(CENTER).unwrap();
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::ERROR)
        .try_init();
    let client = AuthClient::builder("test-app", "test-secret", url).build().unwrap();
    let spool = Spool::open(Path::new(&directory), &client).await.unwrap();
    let builder = StatsCollector::builder().batch_size(10).flush_interval(Duration::from_millis(10));
    let stats = builder.spool(spool).start(&client);
    let Ok(run) = std::env::var(RUN) else {
        let counts = stats.shutdown(PATIENCE).await;
        assert_eq!((counts.delivered, counts.pending), (counts.recorded, 0), "{counts:?}");
        return;
    };
    for n in 0.. {
        let path = format!("/{run}/{n}");
        let token = Credential::new(["alice", "bob", "carol"][n % 3]).unwrap();
        stats.record(ApiRecord::new("GET", &path).credential(token));
        if n % 7 == 0 {
            stats.flush(PATIENCE).await;
            // All up to here is on disk, or delivered.
            println!("synced {n}");
        }
    }
}

fn process(directory: &Path, center: &AuthCenter, run: Option<usize>) -> Child {
    let mut command = Command::from(test_process(module_path!(), "child_process_records_until_killed"));
    command.env(DIRECTORY, directory).env(CENTER, center.url());
    if let Some(run) = run {
        command.env(RUN, run.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// Kills a process once it has said so much. Returns the last record that it had synced.
async fn killed(mut process: Child, dice: &mut fastrand::Rng) -> Option<usize> {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let (mut synced, patience) = (None, dice.usize(0..12));
    for _ in 0..patience {
        let line =
            timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("it runs until killed");
        synced = line.strip_prefix("synced ").map(|n| n.parse().unwrap()).or(synced);
    }
    // It goes on meanwhile.
    for _ in 0..dice.usize(0..500) {
        tokio::task::yield_now().await;
    }
    process.kill().await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        synced = line.strip_prefix("synced ").and_then(|n| n.parse().ok()).or(synced);
    }
    synced
}

/// A directory in memory where there is such a place: what a killed process has written is there in any case, and waiting
/// for a disk takes most of the time.
fn room(lane: u64) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    parent.join(format!("aigc-auth-kills-{}-{lane}", std::process::id()))
}

/// Kills that many processes one after the other, each with the directory of the one before, then delivers what is left.
async fn survive_kills(kills: usize, lane: u64, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed.wrapping_mul(4) + lane);
    let center = AuthCenter::start().await;
    let directory = room(lane);
    let mut synced = vec![];
    for run in 0..kills {
        match dice.u8(0..4) {
            0 => center.inject_fault(Fault::status(503)),
            1 => center.inject_fault(Fault::Refuse),
            _ => center.clear_faults(),
        }
        synced.push(killed(process(&directory, &center, Some(run)), &mut dice).await);
    }
    center.clear_faults();
    let last = process(&directory, &center, None).wait_with_output();
    let last = timeout(PATIENCE, last).await.unwrap().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stdout));
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    std::fs::remove_dir_all(&directory).unwrap();
    // A damaged one would have been set aside, and its records with it.
    assert_eq!(files, ["lock", "refused.queue", "unverified.queue", "waiting.queue"]);

    let stats = center.stats();
    let delivered: HashSet<&str> = stats.iter().filter_map(|record| record["api_path"].as_str()).collect();
    let mut promised = 0;
    for (run, last) in synced.iter().enumerate() {
        for n in 0..last.map_or(0, |last| last + 1) {
            assert!(delivered.contains(&*format!("/{run}/{n}")), "run {run} lost {n} of {last:?}");
            promised += 1;
        }
    }
    assert!(promised > 12 * kills, "only {promised} records were synced in {kills} runs");

    // What came twice came under the key that it had the first time.
    let mut keys = HashMap::new();
    for request in center.requests() {
        let key = request.headers["idempotency-key"].to_str().unwrap().to_owned();
        for record in request.body["stats"].as_array().unwrap() {
            let path = record["api_path"].as_str().unwrap().to_owned();
            let first = keys.entry(path.clone()).or_insert_with(|| key.clone());
            assert_eq!(*first, key, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn synced_records_survive_200_kills() {
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(1, |_| 10);
    let seed = test_support::seed::given().unwrap_or_else(|| fastrand::u64(..1 << 32));
    for seed in seed..seed + rounds {
        println!("SEED={seed}");
        // Not all on one directory: what is old is sent slowly, and would be more than these short lives can send.
        let lanes = (0..4).map(|lane| tokio::spawn(survive_kills(50, lane, seed)));
        for lane in join_all(lanes).await {
            lane.unwrap();
        }
    }
}
