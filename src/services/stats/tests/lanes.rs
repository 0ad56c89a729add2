//! Records of credentials that were not verified, beside those of users.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::LONG;
use super::fake_center::{Call, Outcome, record, start};
use crate::ports::usage::{ApiRecord, Record, Served};
use crate::services::stats::collector::StatsCollector;
use crate::types::credential::Credential;

/// A record whose credential was not verified.
struct Unverified(ApiRecord);

impl Served for Unverified {
    fn credential(&self) -> Option<&Credential> {
        Served::credential(&self.0)
    }

    fn is_verified(&self) -> bool {
        false
    }

    fn status(&self) -> u16 {
        503
    }

    fn size_hint(&self) -> usize {
        self.0.size_hint()
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        self.0
    }
}

pub(in crate::services::stats) fn record_unverified(stats: &StatsCollector, record: ApiRecord) {
    Record::record(stats, Box::new(Unverified(record)));
}

/// Records of so many random tokens.
fn flood(stats: &StatsCollector, tokens: usize) {
    for n in 0..tokens {
        record_unverified(stats, record(&format!("guess-{n}"), n));
    }
}

fn is_guess(call: &Call) -> bool {
    call.authorization.contains("guess-")
}

#[tokio::test(start_paused = true)]
async fn unverified_records_fill_only_a_tenth_of_the_queue() {
    let (stats, center) = start(StatsCollector::builder().queue_capacity(1_000), |_, _| Outcome::Accepted);
    flood(&stats, 5_000);
    for n in 0..800 {
        stats.record(record("alice", n));
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.delivered, counts.dropped), (5_800, 900, 4_900));
    let of_alice = center.calls().iter().filter(|call| call.authorization == "Bearer alice").count();
    assert_eq!(of_alice, 8);
}

/// Nor of what was taken from the queue, by number and by bytes.
#[tokio::test(start_paused = true)]
async fn unverified_records_fill_only_a_tenth_of_the_backlog() {
    for len in [0, 900] {
        let builder = StatsCollector::builder().queue_capacity(1_000).max_bytes(1_000_000);
        let (stats, _) = start(builder, |_, _| Outcome::Unavailable);
        for n in 0..10_000 {
            let record = record(&format!("guess-{n}"), n).request_header("user-agent", "x".repeat(len));
            record_unverified(&stats, record);
            if n % 100 == 0 {
                sleep(Duration::from_secs(6)).await;
            }
            let counts = stats.snapshot();
            assert!(counts.pending <= 200 && counts.pending_bytes <= 100_000, "{len}: {counts:?}");
        }
        // Users have as much room as without them.
        for n in 0..2_000 {
            stats.record(record("alice", n));
            if n % 100 == 0 {
                sleep(Duration::from_secs(1)).await;
            }
        }
        let counts = stats.snapshot();
        assert!(counts.pending >= 2_000, "{len}: {counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn unverified_records_are_sent_last_and_one_batch_at_a_time() {
    let (stats, center) = start(StatsCollector::builder(), |_, _| Outcome::Accepted);
    flood(&stats, 50);
    for n in 0..50 {
        stats.record(record(&format!("user-{n}"), n));
    }
    let counts = stats.flush(LONG).await;
    assert_eq!(counts.delivered, 100, "{counts:?}");
    let calls = center.calls();
    let (users, guesses) = calls.split_at(50);
    assert!(users[..47].iter().all(|call| !is_guess(call)), "four calls are in flight");
    let guesses: Vec<_> = guesses.iter().filter(|call| is_guess(call)).collect();
    let latency = Duration::from_millis(20);
    assert!(guesses.windows(2).all(|pair| pair[1].at - pair[0].at >= latency), "one after the other");
}

/// Which fail for their content, perhaps. Users' records wait for none of them.
#[tokio::test(start_paused = true)]
async fn failing_unverified_batch_delays_no_user() {
    let outcome = |call: &Call, _| match is_guess(call) {
        true => Outcome::RetryAfter(60),
        false => Outcome::Accepted,
    };
    let (stats, center) = start(StatsCollector::builder(), outcome);
    flood(&stats, 1);
    sleep(Duration::from_secs(6)).await;
    assert_eq!(center.calls().len(), 1);
    let recorded = Instant::now();
    (0..100).for_each(|n| stats.record(record("alice", n)));
    sleep(Duration::from_secs(1)).await;
    let calls = center.calls();
    assert_eq!((stats.snapshot().delivered, calls.len()), (100, 2));
    assert!(calls[1].at - recorded < Duration::from_millis(10));
    // It gets its turn when its pause is over.
    sleep(Duration::from_secs(60)).await;
    assert_eq!(center.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn unverified_batch_waits_while_users_wait_for_the_center() {
    let opens = Instant::now() + Duration::from_secs(100);
    let outcome =
        move |call: &Call, _| if call.at < opens { Outcome::Unavailable } else { Outcome::Accepted };
    let (stats, center) = start(StatsCollector::builder(), outcome);
    (0..1_000).for_each(|n| stats.record(record("alice", n)));
    flood(&stats, 100);
    let counts = stats.flush(LONG).await;
    assert_eq!((counts.delivered, counts.pending), (1_100, 0), "{counts:?}");
    let first_guess = center.calls().iter().position(is_guess).unwrap();
    let delivered_before = center.calls()[..first_guess].iter().filter(|call| call.at >= opens).count();
    assert!(delivered_before >= 10, "all of alice's batches");
}

#[tokio::test(start_paused = true)]
async fn shutdown_sends_users_records_first() {
    let (stats, _) = start(StatsCollector::builder(), |_, _| Outcome::Accepted);
    flood(&stats, 1_000);
    for n in 0..1_000 {
        stats.record(record(&format!("user-{n}"), n));
    }
    // 1,000 calls of 20 ms, 4 at a time.
    let counts = stats.shutdown(Duration::from_millis(5_100)).await;
    assert!((1_000..1_100).contains(&counts.delivered), "{counts:?}");
    assert_eq!((counts.recorded, counts.delivered + counts.dropped), (2_000, 2_000));
}
