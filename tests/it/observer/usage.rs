use std::path::PathBuf;
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::credential::Credential;
use aigc_auth::stats::{Spool, StatsCollector, StatsSnapshot};
use aigc_auth::testing::Fault;
use aigc_auth::usage::ApiRecord;

use super::services::{observed, sums};
use super::support::Notes;
use crate::registry::support::PATIENCE;
use crate::support;

const REPORT: &str = "/stats/report/batch";

/// A directory for a spool, removed when dropped.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("aigc-auth-observed-{name}-{}", std::process::id())))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn record(stats: &StatsCollector, from: usize, to: usize) {
    for n in from..to {
        let path = format!("/{n}/{}", "x".repeat(1_000));
        stats.record(ApiRecord::new("GET", &path).credential(Credential::new("alice-token").unwrap()));
    }
}

/// What was told, by outcome; zero if nothing was.
fn told(notes: &Notes) -> impl Fn(&str) -> u64 + use<> {
    let sums = sums(notes);
    move |outcome| sums.get(outcome).copied().unwrap_or_default()
}

/// Every record is in one place, and the observer was told which.
fn agree(counts: StatsSnapshot, told: &impl Fn(&str) -> u64) {
    assert_eq!(told("recorded") + told("dropped queue_full"), counts.recorded, "{counts:?}");
    assert_eq!(told("delivered"), counts.delivered, "{counts:?}");
    assert_eq!(told("spooled") - told("unspooled"), counts.spooled, "{counts:?}");
    let lost = ["queue_full", "spool_full", "unkept", "shutdown"].map(|why| told(&format!("dropped {why}")));
    assert_eq!(lost.iter().sum::<u64>(), counts.dropped, "{counts:?}, {lost:?}");
}

async fn spooling(room: &Room, client: &AuthClient, max_bytes: u64) -> StatsCollector {
    let spool = Spool::builder(&room.0).max_bytes(max_bytes).build(client).await.unwrap();
    StatsCollector::builder().batch_size(10).spool(spool).start(client)
}

#[tokio::test]
async fn records_are_told_when_they_go_to_the_disk_and_when_they_leave_it() {
    let (center, notes, room) = (support::center().await, Notes::default(), Room::new("spool"));
    let client = observed(&center, &notes);
    center.inject_fault_on(REPORT, Fault::status(503));
    let stats = spooling(&room, &client, 1 << 30).await;
    record(&stats, 0, 50);
    let counts = stats.shutdown(PATIENCE).await;
    assert_eq!((counts.spooled, counts.dropped), (50, 0), "{counts:?}");
    let before = told(&notes);
    agree(counts, &before);
    assert_eq!((before("spooled"), before("unspooled")), (50, 0));

    // The next process finds them.
    center.clear_faults();
    let stats = spooling(&room, &client, 1 << 30).await;
    let counts = stats.shutdown(PATIENCE).await;
    assert_eq!((counts.delivered, counts.spooled), (50, 0), "{counts:?}");
    let after = told(&notes);
    assert_eq!((after("unspooled"), after("delivered")), (50, 50));
}

#[tokio::test]
async fn records_that_are_lost_are_told_by_the_reason() {
    let (center, notes, room) = (support::center().await, Notes::default(), Room::new("lost"));
    let client = observed(&center, &notes);
    // More at once than the queue holds: the reporter has no turn meanwhile.
    let stats = StatsCollector::builder().queue_capacity(10).start(&client);
    record(&stats, 0, 25);
    let counts = stats.shutdown(PATIENCE).await;
    let lost = told(&notes);
    agree(counts, &lost);
    assert_eq!((lost("dropped queue_full"), counts.delivered), (15, 10), "{counts:?}");

    // Older ones make room on the disk.
    center.inject_fault_on(REPORT, Fault::status(503));
    let stats = spooling(&room, &client, 64 * 1024).await;
    record(&stats, 0, 500);
    // What finds no room there is tried until the end.
    let counts = stats.shutdown(Duration::from_millis(500)).await;
    let lost = told(&notes);
    agree(counts, &lost);
    assert!(lost("dropped spool_full") > 0 && lost("dropped queue_full") == 0, "{counts:?}");

    // Refused, and there is no spool that keeps them for people.
    center.clear_faults();
    center.inject_fault_on(REPORT, Fault::code(400, "no"));
    let stats = spooling(&room, &client, 8 * 1024).await;
    record(&stats, 0, 200);
    let counts = stats.shutdown(PATIENCE).await;
    let lost = told(&notes);
    assert!(lost("dropped unkept") > 0, "{counts:?}");
    agree(counts, &lost);
}
