//! One process at a time, and one that starts before the other has ended.

use std::time::{Duration, Instant};

use super::{Directory, LONG, builder, start};
use crate::services::stats::spool::spool::Spool;
use crate::services::stats::tests::fake_center::{FakeCenter, Outcome, record};

const SECRET: &str = "the app secret";

#[tokio::test]
async fn directory_in_use_is_an_error_after_the_timeout() {
    let directory = Directory::new();
    let spool = directory.open().await;
    let timeout = Duration::from_millis(100);
    let start = Instant::now();
    let builder = Spool::builder(&directory.0).lock_timeout(timeout);
    let error = builder.clone().build_with(&SECRET.into()).await.unwrap_err();
    assert!(start.elapsed() >= timeout);
    assert!(error.to_string().contains(&directory.0.display().to_string()), "{error}");
    assert!(format!("{error:?}").contains("another process still uses it after 100ms"), "{error:?}");
    drop(spool);
    builder.build_with(&SECRET.into()).await.unwrap();
    // A file instead of a directory.
    let file = directory.0.join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(Spool::builder(&file).build_with(&SECRET.into()).await.is_err());
}

#[tokio::test]
async fn opening_waits_for_a_process_that_is_about_to_end() {
    let directory = Directory::new();
    let old = directory.open().await;
    let builder = Spool::builder(&directory.0);
    let opening = tokio::spawn(async move { builder.build_with(&SECRET.into()).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!opening.is_finished(), "it waits");
    drop(old);
    opening.await.unwrap().unwrap();
}

/// Nothing is left that would lock the directory later.
#[tokio::test]
async fn abandoned_opening_takes_no_lock() {
    let directory = Directory::new();
    let old = directory.open().await;
    let (builder, secret) = (Spool::builder(&directory.0).lock_timeout(LONG), SECRET.into());
    assert!(tokio::time::timeout(Duration::from_millis(50), builder.build_with(&secret)).await.is_err());
    // The thread of the abandoned one tries every 20 ms.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(old);
    for _ in 0..10 {
        drop(directory.open().await);
    }
}

#[tokio::test]
async fn spool_opens_again_right_after_each_shutdown() {
    let (directory, center) = (Directory::new(), std::sync::Arc::<FakeCenter>::default());
    for n in 0..50 {
        let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Accepted);
        stats.record(record("alice", n));
        assert_eq!(stats.shutdown(LONG).await.delivered, 1);
    }
}
