//! A disk without room, and an auth center that is down, refuses or accepts meanwhile.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use test_support::{until, until_async};
use tokio::time::sleep;

use super::{Directory, LONG, adds_up, builder, start};
use crate::services::stats::tests::fake_center::{Call, FakeCenter, Outcome, record};
use crate::types::user::UserInfo;

/// A disk that can be filled.
enum Disk {
    /// A file system of 1 MiB, unmounted when dropped.
    Small(Directory),
    /// A directory in which queues find no room for more while it says so.
    Simulated(Directory),
}

impl Disk {
    /// `None` where this process may not mount one.
    fn mount() -> Option<Self> {
        let directory = Directory::new();
        std::fs::create_dir_all(&directory.0).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&directory.0);
        let is_mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        is_mounted.then_some(Self::Small(directory))
    }

    fn directory(&self) -> &Directory {
        match self {
            Self::Small(directory) | Self::Simulated(directory) => directory,
        }
    }

    fn filler(&self) -> PathBuf {
        self.directory().0.join("disk-is-full")
    }

    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        if let Self::Small(_) = self {
            for length in [4096, 1] {
                while filler.write_all(&vec![0; length]).is_ok() {}
            }
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Small(directory) = self {
            let _ = Command::new("umount").arg("--lazy").arg(&directory.0).status();
        }
    }
}

/// What becomes of 900 records on a disk that is full then, and of 100 more, while the auth center answers like this.
async fn full_disk(disk: &Disk, outcome: Outcome) {
    let center = Arc::<FakeCenter>::default();
    let open = async || disk.directory().open().await;
    let before = start(builder().spool(open().await), &center, |_, _| Outcome::Unavailable);
    for n in 0..900 {
        before.record(record(&format!("user-{}", n % 9), n));
    }
    let counts = before.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.spooled), (900, 900), "{counts:?}");
    drop(before);
    let calls_before = center.calls().len();

    disk.fill();
    let stats = start(builder().spool(open().await), &center, move |_, _| outcome);
    for n in 900..1_000 {
        stats.record(record("carol", n));
    }
    sleep(Duration::from_millis(1_500)).await;
    let running = stats.snapshot();
    assert_eq!(running.recorded, 1_000, "{outcome:?}: {running:?}");
    // What is in memory only is tried until the end.
    let counts = stats.shutdown(Duration::from_millis(500)).await;
    let calls = center.calls().split_off(calls_before);
    println!("{outcome:?}: {} calls, {counts:?}", calls.len());
    assert!(adds_up(counts) && counts.recorded == 1_000, "{outcome:?}: {counts:?}");
    assert!(calls.len() <= 15, "{outcome:?}: {} calls for 10 batches", calls.len());
    match outcome {
        // What came on the full disk was in memory only.
        Outcome::Unavailable => assert_eq!((counts.spooled, counts.dropped), (900, 100), "{counts:?}"),
        Outcome::Rejected => {
            assert!(counts.delivered + counts.spooled == 0 && counts.dropped > 900, "{counts:?}");
        }
        _ => assert_eq!(counts.delivered, 1_000, "{counts:?}"),
    }
    drop(stats);

    disk.make_room();
    let spool = open().await;
    assert_eq!(spool.recovered(), counts.spooled, "{outcome:?}");
    let after = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    let rest = after.shutdown(LONG).await;
    assert!(adds_up(rest) && rest.delivered == counts.spooled, "{outcome:?}: {rest:?}");

    // No batch that was answered was sent again.
    let mut times = HashMap::<_, usize>::new();
    let calls = center.calls().split_off(calls_before);
    calls.iter().for_each(|call| *times.entry(&call.idempotency_key).or_default() += 1);
    assert!(
        outcome == Outcome::Unavailable || times.values().all(|times| *times == 1),
        "{outcome:?}: {times:?}"
    );
    let accepted = center.paths();
    assert_eq!(accepted.len() as u64, counts.delivered + rest.delivered, "{outcome:?}");
    assert!(accepted.values().all(|times| *times == 1), "{outcome:?}");
    let files = disk.directory().files();
    assert_eq!(files, ["lock", "refused.queue", "unverified.queue", "waiting.queue"]);
}

#[tokio::test]
async fn full_disk_bounds_calls_and_keeps_counts() {
    let mount = || Disk::mount().unwrap_or_else(|| Disk::Simulated(Directory::new()));
    let run = async |disk: Disk, outcome| full_disk(&disk, outcome).await;
    tokio::join!(
        run(mount(), Outcome::Unavailable),
        run(mount(), Outcome::Rejected),
        run(mount(), Outcome::Accepted),
        run(Disk::Simulated(Directory::new()), Outcome::Unavailable),
        run(Disk::Simulated(Directory::new()), Outcome::Rejected),
        run(Disk::Simulated(Directory::new()), Outcome::Accepted),
    );
}

