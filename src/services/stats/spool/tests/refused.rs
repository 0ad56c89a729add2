//! Refused records, and what people do with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use serde_json::Value;
use test_support::until;

use super::{Directory, LONG, adds_up, builder, start};
use crate::ports::usage::ApiRecord;
use crate::services::stats::RefusedBatch;
use crate::services::stats::tests::fake_center::{Call, FakeCenter, Outcome, record};
use crate::types::credential::Credential;
use crate::types::user::{UserId, UserInfo};

/// A record of a user whose token the center knows no more.
fn ended(user: &str, id: i64, n: usize) -> ApiRecord {
    record(&format!("{user}-ended"), n).of_user(Some(&UserInfo::builder(id, user).build()))
}

fn refuses_ended(call: &Call, _: usize) -> Outcome {
    if call.authorization.ends_with("-ended") { Outcome::Rejected } else { Outcome::Accepted }
}

#[tokio::test]
async fn refused_records_are_listed_sent_again_and_discarded() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let spool = directory.open().await;
    let refused = spool.refused();
    assert!(refused.list().await.unwrap().is_empty());
    let stats = start(builder().spool(spool), &center, refuses_ended);
    let started = SystemTime::now() - Duration::from_secs(1);
    for n in 0..30 {
        let (user, id) = [("alice", 7), ("bob", 8), ("carol", 9)][n % 3];
        stats.record(ended(user, id, n));
    }
    stats.record(record("job-ended", 30));
    assert_eq!(stats.flush(LONG).await.recorded, 31);
    until("all are refused", || stats.snapshot().dead_lettered == 31).await;

    let mut batches = refused.list().await.unwrap();
    batches.sort_by(|a, b| a.username().cmp(&b.username()));
    let listed: Vec<_> =
        batches.iter().map(|batch| (batch.username(), batch.user_id().cloned(), batch.records())).collect();
    let expected = |name, id| (Some(name), Some(UserId::Int(id)), 10);
    assert_eq!(listed, [(None, None, 1), expected("alice", 7), expected("bob", 8), expected("carol", 9)]);
    for batch in &batches {
        assert!(batch.is_readable() && batch.code() == Some(400), "{batch:?}");
        assert!((started..=SystemTime::now()).contains(&batch.refused_at()), "{batch:?}");
        assert!(!format!("{batch:?}").contains("-ended"), "{batch:?}");
    }

    // Alice has logged in again, Bob is refused again, and Carol has left.
    let [_, alice, bob, carol] = &*batches else { panic!("{batches:?}") };
    let alice = alice.clone().credential(Credential::new("alice-again").unwrap());
    assert!(!format!("{alice:?}").contains("alice-again"));
    assert_eq!(refused.discard([carol.clone()]).await.unwrap(), 10);
    assert_eq!(refused.resend([alice.clone(), bob.clone(), carol.clone()]).await.unwrap(), 20);
    until("alice's are delivered", || stats.snapshot().delivered == 10).await;
    until("bob's are refused", || stats.snapshot().dead_lettered == 41).await;
    let mut left: Vec<_> = refused.list().await.unwrap().iter().map(|batch| batch.records()).collect();
    left.sort_unstable();
    assert_eq!((left, refused.resend([alice]).await.unwrap()), (vec![1, 10], 0));
    let keys = |authorization: &str| -> Vec<_> {
        let calls = center.calls().into_iter().filter(|call| call.authorization == authorization);
        calls.map(|call| call.idempotency_key).collect()
    };
    assert_eq!(keys("Bearer alice-ended"), keys("Bearer alice-again"));

    let counts = stats.shutdown(LONG).await;
    assert!(adds_up(counts) && counts.recorded == 51, "{counts:?}");
    assert!(refused.list().await.unwrap_err().to_string().contains("closed"));
    // Without a collector, and after a restart.
    let spool = directory.open().await;
    let batches = spool.refused().list().await.unwrap();
    assert_eq!(spool.refused().resend(batches).await.unwrap(), 11);
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    until("the rest is delivered", || stats.snapshot().delivered == 11).await;
    assert_eq!(directory.files(), ["lock", "refused.queue", "unverified.queue", "waiting.queue"]);
    let paths = center.paths();
    assert!(paths.len() == 21 && paths.values().all(|times| *times == 1), "{paths:?}");
}

