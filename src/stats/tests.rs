//! The collector before an auth center of its own making, under a clock that tokio holds.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::batch::{Batch, Groups};
use super::collector::{self, StatsCollector};
use super::reporter::Settings;
use super::store::{Store, Window};
use crate::credential::Credential;
use crate::record::{ApiRecord, Record, Served};

pub(super) mod center;

use center::{Call, Center, Fate, Way, record, start};

const ENOUGH: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn one_call_per_credential_and_batch() {
    let (stats, center) = start(StatsCollector::builder().batch(100), |_, _| Fate::Accepted);
    for n in 0..250 {
        stats.record(record("alice", n));
    }
    stats.record(record("bob", 250));
    let counts = stats.shutdown(ENOUGH).await;
    assert_eq!((counts.recorded, counts.delivered, counts.pending), (251, 251, 0));
    let mut sizes: Vec<_> = center
        .calls()
        .iter()
        .map(|call| (call.authorization.clone(), call.body.matches("api_path").count()))
        .collect();
    sizes.sort();
    let expected = [("Bearer alice", 50), ("Bearer alice", 100), ("Bearer alice", 100), ("Bearer bob", 1)];
    assert_eq!(sizes, expected.map(|(authorization, size)| (authorization.to_owned(), size)));
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_goes_at_once_and_a_lone_record_after_five_seconds() {
    let (stats, center) = start(StatsCollector::builder().batch(100), |_, _| Fate::Accepted);
    let started = Instant::now();
    sleep(Duration::from_secs(1)).await;
    for n in 0..100 {
        stats.record(record("alice", n));
    }
    sleep(Duration::from_millis(500)).await;
    assert_eq!(center.calls().len(), 1);
    stats.record(record("alice", 100));
    sleep(Duration::from_secs(10)).await;
    let calls = center.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[1].at - started).as_secs(), 5);
}

