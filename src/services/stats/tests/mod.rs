//! The collector against a fake auth center, with tokio's clock paused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::batch::Batch;
use super::batcher::{Batcher, Detail};
use super::collector::StatsCollector;
use super::lane::Lane;
use super::reporter::Settings;
use super::store::{Added, Finished, Refused, Store, Window};
use crate::ports::observer::{Event, Observer, Usage, UsageOutcome, Watch};
use crate::ports::usage::{ApiRecord, Record, Served};
use crate::types::credential::Credential;

pub(super) mod fake_center;
#[cfg(shuttle)]
mod interleavings;
pub(super) mod lanes;
mod large;
mod together;

use fake_center::{Call, FakeCenter, FakeDelivery, Outcome, record, start};

const LONG: Duration = Duration::from_secs(600);

#[tokio::test(start_paused = true)]
async fn each_batch_of_a_credential_is_one_call() {
    let (stats, center) = start(StatsCollector::builder().batch_size(100), |_, _| Outcome::Accepted);
    for n in 0..250 {
        stats.record(record("alice", n));
    }
    stats.record(record("bob", 250));
    let counts = stats.shutdown(LONG).await;
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
async fn full_batch_is_sent_immediately_and_incomplete_batch_after_flush_interval() {
    let (stats, center) = start(StatsCollector::builder().batch_size(100), |_, _| Outcome::Accepted);
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

/// Records that are queued while others are encoded do not wait for the next flush.
#[tokio::test(start_paused = true)]
async fn queue_wakes_are_not_lost() {
    for seed in 0..200 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (stats, _) = start(StatsCollector::builder().batch_size(100), |_, _| Outcome::Accepted);
        // The first flush is immediate.
        sleep(Duration::from_millis(10)).await;
        let mut recorded = 0;
        for _ in 0..rng.usize(1..6) {
            for _ in 0..rng.usize(50..400) {
                stats.record(record("alice", recorded));
                recorded += 1;
            }
            for _ in 0..rng.usize(0..5) {
                tokio::task::yield_now().await;
            }
            if rng.bool() {
                // Until nothing is in flight.
                sleep(Duration::from_millis(300)).await;
            }
        }
        sleep(Duration::from_secs(1)).await;
        // An incomplete batch may wait in the queue, and another in the batcher.
        let delivered = stats.snapshot().delivered;
        assert!(delivered + 200 > recorded as u64, "seed {seed}: {delivered} of {recorded}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_and_records_without_credential_are_not_sent() {
    let (stats, center) = start(StatsCollector::builder(), |_, _| Outcome::Accepted);
    for status in [300, 302, 304, 399] {
        stats.record(record("alice", 0).status(status));
    }
    stats.record(ApiRecord::new("GET", "/anonymous"));
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, center.calls().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn outage_of_a_minute_loses_and_duplicates_no_record() {
    let opens = Instant::now() + Duration::from_secs(60);
    let outcome =
        move |call: &Call, _| if call.at < opens { Outcome::Unavailable } else { Outcome::Accepted };
    let (stats, center) = start(StatsCollector::builder(), outcome);
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
    assert!(failed < 20, "{failed} calls failed: retries must be one at a time with backoff");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected() {
    let outcome = |_: &Call, nth| if nth == 0 { Outcome::RetryAfter(40) } else { Outcome::Accepted };
    let (stats, center) = start(StatsCollector::builder(), outcome);
    stats.record(record("alice", 0));
    stats.flush(LONG).await;
    let calls = center.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[1].at - calls[0].at).as_secs(), 40);
    assert_eq!((&calls[0].idempotency_key, &calls[0].body), (&calls[1].idempotency_key, &calls[1].body));
}

#[tokio::test(start_paused = true)]
async fn oldest_batch_is_sent_first_and_failing_batch_does_not_block_others() {
    let outcome = |call: &Call, _| {
        if call.authorization.ends_with("-0") { Outcome::Unavailable } else { Outcome::Accepted }
    };
    let (stats, center) = start(StatsCollector::builder().max_in_flight(1), outcome);
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
async fn permanently_rejected_batch_is_dead_lettered_and_others_are_delivered() {
    let outcome = |call: &Call, _| {
        if call.authorization.ends_with("bad") { Outcome::Rejected } else { Outcome::Accepted }
    };
    let (stats, center) = start(StatsCollector::builder(), outcome);
    for n in 0..30 {
        stats.record(record(["good", "bad", "other"][n % 3], n));
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dead_lettered), (30, 20, 10));
    assert_eq!(center.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn full_queue_drops_newest_records() {
    let (stats, _) = start(StatsCollector::builder().queue_capacity(1_000), |_, _| Outcome::Unavailable);
    // Without an await, so that the reporter does not run.
    for n in 0..1_500 {
        stats.record(record("alice", n));
    }
    let counts = stats.snapshot();
    assert_eq!((counts.recorded, counts.dropped, counts.pending), (1_500, 500, 1_000));
    // In a long outage the reporter holds as many again, but no more.
    for n in 1_500..10_000 {
        stats.record(record("alice", n));
        sleep(Duration::from_millis(10)).await;
    }
    let counts = stats.snapshot();
    assert!(counts.pending <= 2_100, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_respects_timeout_and_counts_dropped_records() {
    for (outcome, delivered) in
        [(Outcome::Accepted, 100), (Outcome::Unavailable, 0), (Outcome::TimesOut, 0), (Outcome::Panics, 0)]
    {
        let (stats, _) = start(StatsCollector::builder(), move |_, _| outcome);
        for n in 0..100 {
            stats.record(record("alice", n));
        }
        let started = Instant::now();
        let counts = stats.shutdown(Duration::from_secs(3)).await;
        assert!(started.elapsed() <= Duration::from_secs(3), "{outcome:?}");
        assert_eq!((counts.delivered, counts.dropped), (delivered, 100 - delivered), "{outcome:?}");
        assert_eq!((counts.recorded, counts.pending), (100, 0), "{outcome:?}");
        stats.record(record("alice", 100));
        assert_eq!(stats.shutdown(LONG).await.dropped, 101 - delivered, "after the shutdown: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_earlier_records_or_its_timeout() {
    let outcome = |_: &Call, nth| if nth < 3 { Outcome::Unavailable } else { Outcome::Accepted };
    let (stats, _) = start(StatsCollector::builder(), outcome);
    for n in 0..250 {
        stats.record(record("alice", n));
    }
    assert_eq!(stats.flush(LONG).await.delivered, 250);
    let (stats, _) = start(StatsCollector::builder(), |_, _| Outcome::TimesOut);
    stats.record(record("alice", 0));
    let started = Instant::now();
    assert_eq!(stats.flush(Duration::from_secs(1)).await.pending, 1);
    assert_eq!(started.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn timeout_beyond_instant_range_is_unlimited() {
    let builder = StatsCollector::builder().flush_interval(Duration::MAX);
    let (stats, _) = start(builder, |_, nth| if nth < 3 { Outcome::Unavailable } else { Outcome::Accepted });
    stats.record(record("alice", 0));
    assert_eq!(stats.flush(Duration::MAX).await.delivered, 1);
    stats.record(record("alice", 1));
    assert_eq!(stats.shutdown(Duration::MAX).await.delivered, 2);
}

/// Records for which there was no room at first are flushed as soon as there is.
#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_flush_interval() {
    for recorded in [1_030, 1_999, 2_000] {
        // Before the shutdown, the reporter has taken as many records as it can hold, and has sent none.
        let (stats, _) = start(StatsCollector::builder().queue_capacity(1_000), |_, _| Outcome::Accepted);
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

/// A record that panics when it is encoded.
struct Panicking(Credential);

impl Served for Panicking {
    fn credential(&self) -> Option<&Credential> {
        Some(&self.0)
    }

    fn status(&self) -> u16 {
        200
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        panic!("record panics")
    }
}

#[tokio::test(start_paused = true)]
async fn panicking_record_is_dead_lettered_alone() {
    let (stats, center) = start(StatsCollector::builder(), |_, _| Outcome::Accepted);
    for n in 0..10 {
        stats.record(record("alice", n));
        Record::record(&stats, Box::new(Panicking(Credential::new("alice").unwrap())));
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dead_lettered), (20, 10, 10), "{counts:?}");
    assert_eq!(center.paths().len(), 10);
}

/// A store of batches of this age, in seconds.
struct AgedStore {
    batches: Vec<Batch>,
    age: u64,
}

impl Store for AgedStore {
    const BATCHES_AT_A_TIME: usize = 1;

    async fn add(&mut self, _: Lane, rest: Vec<Batch>) -> Added {
        Added { evicted: 0, rest }
    }

    async fn read(&mut self, lane: Lane, limit: usize) -> Window {
        if lane == Lane::Unverified {
            return Window::default();
        }
        let batches = self.batches.split_off(self.batches.len().saturating_sub(limit));
        Window { batches, age: self.age, ..Window::default() }
    }

    async fn finish(&mut self, _: Lane, _: Vec<Refused>, _: Vec<Batch>) -> Finished {
        Finished::default()
    }

    async fn release(&mut self, _: Lane, _: Vec<Refused>, _: Vec<Batch>) -> Finished {
        Finished::default()
    }

    async fn keep(&mut self, _: Refused) -> u64 {
        0
    }

    async fn returned(&self) -> u64 {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn old_stored_batches_are_sent_at_limited_rate() {
    for (age, seconds) in [(10, 0), (3_600, 3)] {
        let batches = (0..320)
            .map(|n| {
                let mut batcher = Batcher::new(1);
                let batch = batcher.push(Lane::Verified, &record("alice", n), Detail::Full).unwrap().unwrap();
                Batch { spooled: true, ..batch }
            })
            .collect();
        let center = Arc::<FakeCenter>::default();
        let deliver = FakeDelivery {
            center: center.clone(),
            outcome: Arc::new(|_, _| Outcome::Accepted),
            latency: Duration::ZERO,
        };
        let settings = Settings {
            queue_capacity: 100,
            max_bytes: 1 << 20,
            batch_size: 10,
            flush_interval: Duration::from_secs(5),
            max_in_flight: 4,
        };
        let started = Instant::now();
        let stats =
            StatsCollector::spawn(settings, deliver, AgedStore { batches, age }, 320, Watch::default());
        let counts = stats.shutdown(LONG).await;
        assert_eq!((counts.recorded, counts.delivered, counts.spooled), (320, 320, 0), "{counts:?}");
        assert_eq!(started.elapsed().as_secs(), seconds, "{age} s old");
    }
}

/// Adds up what an observer is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Usage>>>);

impl Observer for Told {
    fn observe(&self, event: &Event) {
        if let Event::Usage(usage) = event {
            self.0.lock().unwrap().push(*usage);
        }
    }
}

impl Told {
    fn of(&self, outcome: UsageOutcome) -> u64 {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter(|usage| usage.outcome == outcome)
            .map(|usage| usage.records)
            .sum()
    }
}

/// Under any faults, each record ends in exactly one of the counts, which are those that an observer is told, and a delivered
/// record has arrived once.
#[tokio::test(start_paused = true)]
async fn counts_add_up_under_random_faults() {
    let rounds = std::env::var("AIGC_AUTH_LONG").map_or(60, |_| 5_000);
    let given = test_support::seed::given();
    for seed in given.map_or(0..rounds, |seed| seed..seed + 1) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let outcomes: Vec<_> = (0..rng.usize(1..40))
            .map(|_| match rng.u8(0..10) {
                0..4 => Outcome::Accepted,
                4 => Outcome::ResponseLost,
                5..7 => Outcome::Unavailable,
                7 => Outcome::RetryAfter(rng.u64(1..20)),
                8 => Outcome::Rejected,
                _ if rng.bool() => Outcome::TimesOut,
                _ => Outcome::Panics,
            })
            .collect();
        let builder = StatsCollector::builder()
            .queue_capacity(rng.usize(1..500))
            .batch_size(rng.usize(1..50))
            .max_in_flight(rng.usize(1..6));
        let (center, told) = (Arc::<FakeCenter>::default(), Told::default());
        let deliver = FakeDelivery {
            center: center.clone(),
            outcome: Arc::new(move |_, nth| outcomes[nth % outcomes.len()]),
            latency: Duration::from_millis(20),
        };
        let stats = builder.start_with(deliver, Watch::by(told.clone()));
        let offered = rng.usize(0..2_000);
        for n in 0..offered {
            stats.record(record(&format!("user-{}", rng.u8(0..5)), n));
            match rng.u8(0..100) {
                0 => sleep(Duration::from_millis(rng.u64(0..3_000))).await,
                1 => drop(stats.flush(Duration::from_millis(rng.u64(0..100))).await),
                _ => {}
            }
        }
        let counts = stats.shutdown(Duration::from_millis(rng.u64(0..30_000))).await;
        let sum = counts.delivered + counts.spooled + counts.dead_lettered + counts.dropped;
        assert_eq!(
            (counts.recorded, sum, counts.pending),
            (offered as u64, offered as u64, 0),
            "seed {seed}"
        );
        let [delivered, rejected, dropped] =
            [UsageOutcome::Delivered, UsageOutcome::Rejected, UsageOutcome::Dropped].map(|of| told.of(of));
        assert_eq!(
            (delivered, rejected, dropped),
            (counts.delivered, counts.dead_lettered, counts.dropped),
            "seed {seed}: as told"
        );
        // Those that found the queue full are told of as dropped alone.
        let recorded = told.of(UsageOutcome::Recorded);
        assert!(
            recorded <= counts.recorded && recorded + dropped >= counts.recorded,
            "seed {seed}: {recorded}"
        );
        let paths = center.paths();
        assert!(paths.values().all(|times| *times == 1), "seed {seed}");
        // A record that is counted as dropped may have arrived if the response was lost.
        assert!(paths.len() as u64 >= counts.delivered, "seed {seed}: {} {counts:?}", paths.len());
    }
}
