//! On a real disk, and in real time: the files have a thread of their own.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::stats::tests::center::{Call, Center, Fate, Way, lock, record};
use crate::stats::{StatsBuilder, StatsCollector, StatsSnapshot};
use std::sync::Arc;

const SOON: Duration = Duration::from_secs(20);

/// Removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("aigc-auth-spool-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self) -> Spool {
        self.open_with(500 * 1024 * 1024, "the app secret")
    }

    fn open_with(&self, bytes: u64, secret: &str) -> Spool {
        // The thread of an earlier spool lets go of the lock a moment after its handle is dropped.
        for _ in 0..1_000 {
            match Spool::builder(&self.0).max_bytes(bytes).open_with(&secret.into()) {
                Ok(spool) => return spool,
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        panic!("{} stays locked", self.0.display())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn builder() -> StatsBuilder {
    StatsCollector::builder().flush_every(Duration::from_millis(20))
}

fn start(
    builder: StatsBuilder,
    center: &Arc<Center>,
    fate: impl Fn(&Call, usize) -> Fate + Send + Sync + 'static,
) -> StatsCollector {
    builder.start_with(Way { center: center.clone(), fate: Arc::new(fate), takes: Duration::ZERO })
}

fn adds_up(counts: StatsSnapshot) -> bool {
    let sum = counts.delivered + counts.spooled + counts.dead_lettered + counts.dropped;
    counts.pending == 0 && counts.recorded == sum
}

#[tokio::test]
async fn what_an_outage_leaves_is_delivered_after_the_next_start() {
    let (directory, center) = (Directory::new(), Arc::<Center>::default());
    let stats = start(builder().spool(directory.open()), &center, |_, _| Fate::Failing);
    for n in 0..250 {
        stats.record(record(["alice", "bob"][n % 2], n));
    }
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.recorded, counts.spooled, counts.dropped), (250, 250, 0), "{counts:?}");
    let tried: HashSet<_> = center.calls().into_iter().map(|call| (call.key, call.body)).collect();

    let spool = directory.open();
    assert_eq!(spool.recovered(), 250);
    let stats = start(builder().spool(spool), &center, |_, _| Fate::Accepted);
    stats.record(record("carol", 250));
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.recorded, counts.delivered, counts.spooled), (251, 251, 0), "{counts:?}");
    assert_eq!(center.paths().len(), 251);
    let sent: HashSet<_> = center.calls().into_iter().map(|call| (call.key, call.body)).collect();
    assert!(tried.is_subset(&sent), "batches keep their keys and their content");
    assert_eq!(directory.open().recovered(), 0);
}

#[tokio::test]
async fn a_directory_has_one_process_at_a_time() {
    let directory = Directory::new();
    let spool = directory.open();
    let error = Spool::builder(&directory.0).open_with(&"the app secret".into()).unwrap_err();
    assert!(error.to_string().contains(&directory.0.display().to_string()), "{error}");
    assert!(format!("{error:?}").contains("another process uses it"), "{error:?}");
    drop(spool);
    directory.open();
    // A file is no directory.
    let file = directory.0.join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(Spool::builder(&file).open_with(&"the app secret".into()).is_err());
}

#[tokio::test]
async fn on_a_full_disk_the_oldest_go_and_are_counted() {
    let (directory, center) = (Directory::new(), Arc::<Center>::default());
    let spool = directory.open_with(20_000, "the app secret");
    let stats = start(builder().batch(10).spool(spool), &center, |_, _| Fate::Failing);
    for n in 0..1_000 {
        stats.record(record("alice", n));
    }
    let counts = stats.shutdown(SOON).await;
    assert!(adds_up(counts) && counts.recorded == 1_000, "{counts:?}");
    assert!(counts.dropped > 800 && counts.spooled > 30, "{counts:?}");
    let stats = start(builder().spool(directory.open()), &center, |_, _| Fate::Accepted);
    let after = stats.shutdown(SOON).await;
    assert_eq!(after.delivered, counts.spooled);
    assert!(center.paths().contains_key("/999"), "the youngest are kept");
}

#[tokio::test]
async fn what_was_refused_is_kept_but_not_sent_again() {
    let (directory, center) = (Directory::new(), Arc::<Center>::default());
    let fate =
        |call: &Call, _| if call.authorization.ends_with("bad") { Fate::Refused } else { Fate::Accepted };
    let stats = start(builder().spool(directory.open()), &center, fate);
    for n in 0..100 {
        stats.record(record(["good", "bad"][n % 2], n));
    }
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.delivered, counts.dead_lettered, counts.spooled), (50, 50, 0), "{counts:?}");
    let kept = std::fs::read(directory.0.join("refused.queue")).unwrap();
    assert!(kept.len() > 2_000 && !kept.windows(10).any(|part| part == b"Bearer bad"));
    assert_eq!(directory.open().recovered(), 0);
}

