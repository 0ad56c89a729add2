//! Full batches go to a store together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A store that counts the additions to it, and holds what it got.
#[derive(Clone, Default)]
struct CountingStore {
    additions: Arc<AtomicUsize>,
    batches: Arc<AtomicUsize>,
}

impl Store for CountingStore {
    const BATCHES_AT_A_TIME: usize = 16;

    async fn add(&mut self, _: Lane, batches: Vec<Batch>) -> Added {
        self.additions.fetch_add(1, Ordering::Relaxed);
        self.batches.fetch_add(batches.len(), Ordering::Relaxed);
        // As long as a disk takes for `fsync`.
        sleep(Duration::from_millis(5)).await;
        Added::default()
    }

    async fn read(&mut self, _: Lane, _: usize) -> Window {
        Window::default()
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
async fn waiting_records_share_additions_to_the_store() {
    let store = CountingStore::default();
    let settings = Settings {
        queue_capacity: 10_000,
        max_bytes: 64 << 20,
        batch_size: 100,
        flush_interval: Duration::from_secs(5),
        max_in_flight: 4,
    };
    let deliver = FakeDelivery {
        center: Arc::default(),
        outcome: Arc::new(|_, _| Outcome::Accepted),
        latency: Duration::ZERO,
    };
    let stats = StatsCollector::spawn(settings, deliver, store.clone(), 0, Watch::default());
    // All of them wait before the reporter has a turn: of two credentials, to whom they belong by turns.
    (0..6_400).for_each(|n| stats.record(record(["alice", "bob"][n % 2], n)));
    sleep(Duration::from_secs(6)).await;
    assert_eq!(stats.snapshot().spooled, 6_400);
    assert_eq!(store.batches.load(Ordering::Relaxed), 64);
    assert_eq!(store.additions.load(Ordering::Relaxed), 4);
}