#[tokio::test]
async fn exported_records_have_reason_time_and_user_and_no_credential() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let spool = directory.open().await;
    let refused = spool.refused();
    let stats = start(builder().spool(spool), &center, refuses_ended);
    (0..3).for_each(|n| stats.record(ended("alice", 7, n)));
    until("they are refused", || stats.snapshot().dead_lettered == 3).await;
    let file = directory.0.join("refused.jsonl");
    assert_eq!(refused.export(&file).await.unwrap(), 3);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("alice-ended"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (n, line) in lines.iter().enumerate() {
        assert_eq!(line["record"]["api_path"], format!("/{n}"));
        assert_eq!((&line["user_id"], &line["username"]), (&7.into(), &"alice".into()));
        assert_eq!((line["code"].as_u64(), line["reason"].is_string()), (Some(400), true), "{line}");
        let time: jiff::Timestamp = line["refused_at"].as_str().unwrap().parse().unwrap();
        assert!(SystemTime::from(time).elapsed().unwrap() < LONG);
    }
    let error = refused.export(&file).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // They stay.
    assert_eq!(refused.list().await.unwrap().len(), 1);
}

/// A secret that was changed and changed back: nothing is lost.
#[tokio::test]
async fn records_of_another_secret_are_listed_and_sent_under_theirs() {
    const MAX_BYTES: u64 = 500 * 1024 * 1024;
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let stats = start(builder().spool(directory.open().await), &center, |_, _| Outcome::Unavailable);
    (0..5).for_each(|n| stats.record(record("alice", n)));
    assert_eq!(stats.shutdown(LONG).await.spooled, 5);

    let spool = directory.open_with(MAX_BYTES, "another secret").await;
    let refused = spool.refused();
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    until("they are set aside", || stats.snapshot().dead_lettered == 5).await;
    let batches = refused.list().await.unwrap();
    assert_eq!((batches.len(), batches[0].records(), batches[0].is_readable()), (1, 5, false));
    assert!(batches[0].code().is_none() && batches[0].reason().contains("another app secret"), "{batches:?}");
    assert_eq!(refused.resend(batches).await.unwrap(), 0);
    assert_eq!(refused.export(directory.0.join("nothing")).await.unwrap(), 0);
    stats.shutdown(LONG).await;

    let spool = directory.open().await;
    let batches = spool.refused().list().await.unwrap();
    assert_eq!((batches.len(), batches[0].is_readable()), (1, true));
    assert_eq!(spool.refused().resend(batches).await.unwrap(), 5);
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    until("they are delivered", || stats.snapshot().delivered == 5).await;
}

/// What waits is not evicted for what was refused.
#[tokio::test]
async fn resending_more_than_there_is_room_for_changes_nothing() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let stats = start(builder().spool(directory.open().await), &center, refuses_ended);
    (0..100).for_each(|n| stats.record(ended("alice", 7, n)));
    until("they are refused", || stats.snapshot().dead_lettered == 100).await;
    stats.shutdown(LONG).await;
    let spool = directory.open_with(5_000, "the app secret").await;
    let refused = spool.refused();
    let batches = refused.list().await.unwrap();
    let error = refused.resend(batches).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    assert_eq!(refused.list().await.unwrap().len(), 1);
}

/// Such as a request of an operator who hangs up.
#[tokio::test]
async fn resending_that_is_given_up_is_done_and_counted_all_the_same() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let stats = start(builder().spool(directory.open().await), &center, refuses_ended);
    (0..3).for_each(|n| stats.record(ended("alice", 7, n)));
    until("they are refused", || stats.snapshot().dead_lettered == 3).await;
    stats.shutdown(LONG).await;
    let spool = directory.open().await;
    let refused = spool.refused();
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Accepted);
    let batches = refused.list().await.unwrap();
    // Polled once, and dropped.
    let _ = refused.resend(batches).now_or_never();
    until("they are delivered", || stats.snapshot().delivered == 3).await;
    assert!(refused.list().await.unwrap().is_empty());
    let counts = stats.shutdown(LONG).await;
    assert_eq!((counts.recorded, counts.delivered, counts.spooled), (3, 3, 0));
}

