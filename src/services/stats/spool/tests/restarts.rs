//! What a spool leaves on disk between two runs.

use std::sync::Arc;

use super::{Directory, LONG, builder, start};
use crate::services::stats::tests::fake_center::{FakeCenter, Outcome, record};

/// A run that delivers more than the 8 KiB that a queue file has at first.
async fn drained_run(directory: &Directory, first: usize) {
    let center = Arc::<FakeCenter>::default();
    let spool = directory.open().await;
    assert_eq!(spool.recovered(), 0);
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    for n in first..first + 10 {
        stats.record(record("alice", n).request_header("user-agent", "x".repeat(1_000)));
    }
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.delivered), (10, 10), "{counts:?}");
}

/// queue-file 2.0.0 empties a file in a way that it then calls truncated: `findings/queue-file-clear-leaves-old-length.sh`.
#[tokio::test]
async fn restarts_after_drained_runs_set_no_file_aside() {
    let service = async || {
        let directory = Directory::in_memory();
        for run in 0..250 {
            drained_run(&directory, run * 10).await;
        }
        assert_eq!(directory.files(), ["lock", "refused.queue", "unverified.queue", "waiting.queue"]);
        let waiting = std::fs::metadata(directory.0.join("waiting.queue")).unwrap();
        assert_eq!(waiting.len(), 8 * 1024, "an empty file is short");
    };
    tokio::join!(service(), service(), service(), service());
}
