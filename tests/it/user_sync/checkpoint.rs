//! Checkpoints of a push: files that are not what they should be, and processes that are killed in the middle.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{PushEvent, PushOptions, PushSummary, SyncErrorKind, UserSync};
use futures_util::TryStreamExt;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::{random, test_process};
use crate::user_sync::outages::{Checkpoint, to_the_end};
use crate::user_sync::push::with_center;
use crate::user_sync::support::{Store, config, numbered};

const PATIENCE: Duration = Duration::from_secs(60);
const FILE: &str = "SYNC_TEST_CHECKPOINT";
const CENTER: &str = "SYNC_TEST_CENTER";
const USERS: u64 = 20_000;
const IN_FLIGHT: usize = 4;

#[tokio::test]
async fn foreign_or_damaged_file_is_reported_and_kept() {
    let whole = json!({
        "version": 1, "app_id": "test-app", "place": 100, "finished": false,
        "summary": {"total": 100, "created": 100, "skipped": 0, "failed": 0, "failures": []},
    });
    let with = |name: &str, value| {
        let mut changed = whole.clone();
        changed[name] = value;
        changed.to_string()
    };
    let (store, file) = (Store::generated(200, numbered), Checkpoint::new("odd"));
    let (center, sync) = with_center(&store, config()).await;
    let torn = whole.to_string()[..50].to_owned();
    for (text, expected) in [
        (String::new(), "is not a checkpoint of a push; remove it to start over"),
        (torn, "is not a checkpoint of a push; remove it to start over"),
        ("{}".to_owned(), "is not a checkpoint of a push; remove it to start over"),
        (with("summary", json!({"total": -1})), "is not a checkpoint of a push; remove it to start over"),
        (with("version", json!(2)), "has an unsupported version; remove it to start over"),
        (with("app_id", json!("other")), "belongs to the app `other`; remove it to start over"),
    ] {
        std::fs::write(&file.0, &text).unwrap();
        let (_, failed) = to_the_end(sync.push_all(file.options().resume())).await;
        let (kind, message) = failed.unwrap();
        assert_eq!(kind, SyncErrorKind::Checkpoint);
        assert!(
            message.starts_with(&format!("the checkpoint file {} {expected}", file.0.display())),
            "{message}"
        );
        assert_eq!((std::fs::read_to_string(&file.0).unwrap(), store.read()), (text, 0));
    }
    assert_eq!(center.requests().len(), 0);
    // Started anew, the old file is overwritten.
    std::fs::write(&file.0, "odd").unwrap();
    let (summary, failed) = to_the_end(sync.push_all(file.options())).await;
    assert_eq!((summary.total, failed, file.place()), (200, None, json!(200)));
}

#[tokio::test]
async fn resumed_push_continues_with_saved_counts() {
    let (store, file) = (Store::generated(250, numbered), Checkpoint::new("whole"));
    let (center, sync) = with_center(&store, config()).await;
    let text = json!({
        "version": 1, "app_id": "test-app", "place": 120, "finished": false,
        "summary": {"total": 120, "created": 100, "skipped": 19, "failed": 1,
            "failures": [{"user": "eve", "reason": "no"}]},
    });
    std::fs::write(&file.0, text.to_string()).unwrap();
    let mut push = sync.push_all(file.options().resume());
    let first = push.try_next().await.unwrap();
    let Some(PushEvent::Resumed(resumed)) = first else { panic!("{first:?}") };
    assert_eq!((resumed.total, &*resumed.failures[0].user), (120, "eve"));
    let (summary, failed) = to_the_end(push).await;
    let PushSummary { total, created, skipped, failed: one, failures, .. } = &summary;
    assert_eq!((*total, *created, *skipped, *one, failures.len(), failed), (250, 230, 19, 1, 1, None));
    assert_eq!((center.users().len(), store.read()), (130, 130));

    assert!(!file.0.with_extension("json.new").exists(), "nothing is left beside it");

    // Finished, there is nothing to go on with.
    let (again, failed) = to_the_end(sync.push_all(file.options().resume())).await;
    assert_eq!((again, failed, store.read()), (summary, None, 130));
    // Anew, all users are sent.
    let anew = sync.push_all(file.options()).finish().await.unwrap();
    assert_eq!((anew.total, anew.created, anew.skipped), (250, 120, 130));
}