#[tokio::test]
async fn under_another_secret_nothing_can_be_read_and_nothing_is_thrown_away() {
    let (directory, center) = (Directory::new(), Arc::<Center>::default());
    let stats = start(builder().spool(directory.open()), &center, |_, _| Fate::Failing);
    for n in 0..100 {
        stats.record(record(&format!("user-{n}"), n));
    }
    assert_eq!(stats.shutdown(SOON).await.spooled, 100);
    let spool = directory.open_with(500 * 1024 * 1024, "another secret");
    let stats = start(builder().spool(spool), &center, |_, _| Fate::Accepted);
    stats.record(record("alice", 100));
    let counts = stats.shutdown(SOON).await;
    assert_eq!((counts.delivered, counts.dead_lettered), (1, 100), "{counts:?}");
    assert!(std::fs::metadata(directory.0.join("refused.queue")).unwrap().len() > 10_000);
}

#[tokio::test]
async fn damage_is_noticed_and_does_not_stop_the_service() {
    for seed in 0..40 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (directory, center) = (Directory::new(), Arc::<Center>::default());
        let stats = start(builder().spool(directory.open()), &center, |_, _| Fate::Failing);
        for n in 0..100 {
            stats.record(record(&format!("user-{}", n % 20), n));
        }
        assert_eq!(stats.shutdown(SOON).await.spooled, 100);
        drop(stats);
        let path = directory.0.join("waiting.queue");
        let mut bytes = std::fs::read(&path).unwrap();
        match dice.u8(0..3) {
            // A torn tail.
            0 => bytes.truncate(dice.usize(..bytes.len())),
            1 => (0..dice.usize(1..50)).for_each(|_| bytes[dice.usize(..20_000)] ^= 1 << dice.u8(0..8)),
            _ => bytes[..dice.usize(1..9_000)].fill(0),
        }
        let spool = directory.open();
        std::fs::write(&path, bytes).unwrap();
        drop(spool);
        let stats = start(builder().spool(directory.open()), &center, |_, _| Fate::Accepted);
        for n in 100..120 {
            stats.record(record("alice", n));
        }
        let counts = stats.shutdown(SOON).await;
        let paths = center.paths();
        assert!(adds_up(counts), "seed {seed}: {counts:?}");
        assert!((100..120).all(|n| paths.contains_key(&format!("/{n}"))), "seed {seed}: {counts:?}");
    }
}

/// Starts and stops under all kinds of faults: at last every record is there, and once by its batch's key.
#[tokio::test]
async fn nothing_is_lost_over_many_starts() {
    for seed in 0..10 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (directory, center) = (Directory::new(), Arc::<Center>::default());
        let mut offered = 0;
        for _ in 0..dice.usize(2..6) {
            let mut fates = fastrand::Rng::with_seed(dice.u64(..));
            let fates: Vec<_> = (0..50)
                .map(|_| match fates.u8(0..6) {
                    0..3 => Fate::Accepted,
                    3 => Fate::AnswerLost,
                    4 => Fate::Panics,
                    _ => Fate::Failing,
                })
                .collect();
            let spooled = builder().batch(dice.usize(1..30)).spool(directory.open());
            let stats = start(spooled, &center, move |_, nth| fates[nth % fates.len()]);
            for _ in 0..dice.usize(0..300) {
                stats.record(record(&format!("user-{}", dice.u8(0..5)), offered));
                offered += 1;
            }
            let counts = stats.shutdown(Duration::from_millis(dice.u64(20..500))).await;
            assert!(adds_up(counts), "seed {seed}: {counts:?}");
            assert_eq!((counts.dropped, counts.dead_lettered), (0, 0), "seed {seed}: {counts:?}");
        }
        let stats = start(builder().spool(directory.open()), &center, |_, _| Fate::Accepted);
        let counts = stats.shutdown(SOON).await;
        assert!(adds_up(counts) && counts.spooled == 0, "seed {seed}: {counts:?}");
        let paths = center.paths();
        assert_eq!(paths.len(), offered, "seed {seed}");
        assert!(paths.values().all(|times| *times == 1), "seed {seed}");
        assert_eq!(lock(&center.accepted).values().map(Vec::len).sum::<usize>(), offered, "seed {seed}");
    }
}
