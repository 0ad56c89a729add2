//! Usage records made durable by `Spool`, beside a loop by hand that writes a batch and calls `fsync` for each, on the same disk:
//! `cargo bench -p aigc-auth-benches --bench spool`.
//!
//! Both take turns. The loop has its batches ready, without encryption, and never reads; the collector encodes and seals its
//! records, and tries to send them to a center that is away. Times of a disk vary: compare the ratio.

#[path = "support/spread.rs"]
mod spread;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aigc_auth::credential::Credential;
use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::usage::ApiRecord;
use aigc_auth::{AuthClient, UserInfo};
use spread::Spread;

/// As many records are sent in a call by default.
const BATCH: usize = 100;

/// A directory beside this program, and so on a disk, which `/tmp` may not be.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let path = program.with_file_name(format!("bench-spool-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn record(credential: &Credential) -> ApiRecord {
    ApiRecord::new("POST", "/api/chat/completions")
        .took(Duration::from_millis(12))
        .credential(credential.clone())
        .username("alice")
        .request_header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0")
        .query("model=small&stream=true")
}

/// Records a second, of which a batch each is written and synced.
fn by_hand(directory: &Path, batch: &[u8], batches: usize) -> f64 {
    let mut file = File::create(directory.join("by-hand")).expect("a file");
    let started = Instant::now();
    for _ in 0..batches {
        file.write_all(batch).expect("written");
        file.sync_data().expect("synced");
    }
    (batches * BATCH) as f64 / started.elapsed().as_secs_f64()
}

/// Records a second that a collector has on disk, where as many come as it takes.
async fn by_spool(directory: PathBuf, batches: usize) -> f64 {
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
    client.cache_user("token", UserInfo::builder(7, "alice"));
    let credential = Credential::new("token").expect("a token");
    let spool = Spool::open(directory, &client).await.expect("a spool");
    let stats = StatsCollector::builder().batch_size(BATCH).spool(spool).start(&client);
    let records = (batches * BATCH) as u64;
    let (mut recorded, started) = (0, Instant::now());
    loop {
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.dropped, 0, "{snapshot:?}");
        if snapshot.spooled == records {
            break;
        }
        // Half of what the queue holds, as in a service that is busy and drops none.
        while recorded < records && recorded - snapshot.spooled < 5_000 {
            stats.record(record(&credential));
            recorded += 1;
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let per_second = records as f64 / started.elapsed().as_secs_f64();
    stats.shutdown(Duration::from_secs(10)).await;
    per_second
}

fn main() {
    // `cargo test` only wants to know that it works.
    let (rounds, batches) =
        if std::env::args().any(|argument| argument == "--bench") { (15, 300) } else { (1, 2) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let one = serde_json::to_string(&record(&Credential::new("token").expect("a token"))).expect("JSON");
    let batch = format!(r#"{{"stats":[{}]}}"#, vec![one.as_str(); BATCH].join(","));
    let [mut hand, mut spool] = [vec![], vec![]];
    for round in 0..rounds {
        let directory = Directory::new(&round.to_string());
        hand.push(by_hand(&directory.0, batch.as_bytes(), batches));
        spool.push(runtime.block_on(by_spool(directory.0.join("spool"), batches)));
    }
    let per_second = |values: &[f64]| Spread::of(values.iter().copied()).median;
    println!(
        "records a second, in batches of {BATCH}, {} bytes each: by hand {:.0}, by the spool {:.0}; ratio {} (goal: 0.8)",
        batch.len(),
        per_second(&hand),
        per_second(&spool),
        Spread::of_ratios(&spool, &hand).show()
    );
}