#[tokio::test]
async fn unwritable_checkpoint_sends_nothing() {
    let (store, file) = (Store::generated(250, numbered), Checkpoint::new("none"));
    let (center, sync) = with_center(&store, config()).await;
    std::fs::write(&file.0, "a file").unwrap();
    for path in [file.0.join("below-a-file.json"), file.0.with_extension("no-directory").join("push.json")] {
        for options in [PushOptions::new(), PushOptions::new().resume()] {
            let (_, failed) = to_the_end(sync.push_all(options.checkpoint(&path))).await;
            let (kind, message) = failed.unwrap();
            assert_eq!(kind, SyncErrorKind::Checkpoint);
            assert!(message.contains(&path.display().to_string()), "{message}");
        }
    }
    assert_eq!((center.requests().len(), store.read()), (0, 0));
}

/// What the process below does that is killed. Alone, it has nothing to do.
#[tokio::test]
async fn child_process_pushes_until_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let url = std::env::var(CENTER).unwrap();
    let client = AuthClient::builder("test-app", "test-secret", url).build().unwrap();
    let sync = UserSync::new(client, Store::generated(USERS, numbered), config()).unwrap();
    let options = PushOptions::new().checkpoint(file).resume().max_in_flight(IN_FLIGHT);
    let mut push = sync.push_all(options);
    let mut last = PushSummary::default();
    while let Some(event) = push.try_next().await.unwrap() {
        if let PushEvent::Progress(summary) | PushEvent::Resumed(summary) = event {
            println!("done {}", summary.total);
            last = summary;
        }
    }
    println!("summary {} {} {}", last.total, last.created + last.skipped, last.failed);
}

fn process(file: &Path, center: &AuthCenter) -> Child {
    let mut command = Command::from(test_process(module_path!(), "child_process_pushes_until_killed"));
    command.env(FILE, file).env(CENTER, center.url());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

#[tokio::test]
async fn push_completes_after_random_kills() {
    let kills = 20;
    let mut dice = random();
    let (center, file) = (AuthCenter::start().await, Checkpoint::new("killed"));
    // Else it might be done before it is killed so often.
    center.delay(Duration::from_millis(10));
    for _ in 0..kills {
        let mut process = process(&file.0, &center);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut chunks = dice.usize(0..6);
        while chunks > 0 {
            let line =
                timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("it runs until killed");
            chunks -= usize::from(line.starts_with("done"));
        }
        // It goes on meanwhile.
        for _ in 0..dice.usize(0..2_000) {
            tokio::task::yield_now().await;
        }
        process.kill().await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            assert!(!line.starts_with("summary"), "it was done before it was killed");
        }
    }
    let done = file.place().as_u64().unwrap();
    center.delay(Duration::ZERO);
    let last = process(&file.0, &center).wait_with_output();
    let last = timeout(PATIENCE, last).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&last.stdout);
    assert!(said.contains(&format!("summary {USERS} {USERS} 0\n")), "{said}");

    let mut sent = HashMap::<String, usize>::new();
    for request in center.requests() {
        for user in request.body["users"].as_array().unwrap() {
            *sent.entry(user["username"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let all = usize::try_from(USERS).unwrap();
    assert_eq!((sent.len(), center.users().len()), (all, all));
    let twice = sent.values().sum::<usize>() - all;
    println!("{done} of {USERS} were done when it was killed for the last time; {twice} were sent twice");
    // Those in flight, and as many that were complete and not in the file yet.
    assert!(twice <= kills * 2 * IN_FLIGHT * 100, "{twice} were sent twice");
    assert!(done >= 1_000, "only {done} were done in {kills} runs");
}