/// They take the place that they leave, and are evicted before those that wait.
#[tokio::test]
async fn full_spool_keeps_all_that_are_refused() {
    const MAX_BYTES: u64 = 200_000;
    for secret in ["the app secret", "another secret"] {
        let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
        let spool = directory.open_with(MAX_BYTES, "the app secret").await;
        let stats = start(builder().spool(spool), &center, |_, _| Outcome::Unavailable);
        (0..600).for_each(|n| stats.record(ended(&format!("user{}", n % 60), 7, n)));
        let waiting = stats.flush(LONG).await.spooled;
        assert_eq!((waiting, stats.shutdown(LONG).await.spooled), (600, 600));

        let spool = directory.open_with(MAX_BYTES, secret).await;
        let refused = spool.refused();
        let stats = start(builder().spool(spool), &center, |call, n| match refuses_ended(call, n) {
            Outcome::Accepted => Outcome::Unavailable,
            refusal => refusal,
        });
        until("all are refused", || stats.snapshot().dead_lettered == waiting).await;
        let kept = async || -> u64 { refused.list().await.unwrap().iter().map(RefusedBatch::records).sum() };
        assert_eq!(kept().await, waiting, "{secret}");
        // What comes later needs the room.
        for round in 0..10 {
            (0..500).for_each(|n| stats.record(record(&format!("later{}", n % 50), round * 500 + n)));
            stats.flush(LONG).await;
        }
        assert!(stats.snapshot().dropped > 0, "{:?}", stats.snapshot());
        let left = kept().await;
        assert!(left > 0 && left < waiting / 4, "{secret}: {left}");
    }
}

/// All of them in pages, which end even though each is refused again as soon as it is sent.
#[tokio::test]
async fn pages_list_each_batch_once_and_end_while_batches_are_refused_again() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let spool = directory.open().await;
    let refused = spool.refused();
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Rejected);
    (0..50).for_each(|n| stats.record(ended(&format!("user{n}"), n as i64, n)));
    until("all are refused", || stats.snapshot().dead_lettered == 50).await;
    let all = refused.list().await.unwrap();

    let (mut pages, mut listed) = (refused.pages(7), vec![]);
    while let Some(page) = pages.next().await.unwrap() {
        // What is gone by the next page is no reason to leave others out.
        refused.discard([page[0].clone()]).await.unwrap();
        let again: Vec<_> = page[1..].to_vec();
        let before = stats.snapshot().dead_lettered;
        let records = refused.resend(again).await.unwrap();
        until("they are refused again", || stats.snapshot().dead_lettered == before + records).await;
        listed.push(page.iter().map(|batch| batch.username().map(str::to_owned)).collect::<Vec<_>>());
    }
    assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [7, 7, 7, 7, 7, 7, 7, 1]);
    let names = |batches: &[RefusedBatch]| -> Vec<_> {
        batches.iter().map(|batch| batch.username().map(str::to_owned)).collect()
    };
    assert_eq!(listed.concat(), names(&all));
    assert_eq!(refused.list().await.unwrap().len(), 50 - 8);
    // Later ones come after them, also after a restart.
    let last = names(&refused.list().await.unwrap());
    stats.shutdown(LONG).await;
    let spool = directory.open().await;
    let refused = spool.refused();
    let stats = start(builder().spool(spool), &center, |_, _| Outcome::Rejected);
    stats.record(ended("last", 99, 99));
    until("it is refused", || stats.snapshot().dead_lettered == 1).await;
    let mut pages = refused.pages(1_000);
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!(names(&page), [last, vec![Some("last".to_owned())]].concat());
    assert!(pages.next().await.unwrap().is_none() && pages.next().await.unwrap().is_none());
}

/// More than one chunk of them, chosen from between others.
#[tokio::test]
async fn many_batches_are_sent_again_by_chunks() {
    let (directory, center) = (Directory::new(), Arc::<FakeCenter>::default());
    let spool = directory.open().await;
    let refused = spool.refused();
    let is_well = Arc::new(AtomicBool::new(false));
    let well = is_well.clone();
    let stats = start(builder().spool(spool), &center, move |_, _| match well.load(Ordering::Relaxed) {
        true => Outcome::Accepted,
        false => Outcome::Rejected,
    });
    let long = "x".repeat(900);
    for n in 0..3_000_usize {
        stats.record(ended(&format!("user{}-{long}", n % 30), 7, n));
    }
    until("all are refused", || stats.snapshot().dead_lettered == 3_000).await;
    let bytes = std::fs::metadata(directory.0.join("refused.queue")).unwrap().len();
    let batches = refused.list().await.unwrap();
    let odd: Vec<_> = batches.iter().skip(1).step_by(2).cloned().collect();
    let records: u64 = odd.iter().map(RefusedBatch::records).sum();
    is_well.store(true, Ordering::Relaxed);
    assert_eq!(refused.resend(odd).await.unwrap(), records);
    until("they are delivered", || stats.snapshot().delivered == records).await;
    let left: u64 = refused.list().await.unwrap().iter().map(RefusedBatch::records).sum();
    assert_eq!((left, center.paths().len() as u64), (3_000 - records, records), "{bytes} bytes");
    assert!(center.paths().values().all(|times| *times == 1));
}