/// Nine batches, each of a user, on a disk that is full then.
async fn spooled(disk: &Disk, center: &Arc<FakeCenter>) {
    let stats = start(builder().spool(disk.directory().open().await), center, |_, _| Outcome::Unavailable);
    (0..900).for_each(|n| stats.record(record(&format!("user-{}", n % 9), n)));
    assert_eq!(stats.shutdown(LONG).await.spooled, 900);
}

/// They cannot take the place of their batch on disk, and so are sent from memory.
#[tokio::test]
async fn parts_of_batches_are_delivered_from_a_full_disk() {
    let (disk, center) = (Disk::Simulated(Directory::new()), Arc::<FakeCenter>::default());
    spooled(&disk, &center).await;
    disk.fill();
    let takes_fifty = |call: &Call, _| match call.body.matches("api_path").count() {
        0..=50 => Outcome::Accepted,
        _ => Outcome::TooLarge,
    };
    let before = center.calls().len();
    let stats = start(builder().spool(disk.directory().open().await), &center, takes_fifty);
    until("all are delivered", || stats.snapshot().delivered == 900).await;
    assert_eq!(center.calls().len() - before, 9 + 18);
    let counts = stats.shutdown(LONG).await;
    assert!(adds_up(counts) && counts.recorded == 900, "{counts:?}");
    assert_eq!(disk.directory().open().await.recovered(), 0);
    assert!(center.paths().len() == 900 && center.paths().values().all(|times| *times == 1));
}

/// Some batches are delivered and some are not when the process ends.
#[tokio::test]
async fn shutdown_between_batches_loses_none_and_repeats_none_if_there_is_room() {
    for is_full in [false, true] {
        let (disk, center) = (Disk::Simulated(Directory::new()), Arc::<FakeCenter>::default());
        spooled(&disk, &center).await;
        if is_full {
            disk.fill();
        }
        let odd_hang = |call: &Call, _| match call.authorization.ends_with(['1', '3', '5', '7']) {
            true => Outcome::TimesOut,
            false => Outcome::Accepted,
        };
        let stats = start(builder().spool(disk.directory().open().await), &center, odd_hang);
        until("some are delivered", || stats.snapshot().delivered >= 300).await;
        let counts = stats.shutdown(Duration::from_millis(50)).await;
        assert!(adds_up(counts) && counts.delivered + counts.spooled == 900, "{is_full}: {counts:?}");
        assert!(counts.spooled >= 400, "{is_full}: {counts:?}");

        let before = center.calls().len();
        let stats = start(builder().spool(disk.directory().open().await), &center, |_, _| Outcome::Accepted);
        let rest = stats.shutdown(LONG).await;
        assert!(adds_up(rest) && rest.spooled == 0, "{is_full}: {rest:?}");
        // On a full disk, those between others that are left cannot be removed. Their keys tell the auth center.
        assert!(is_full || rest.delivered == counts.spooled, "{rest:?}");
        assert_eq!((center.calls().len() - before) as u64, rest.delivered / 100);
        assert!(center.paths().len() == 900 && center.paths().values().all(|times| *times == 1));
    }
}

/// What cannot be moved stays where it is, and is moved once there is room.
#[tokio::test]
async fn refused_records_that_are_sent_again_on_a_full_disk_stay() {
    let mount = || Disk::mount().unwrap_or_else(|| Disk::Simulated(Directory::new()));
    for disk in [mount(), Disk::Simulated(Directory::new())] {
        let center = Arc::<FakeCenter>::default();
        let spool = disk.directory().open().await;
        let refused = spool.refused();
        let is_well = Arc::new(AtomicBool::new(false));
        let well = is_well.clone();
        let stats = start(builder().spool(spool), &center, move |_, _| match well.load(Ordering::Relaxed) {
            true => Outcome::Accepted,
            false => Outcome::Rejected,
        });
        for n in 0..300 {
            let user = UserInfo::builder(n as i64, format!("user-{n}")).build();
            stats.record(record(&format!("user-{n}"), n).of_user(Some(&user)));
        }
        // Counted as refused before they are kept.
        let are_kept = async || refused.list().await.is_ok_and(|batches| batches.len() == 300);
        until_async("all are refused", are_kept).await;
        is_well.store(true, Ordering::Relaxed);
        disk.fill();
        let batches = refused.list().await.unwrap();
        let error = refused.resend(batches.clone()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
        let (listed, delivered) = (refused.list().await.unwrap().len(), stats.snapshot().delivered);
        // Where there was room for a part of them, that is sent, and is in one place.
        assert_eq!((batches.len(), listed as u64 + delivered), (300, 300));

        disk.make_room();
        let rest = refused.resend(refused.list().await.unwrap()).await.unwrap();
        assert_eq!(rest + delivered, 300);
        until("all are delivered", || stats.snapshot().delivered == 300).await;
        assert!(adds_up(stats.shutdown(LONG).await) && refused.list().await.is_err());
        let paths = center.paths();
        assert!(paths.len() == 300 && paths.values().all(|times| *times == 1));
    }
}
