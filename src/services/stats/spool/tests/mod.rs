//! The spool on a real disk and in real time, since the files are used on another thread.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;

use super::spool::Spool;
use crate::ports::observer::Watch;
use crate::services::stats::batch::{Batch, Position};
use crate::services::stats::lane::Lane;
use crate::services::stats::store::{Added, Store};
use crate::services::stats::tests::fake_center::{Call, FakeCenter, FakeDelivery, Outcome, lock, record};
use crate::services::stats::tests::lanes::record_unverified;
use crate::services::stats::{StatsCollector, StatsCollectorBuilder, StatsSnapshot};

mod full_disk;
mod lock;
mod refused;
mod restarts;

const LONG: Duration = Duration::from_secs(20);

/// A directory that is removed when dropped.
pub(super) struct Directory(pub(super) PathBuf);

impl Directory {
    pub(super) fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    /// In memory where there is such a place, for what would wait for the disk thousands of times.
    fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self::below(memory) } else { Self::new() }
    }

    fn below(parent: &Path) -> Self {
        static CREATED: AtomicU64 = AtomicU64::new(0);
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("aigc-auth-spool-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    async fn open(&self) -> Spool {
        self.open_with(500 * 1024 * 1024, "the app secret").await
    }

    async fn open_with(&self, bytes: u64, secret: &str) -> Spool {
        Spool::builder(&self.0).max_bytes(bytes).build_with(&secret.into()).await.unwrap()
    }
}

impl Directory {
    pub(super) fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn builder() -> StatsCollectorBuilder {
    StatsCollector::builder().flush_interval(Duration::from_millis(20))
}

fn start(
    builder: StatsCollectorBuilder,
    center: &Arc<FakeCenter>,
    outcome: impl Fn(&Call, usize) -> Outcome + Send + Sync + 'static,
) -> StatsCollector {
    builder.start_with(
        FakeDelivery { center: center.clone(), outcome: Arc::new(outcome), latency: Duration::ZERO },
        Watch::default(),
    )
}

fn adds_up(counts: StatsSnapshot) -> bool {
    let sum = counts.delivered + counts.spooled + counts.dead_lettered + counts.dropped;
    counts.pending == 0 && counts.recorded == sum
}

#[tokio::test]
async fn spooled_records_are_delivered_after_restart() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Unavailable);
    for n in 0..250 {
        stats.record(record(["alice", "bob"][n % 2], n));
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.spooled, counts.dropped), (250, 250, 0), "{counts:?}");
    let tried: HashSet<_> =
        center.calls().into_iter().map(|call| (call.idempotency_key, call.body)).collect();

    let spool = directory.open().await;
    assert_eq!(spool.recovered(), 250);
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    stats.record(record("carol", 250));
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.delivered, counts.spooled), (251, 251, 0), "{counts:?}");
    assert_eq!(center.paths().len(), 251);
    let sent: HashSet<_> = center.calls().into_iter().map(|call| (call.idempotency_key, call.body)).collect();
    assert!(tried.is_subset(&sent), "idempotency keys or content changed");
    assert_eq!(directory.open().await.recovered(), 0);
}

#[tokio::test]
async fn full_spool_drops_oldest_records() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let spool = directory.open_with(20_000, "the app secret").await;
    let stats = start(builder().batch_size(10).spool(spool), &center, |_, _| Outcome::Unavailable);
    for n in 0..1_000 {
        stats.record(record("alice", n));
    }
    let counts = stats.shutdown(LONG).await;
    assert!(adds_up(counts) && counts.recorded == 1_000, "{counts:?}");
    assert!(counts.dropped > 800 && counts.spooled > 30, "{counts:?}");
    let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Accepted);
    let after = stats.shutdown(LONG).await;
    assert_eq!(after.delivered, counts.spooled);
    assert!(center.paths().contains_key("/999"), "the newest record must be kept");
}