/// Records that come while others are written out are not forgotten until the next flush.
#[tokio::test(start_paused = true)]
async fn no_call_of_the_queue_is_lost() {
    for seed in 0..200 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (stats, _) = start(StatsCollector::builder().batch(100), |_, _| Fate::Accepted);
        // Past the first flush, which is at once.
        sleep(Duration::from_millis(10)).await;
        let mut recorded = 0;
        for _ in 0..dice.usize(1..6) {
            for _ in 0..dice.usize(50..400) {
                stats.record(record("alice", recorded));
                recorded += 1;
            }
            for _ in 0..dice.usize(0..5) {
                tokio::task::yield_now().await;
            }
            if dice.bool() {
                // Until nothing is under way.
                sleep(Duration::from_millis(300)).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
        // Less than a batch may wait in the queue, and as many with the reporter.
        let delivered = stats.snapshot().delivered;
        assert!(delivered + 200 > recorded as u64, "seed {seed}: {delivered} of {recorded}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_and_records_of_nobody_are_not_sent() {
    let (stats, center) = start(StatsCollector::builder(), |_, _| Fate::Accepted);
    for status in [300, 302, 304, 399] {
        stats.record(record("alice", 0).status(status));
    }
    stats.record(ApiRecord::new("GET", "/nobody"));
    let counts = stats.shutdown(ENOUGH).await;
    assert_eq!((counts.recorded, center.calls().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_503_loses_nothing_and_doubles_nothing() {
    let opens = Instant::now() + Duration::from_secs(60);
    let fate = move |call: &Call, _| if call.at < opens { Fate::Failing } else { Fate::Accepted };
    let (stats, center) = start(StatsCollector::builder(), fate);
    for n in 0..10_000 {
        stats.record(record(["alice", "bob", "carol"][n % 3], n));
        if n % 100 == 0 {
            sleep(Duration::from_millis(600)).await;
        }
    }
    sleep(Duration::from_secs(60)).await;
    let counts = stats.snapshot();
    assert_eq!((counts.recorded, counts.delivered, counts.dropped), (10_000, 10_000, 0));
    let paths = center.paths();
    assert!(paths.len() == 10_000 && paths.values().all(|times| *times == 1));
    let failed = center.calls().iter().filter(|call| call.at < opens).count();
    assert!(failed < 20, "{failed} calls were made in vain: one at a time, with pauses that grow");
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_is_asked_for_is_kept() {
    let fate = |_: &Call, nth| if nth == 0 { Fate::Wait(40) } else { Fate::Accepted };
    let (stats, center) = start(StatsCollector::builder(), fate);
    stats.record(record("alice", 0));
    stats.flush(ENOUGH).await;
    let calls = center.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[1].at - calls[0].at).as_secs(), 40);
    assert_eq!((&calls[0].key, &calls[0].body), (&calls[1].key, &calls[1].body));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_go_first_but_one_that_always_fails_blocks_nobody() {
    let fate =
        |call: &Call, _| if call.authorization.ends_with("-0") { Fate::Failing } else { Fate::Accepted };
    let (stats, center) = start(StatsCollector::builder().max_in_flight(1), fate);
    for n in 0..50 {
        stats.record(record(&format!("user-{n}"), n));
        stats.flush(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(600)).await;
    let counts = stats.snapshot();
    assert_eq!((counts.delivered, counts.pending), (49, 1), "{counts:?}");
    let accepted: Vec<_> = center
        .calls()
        .iter()
        .filter(|call| !call.authorization.ends_with("-0"))
        .map(|call| call.authorization.clone())
        .collect();
    let expected: Vec<_> = (1..50).map(|n| format!("Bearer user-{n}")).collect();
    assert_eq!(accepted, expected, "in order of age");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_counted_and_the_rest_goes_on() {
    let fate =
        |call: &Call, _| if call.authorization.ends_with("bad") { Fate::Refused } else { Fate::Accepted };
    let (stats, center) = start(StatsCollector::builder(), fate);
    for n in 0..30 {
        stats.record(record(["good", "bad", "other"][n % 3], n));
    }
    let counts = stats.shutdown(ENOUGH).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dead_lettered), (30, 20, 10));
    assert_eq!(center.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_queue_holds_drops_the_newest() {
    let (stats, _) = start(StatsCollector::builder().queue(1_000), |_, _| Fate::Failing);
    // Without a pause, so that the reporter gets no turn.
    for n in 0..1_500 {
        stats.record(record("alice", n));
    }
    let counts = stats.snapshot();
    assert_eq!((counts.recorded, counts.dropped, counts.pending), (1_500, 500, 1_000));
    // In a long outage as many again wait to be sent, and no more.
    for n in 1_500..10_000 {
        stats.record(record("alice", n));
        sleep(Duration::from_millis(10)).await;
    }
    let counts = stats.snapshot();
    assert!(counts.pending <= 2_100, "{counts:?}");
}

/// A record of somebody whose credential nobody has accepted.
struct Stranger(ApiRecord);

impl Served for Stranger {
    fn credential(&self) -> Option<&Credential> {
        Served::credential(&self.0)
    }

    fn is_verified(&self) -> bool {
        false
    }

    fn status(&self) -> u16 {
        401
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        self.0
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_push_nobody_out() {
    let (stats, center) = start(StatsCollector::builder().queue(1_000), |_, _| Fate::Accepted);
    for n in 0..5_000 {
        Record::record(&stats, Box::new(Stranger(record(&format!("guess-{n}"), n))));
    }
    for n in 0..800 {
        stats.record(record("alice", n));
    }
    let counts = stats.shutdown(ENOUGH).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dropped), (5_800, 900, 4_900));
    let of_alice = center.calls().iter().filter(|call| call.authorization == "Bearer alice").count();
    assert_eq!(of_alice, 8);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_keeps_its_deadline_and_says_what_is_lost() {
    for (fate, delivered) in [(Fate::Accepted, 100), (Fate::Failing, 0), (Fate::Silent, 0), (Fate::Panics, 0)]
    {
        let (stats, _) = start(StatsCollector::builder(), move |_, _| fate);
        for n in 0..100 {
            stats.record(record("alice", n));
        }
        let started = Instant::now();
        let counts = stats.shutdown(Duration::from_secs(3)).await;
        assert!(started.elapsed() <= Duration::from_secs(3), "{fate:?}");
        assert_eq!((counts.delivered, counts.dropped), (delivered, 100 - delivered), "{fate:?}");
        assert_eq!((counts.recorded, counts.pending), (100, 0), "{fate:?}");
        stats.record(record("alice", 100));
        assert_eq!(stats.shutdown(ENOUGH).await.dropped, 101 - delivered, "too late: {fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_what_was_recorded_before_it() {
    let fate = |_: &Call, nth| if nth < 3 { Fate::Failing } else { Fate::Accepted };
    let (stats, _) = start(StatsCollector::builder(), fate);
    for n in 0..250 {
        stats.record(record("alice", n));
    }
    assert_eq!(stats.flush(ENOUGH).await.delivered, 250);
    let (stats, _) = start(StatsCollector::builder(), |_, _| Fate::Silent);
    stats.record(record("alice", 0));
    let started = Instant::now();
    assert_eq!(stats.flush(Duration::from_secs(1)).await.pending, 1);
    assert_eq!(started.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_beyond_all_time_is_none() {
    let builder = StatsCollector::builder().flush_every(Duration::MAX);
    let (stats, _) = start(builder, |_, nth| if nth < 3 { Fate::Failing } else { Fate::Accepted });
    stats.record(record("alice", 0));
    assert_eq!(stats.flush(Duration::MAX).await.delivered, 1);
    stats.record(record("alice", 1));
    assert_eq!(stats.shutdown(Duration::MAX).await.delivered, 2);
}

/// What is left over when there was no room is not left to the next flush.
#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_the_next_flush() {
    for recorded in [1_030, 1_999, 2_000] {
        // As many as can wait are out of the queue before it is shut down, and nothing has been sent yet.
        let (stats, _) = start(StatsCollector::builder().queue(1_000), |_, _| Fate::Accepted);
        for n in 0..recorded {
            stats.record(record(&format!("user-{}", n % 300), n));
            if n % 500 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let counts = stats.shutdown(Duration::from_secs(4)).await;
        assert_eq!(counts.delivered + counts.dropped, recorded as u64);
        let overflow = stats.snapshot().dropped;
        assert!(overflow <= 1_000 && counts.delivered >= 1_000, "{recorded}: {counts:?}");
        assert!(recorded != 1_030 || counts.dropped == 0, "{counts:?}");
    }
}

/// A record whose writing out panics.
struct Broken(Credential);

impl Served for Broken {
    fn credential(&self) -> Option<&Credential> {
        Some(&self.0)
    }

    fn status(&self) -> u16 {
        200
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        panic!("in somebody's record")
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_panics_is_lost_alone() {
    let (stats, center) = start(StatsCollector::builder(), |_, _| Fate::Accepted);
    for n in 0..10 {
        stats.record(record("alice", n));
        Record::record(&stats, Box::new(Broken(Credential::new("alice").unwrap())));
    }
    let counts = stats.shutdown(ENOUGH).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dead_lettered), (20, 10, 10), "{counts:?}");
    assert_eq!(center.paths().len(), 10);
}

/// A store of batches that have waited for so many seconds.
struct Aged {
    batches: Vec<Batch>,
    age: u64,
}

impl Store for Aged {
    async fn add(&mut self, batches: Vec<Batch>) -> Result<u64, Vec<Batch>> {
        Err(batches)
    }

    async fn read(&mut self, batches: usize) -> Window {
        let batches = self.batches.split_off(self.batches.len().saturating_sub(batches));
        Window { batches, age: self.age, ..Window::default() }
    }

    async fn finish(&mut self, _: Vec<Batch>, _: Vec<Batch>) -> u64 {
        0
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_waited_long_on_disk_is_sent_at_a_hundred_batches_a_second() {
    for (age, seconds) in [(10, 0), (3_600, 3)] {
        let batches = (0..320)
            .map(|n| {
                let mut groups = Groups::new(1);
                let batch = groups.add(&record("alice", n)).unwrap().unwrap();
                Batch { spooled: true, ..batch }
            })
            .collect();
        let center = Arc::<Center>::default();
        let way =
            Way { center: center.clone(), fate: Arc::new(|_, _| Fate::Accepted), takes: Duration::ZERO };
        let settings =
            Settings { queue: 100, batch: 10, flush_every: Duration::from_secs(5), max_in_flight: 4 };
        let started = Instant::now();
        let stats = collector::start(settings, way, Aged { batches, age }, 320);
        let counts = stats.shutdown(ENOUGH).await;
        assert_eq!((counts.recorded, counts.delivered, counts.spooled), (320, 320, 0), "{counts:?}");
        assert_eq!(started.elapsed().as_secs(), seconds, "{age} s old");
    }
}

/// Whatever happens on the way, each record ends in exactly one of the counts, and what counts as delivered has
/// arrived once.
#[tokio::test(start_paused = true)]
async fn the_counts_add_up_under_random_faults() {
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(60, |_| 5_000);
    for seed in 0..rounds {
        let mut dice = fastrand::Rng::with_seed(seed);
        let fates: Vec<_> = (0..dice.usize(1..40))
            .map(|_| match dice.u8(0..10) {
                0..4 => Fate::Accepted,
                4 => Fate::AnswerLost,
                5..7 => Fate::Failing,
                7 => Fate::Wait(dice.u64(1..20)),
                8 => Fate::Refused,
                _ if dice.bool() => Fate::Silent,
                _ => Fate::Panics,
            })
            .collect();
        let builder = StatsCollector::builder()
            .queue(dice.usize(1..500))
            .batch(dice.usize(1..50))
            .max_in_flight(dice.usize(1..6));
        let (stats, center) = start(builder, move |_, nth| fates[nth % fates.len()]);
        let offered = dice.usize(0..2_000);
        for n in 0..offered {
            stats.record(record(&format!("user-{}", dice.u8(0..5)), n));
            match dice.u8(0..100) {
                0 => sleep(Duration::from_millis(dice.u64(0..3_000))).await,
                1 => drop(stats.flush(Duration::from_millis(dice.u64(0..100))).await),
                _ => {}
            }
        }
        let counts = stats.shutdown(Duration::from_millis(dice.u64(0..30_000))).await;
        let sum = counts.delivered + counts.spooled + counts.dead_lettered + counts.dropped;
        assert_eq!(
            (counts.recorded, sum, counts.pending),
            (offered as u64, offered as u64, 0),
            "seed {seed}"
        );
        let paths = center.paths();
        assert!(paths.values().all(|times| *times == 1), "seed {seed}");
        // What is counted as lost may have arrived where the answer did not.
        assert!(paths.len() as u64 >= counts.delivered, "seed {seed}: {} {counts:?}", paths.len());
    }
}