/// One flush is larger than the spool: its oldest records stay in memory, and the spool is within its limit.
#[tokio::test]
async fn flush_that_is_larger_than_the_spool_is_stored_in_part() {
    const MAX_BYTES: u64 = 40_000;
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let mut spool = directory.open_with(MAX_BYTES, "the app secret").await;
    let batch = |n: usize, length: usize| Batch {
        idempotency_key: format!("key-{n}"),
        lane: Lane::Verified,
        position: Position::whole(0),
        authorization: HeaderValue::from_static("Bearer alice"),
        user: None,
        body: vec![b' '; length].into(),
        records: 10,
        attempts: 0,
        spooled: false,
    };
    // The last one alone is too large.
    for (lengths, kept) in [(vec![15_000; 5], 2), (vec![10_000; 3], 3), (vec![1_000, 50_000], 0)] {
        let batches: Vec<_> = lengths.iter().enumerate().map(|(n, length)| batch(n, *length)).collect();
        let all = batches.len();
        let Added { evicted, rest } = spool.add(Lane::Verified, batches).await;
        assert_eq!((evicted, rest.len()), (0, all - kept), "{lengths:?}");
        assert!(rest.iter().enumerate().all(|(n, batch)| batch.idempotency_key == format!("key-{n}")));
        let read = spool.read(Lane::Verified, 100).await;
        let keys: Vec<_> = read.batches.iter().map(|batch| batch.idempotency_key.clone()).collect();
        assert_eq!(keys, (all - kept..all).map(|n| format!("key-{n}")).collect::<Vec<_>>(), "{lengths:?}");
        let bytes: usize = read.batches.iter().map(|batch| batch.body.len()).sum();
        assert!(bytes as u64 <= MAX_BYTES, "{bytes}");
        spool.finish(Lane::Verified, vec![], vec![]).await;
    }
    drop(spool);

    // Nothing is lost while the auth center takes it, and the counts add up if it does not: even without any room.
    for (outcome, max_bytes) in [
        (Outcome::Accepted, 0),
        (Outcome::Accepted, MAX_BYTES),
        (Outcome::Unavailable, 0),
        (Outcome::Unavailable, MAX_BYTES),
    ] {
        let spool = directory.open_with(max_bytes, "the app secret").await;
        let stats = start(builder().spool(spool), &center, move |_, _| outcome);
        (0..2_000).for_each(|n| stats.record(record(&format!("user-{}", n % 40), n)));
        let is_accepted = outcome == Outcome::Accepted;
        let patience = if is_accepted { LONG } else { Duration::from_secs(1) };
        let counts = stats.shutdown(patience).await;
        assert!(adds_up(counts) && counts.recorded == 2_000, "{outcome:?} {max_bytes}: {counts:?}");
        assert_eq!(counts.delivered == 2_000, is_accepted, "{outcome:?} {max_bytes}: {counts:?}");
        assert_eq!(counts.spooled > 0, !is_accepted && max_bytes > 0, "{outcome:?} {max_bytes}: {counts:?}");
        assert_eq!(directory.open().await.recovered(), counts.spooled);
    }
}

#[tokio::test]
async fn rejected_batch_is_kept_and_not_retried() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let outcome = |call: &Call, _| {
        if call.authorization.ends_with("bad") { Outcome::Rejected } else { Outcome::Accepted }
    };
    let stats = start(builder().spool(directory.open().await), &center, outcome);
    for n in 0..100 {
        stats.record(record(["good", "bad"][n % 2], n));
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.delivered, counts.dead_lettered, counts.spooled), (50, 50, 0), "{counts:?}");
    let kept = std::fs::read(directory.0.join("refused.queue")).unwrap();
    assert!(kept.len() > 2_000 && !kept.windows(10).any(|part| part == b"Bearer bad"));
    assert_eq!(directory.open().await.recovered(), 0);
}

#[tokio::test]
async fn records_spooled_under_another_secret_are_kept_as_dead_letters() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Unavailable);
    for n in 0..100 {
        stats.record(record(&format!("user-{n}"), n));
    }
    assert_eq!(stats.shutdown(LONG).await.spooled, 100);
    let spool = directory.open_with(500 * 1024 * 1024, "another secret").await;
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    stats.record(record("alice", 100));
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.delivered, counts.dead_lettered), (1, 100), "{counts:?}");
    assert!(std::fs::metadata(directory.0.join("refused.queue")).unwrap().len() > 10_000);
}

#[tokio::test]
async fn damaged_spool_is_repaired_and_counts_add_up() {
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
        let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Unavailable);
        for n in 0..100 {
            stats.record(record(&format!("user-{}", n % 20), n));
        }
        assert_eq!(stats.shutdown(LONG).await.spooled, 100);
        drop(stats);
        let path = directory.0.join("waiting.queue");
        let mut bytes = std::fs::read(&path).unwrap();
        match rng.u8(0..3) {
            // An incomplete write at the end.
            0 => bytes.truncate(rng.usize(..bytes.len())),
            1 => (0..rng.usize(1..50)).for_each(|_| bytes[rng.usize(..20_000)] ^= 1 << rng.u8(0..8)),
            _ => bytes[..rng.usize(1..9_000)].fill(0),
        }
        let spool = directory.open().await;
        std::fs::write(&path, bytes).unwrap();
        drop(spool);
        let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Accepted);
        for n in 100..120 {
            stats.record(record("alice", n));
        }
        let counts = stats.shutdown(LONG).await;
        let paths = center.paths();
        assert!(adds_up(counts), "seed {seed}: {counts:?}");
        assert!((100..120).all(|n| paths.contains_key(&format!("/{n}"))), "seed {seed}: {counts:?}");
    }
}

/// Restarts under random faults: in the end, every record was accepted exactly once by its batch's idempotency key.
#[tokio::test]
async fn restarts_under_random_faults_lose_no_record() {
    for seed in 0..10 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
        let mut offered = 0;
        for _ in 0..rng.usize(2..6) {
            let mut outcomes = fastrand::Rng::with_seed(rng.u64(..));
            let outcomes: Vec<_> = (0..50)
                .map(|_| match outcomes.u8(0..6) {
                    0..3 => Outcome::Accepted,
                    3 => Outcome::ResponseLost,
                    4 => Outcome::Panics,
                    _ => Outcome::Unavailable,
                })
                .collect();
            let spooled = builder().batch_size(rng.usize(1..30)).spool(directory.open().await);
            let stats = start(spooled, &center, move |_, nth| outcomes[nth % outcomes.len()]);
            for _ in 0..rng.usize(0..300) {
                stats.record(record(&format!("user-{}", rng.u8(0..5)), offered));
                offered += 1;
            }
            let counts = stats.shutdown(Duration::from_millis(rng.u64(20..500))).await;
            assert!(adds_up(counts), "seed {seed}: {counts:?}");
            assert_eq!((counts.dropped, counts.dead_lettered), (0, 0), "seed {seed}: {counts:?}");
        }
        let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Accepted);
        let counts = stats.shutdown(LONG).await;
        assert!(adds_up(counts) && counts.spooled == 0, "seed {seed}: {counts:?}");
        let paths = center.paths();
        assert_eq!(paths.len(), offered, "seed {seed}");
        assert!(paths.values().all(|times| *times == 1), "seed {seed}");
        assert_eq!(lock(&center.accepted).values().map(Vec::len).sum::<usize>(), offered, "seed {seed}");
    }
}

/// The center refuses what is too large, and the process ends between the parts of a batch, or is killed. If the center
/// takes more afterwards, no record is lost or accepted twice.
#[tokio::test]
async fn restarts_between_parts_of_a_batch_lose_and_duplicate_no_record() {
    for seed in 0..30 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
        let (mut offered, mut limit) = (0, 0);
        for _ in 0..4 {
            limit += rng.usize(1..10);
            let outcomes: Vec<_> = (0..50)
                .map(|_| match rng.u8(0..4) {
                    0..2 => Outcome::Accepted,
                    2 => Outcome::ResponseLost,
                    _ => Outcome::Unavailable,
                })
                .collect();
            let outcome = move |call: &Call, nth| match call.body.matches("api_path").count() > limit {
                true => Outcome::TooLarge,
                false => outcomes[nth % outcomes.len()],
            };
            let stats = start(builder().batch_size(30).spool(directory.open().await), &center, outcome);
            for _ in 0..rng.usize(0..150) {
                stats.record(record(&format!("user-{}", rng.u8(0..3)), offered));
                offered += 1;
            }
            stats.flush(LONG).await;
            if rng.bool() {
                let counts = stats.shutdown(Duration::from_millis(rng.u64(0..200))).await;
                assert!(adds_up(counts), "seed {seed}: {counts:?}");
                assert_eq!((counts.dropped, counts.dead_lettered), (0, 0), "seed {seed}: {counts:?}");
            } else {
                tokio::time::sleep(Duration::from_millis(rng.u64(0..100))).await;
            }
            drop(stats);
            // The reporter ends when it is dropped by the runtime.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Accepted);
        let counts = stats.shutdown(LONG).await;
        assert!(adds_up(counts) && counts.spooled == 0, "seed {seed}: {counts:?}");
        let paths = center.paths();
        assert_eq!(paths.len(), offered, "seed {seed}");
        assert!(paths.values().all(|times| *times == 1), "seed {seed}: {paths:?}");
    }
}

#[tokio::test]
async fn unverified_records_evict_none_of_users_from_disk() {
    const MAX_BYTES: u64 = 200_000;
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let outcome = |_: &Call, _| Outcome::Unavailable;
    let stats =
        start(builder().spool(directory.open_with(MAX_BYTES, "the app secret").await), &center, outcome);
    for n in 0..500 {
        stats.record(record(["alice", "bob"][n % 2], n));
    }
    assert_eq!(stats.flush(LONG).await.spooled, 500);
    for n in 0..1_000 {
        record_unverified(&stats, record(&format!("guess-{n}"), n + 500));
        if n % 100 == 99 {
            stats.flush(LONG).await;
        }
    }
    let counts = stats.shutdown(LONG).await;
    assert!(adds_up(counts) && counts.dropped > 500 && counts.spooled > 520, "{counts:?}");

    // They are kept, if there is room, but not for inspection: anybody could replace what is there.
    let outcome = |call: &Call, _| match call.authorization.contains("guess-") {
        true => Outcome::Rejected,
        false => Outcome::Accepted,
    };
    let spool = directory.open_with(MAX_BYTES, "the app secret").await;
    let refused = std::fs::metadata(directory.0.join("refused.queue")).unwrap().len();
    let stats = start(builder().spool(spool), &center, outcome);
    let after = stats.shutdown(LONG).await;
    assert_eq!((after.delivered, after.dead_lettered), (500, counts.spooled - 500), "{after:?}");
    assert_eq!(std::fs::metadata(directory.0.join("refused.queue")).unwrap().len(), refused);
}
