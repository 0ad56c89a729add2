//! Pushes that meet an auth center or a legacy system in trouble: what is tried again, when it ends, and what is kept.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aigc_auth::testing::Fault;
use aigc_auth::user_sync::{Push, PushEvent, PushOptions, PushSummary, SyncErrorKind};
use aigc_auth::webhook::WebhookConfig;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::support::rig::status;
use crate::support::{Log, until, until_async};
use crate::user_sync::events::hook;
use crate::user_sync::push::with_center;
use crate::user_sync::support::{Desk, Store, all_created, config, numbered};
use crate::webhook::support::{SECRET, report, serve_hook};

/// A checkpoint file of its own, removed in the end.
pub(crate) struct Checkpoint(pub(crate) PathBuf);

impl Checkpoint {
    pub(crate) fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("aigc-auth-push-{}-{name}.json", std::process::id())))
    }

    pub(crate) fn options(&self) -> PushOptions {
        PushOptions::new().checkpoint(&self.0)
    }

    pub(crate) fn read(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.0).unwrap()).unwrap()
    }

    /// The number of the last user that is done.
    pub(crate) fn place(&self) -> Value {
        self.read()["place"].clone()
    }
}

impl Drop for Checkpoint {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Lets time stand still but for the pauses before users could not be sent; retrying, which it skips. Returns what they were to be.
async fn with_pauses<T>(log: &Log, doing: impl Future<Output = T>) -> (T, Vec<Duration>) {
    tokio::time::pause();
    let (mut doing, mut pauses) = (std::pin::pin!(doing), vec![]);
    // It never rests, or else time would be moved on to the next deadline, whatever that is of.
    let done = loop {
        tokio::select! {
            biased;
            done = &mut doing => break done,
            () = tokio::task::yield_now() => {}
        }
        let lines = log.take();
        let again: Vec<_> =
            lines.lines().filter(|line| line.contains("users could not be sent; retrying")).collect();
        if !again.is_empty() {
            pauses.extend(again.iter().map(|line| pause(line)));
            tokio::time::advance(Duration::from_secs(61)).await;
        }
    };
    tokio::time::resume();
    (done, pauses)
}

/// As it is logged: `pause=312.5ms`, `pause=1.25s`.
fn pause(line: &str) -> Duration {
    let text = line.split_once("pause=").unwrap().1.split(' ').next().unwrap();
    let (number, unit) = text.split_at(text.find(|char: char| char.is_alphabetic()).unwrap());
    let seconds = number.parse::<f64>().unwrap() * if unit == "ms" { 1e-3 } else { 1.0 };
    assert!(matches!(unit, "s" | "ms"), "{line}");
    Duration::from_secs_f64(seconds)
}

/// The last summary, and the error if there was one. Asks until there is nothing more.
pub(crate) async fn to_the_end(mut push: Push) -> (PushSummary, Option<(SyncErrorKind, String)>) {
    let (mut summary, mut failed) = (PushSummary::default(), None);
    while let Some(event) = push.next().await {
        match event {
            Ok(PushEvent::Progress(now) | PushEvent::Resumed(now)) => summary = now,
            Ok(_) => {}
            Err(error) => failed = Some((error.kind(), error.to_string())),
        }
    }
    (summary, failed)
}

#[tokio::test]
async fn transient_failures_are_retried_without_duplicates() {
    let log = Log::start();
    for (fault, arrived) in [
        (Fault::status(503), false),
        (Fault::status(500), false),
        (Fault::status(408), false),
        (Fault::Reset, false),
        (Fault::ResetMidBody, true),
        (Fault::Truncated, true),
        (Fault::Html, false),
        (Fault::WrongShape, false),
        (Fault::code(500, "later"), false),
        (Fault::code(-1, "later"), false),
        (Fault::code(429, "later"), false),
    ] {
        let store = Store::generated(200, numbered);
        let (center, sync) = with_center(&store, config()).await;
        center.inject_fault_times(3, fault.clone());
        let push = sync.push_all(PushOptions::new().max_in_flight(1)).finish();
        let (summary, pauses) = with_pauses(&log, push).await;
        let summary = summary.unwrap();
        // Those of the first chunk are known already where only the answer was lost.
        let known = if arrived { 100 } else { 0 };
        assert_eq!((summary.created, summary.skipped, summary.failed), (200 - known, known, 0), "{fault:?}");
        assert_eq!(
            (pauses.len(), center.calls("/sync/batch"), center.users().len()),
            (3, 5, 200),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn backoff_doubles_to_30_s_and_honors_retry_after() {
    let log = Log::start();
    let store = Store::generated(1, numbered);
    let (center, sync) = with_center(&store, config()).await;
    center.inject_fault(Fault::status(503));
    let (_, pauses) = with_pauses(&log, sync.push_all(PushOptions::new()).finish()).await;
    assert_eq!(pauses.len(), 7);
    for (pause, longest) in pauses.iter().zip([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]) {
        let seconds = pause.as_secs_f64();
        assert!(seconds >= longest / 2.0 - 1e-6 && seconds <= longest + 1e-6, "{pauses:?}");
    }
    center.clear_faults();
    for (code, asked, seconds) in [(429, "7", 7), (503, "60", 60)] {
        center.inject_fault_times(1, status(code, Some(asked)));
        let (_, pauses) = with_pauses(&log, sync.push_all(PushOptions::new()).finish()).await;
        assert_eq!(pauses, [Duration::from_secs(seconds)]);
    }
}

#[tokio::test]
async fn push_fails_after_eight_attempts_and_resumes() {
    let log = Log::start();
    for fault in [Fault::status(503), Fault::Refuse] {
        let (store, file) = (Store::generated(350, numbered), Checkpoint::new("away"));
        let (center, sync) = with_center(&store, config()).await;
        let mut push = sync.push_all(file.options().max_in_flight(1));
        assert!(matches!(push.next().await, Some(Ok(PushEvent::Progress(_)))));
        center.inject_fault(fault.clone());
        let (end, pauses) = with_pauses(&log, to_the_end(push)).await;
        let (kind, message) = end.1.unwrap();
        assert_eq!((kind, pauses.len()), (SyncErrorKind::AuthCenter, 7), "{fault:?}");
        // The second chunk may have been sent while the first was stored.
        let place = file.place().as_u64().unwrap();
        assert!(place == 100 || place == 200, "{place}");
        let expected = format!("users from `user-{}` on could not be sent to the auth center: ", place + 1);
        assert!(message.starts_with(&expected) && !message.contains("first"), "{message}");
        assert_eq!(file.read()["finished"], json!(false));

        center.clear_faults();
        let (summary, failed) = to_the_end(sync.push_all(file.options().resume())).await;
        assert_eq!((summary.total, summary.created, summary.skipped, failed), (350, 350, 0, None));
        assert_eq!(center.users().len(), 350);
        assert_eq!((file.place(), file.read()["finished"].clone()), (json!(350), json!(true)));
    }
}

#[tokio::test]
async fn rejected_service_ends_push_at_once() {
    let elsewhere = Fault::Redirect("http://127.0.0.1:9/".to_owned());
    let statuses = [301, 401, 403, 404, 405].map(|code| status(code, None));
    let codes = [401, 403, 404].map(|code| Fault::code(code, "not you: test-secret"));
    for fault in statuses.into_iter().chain(codes).chain([elsewhere]) {
        let (store, file) = (Store::generated(350, numbered), Checkpoint::new("refused"));
        let (center, sync) = with_center(&store, config()).await;
        center.inject_fault(fault.clone());
        let (summary, failed) = to_the_end(sync.push_all(file.options().max_in_flight(1))).await;
        let (kind, message) = failed.unwrap();
        assert_eq!((kind, center.calls("/sync/batch")), (SyncErrorKind::AuthCenter, 1), "{fault:?}");
        assert!(!message.contains("test-secret"), "{message}");
        assert_eq!((summary, file.place()), (PushSummary::default(), json!(null)));
    }
}

#[tokio::test]
async fn failed_chunk_is_not_marked_done() {
    for culprit in [101, 301] {
        let is_refused = Arc::new(AtomicBool::new(true));
        let refuses = is_refused.clone();
        let desk = Desk::start(move |users| {
            let is_culprit = users[0]["username"] == format!("user-{culprit}");
            if is_culprit && refuses.load(Ordering::SeqCst) {
                return (200, json!({"code": 403, "message": "no", "data": null}));
            }
            all_created(users)
        })
        .await;
        let (store, file) = (Store::generated(350, numbered), Checkpoint::new("failed"));
        let sync = desk.sync(&store, config());
        let (summary, failed) = to_the_end(sync.push_all(file.options())).await;
        assert_eq!((summary.total, failed.unwrap().0), (culprit - 1, SyncErrorKind::AuthCenter));
        assert_eq!((file.place(), file.read()["finished"].clone()), (json!(culprit - 1), json!(false)));
        is_refused.store(false, Ordering::SeqCst);
        let (summary, failed) = to_the_end(sync.push_all(file.options().resume())).await;
        assert_eq!((summary.total, summary.created, failed), (350, 350, None));
        let arrived = |number: u64| {
            let name = format!("user-{number}");
            desk.batches().iter().flatten().filter(|user| user["username"] == name).count()
        };
        assert_eq!(arrived(culprit), 2, "refused once");
        assert!((1..=350).all(|number| arrived(number) >= 1));
    }
}

#[tokio::test]
async fn users_read_before_store_failure_are_sent() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let breaks = is_broken.clone();
    let store = Store::generated(350, move |number| match number {
        250 if breaks.load(Ordering::SeqCst) => Err("the table is gone".into()),
        _ => numbered(number),
    });
    let (file, (center, sync)) = (Checkpoint::new("table"), with_center(&store, config()).await);
    let (summary, failed) = to_the_end(sync.push_all(file.options())).await;
    let message = "the users of the legacy system cannot be read: the table is gone".to_owned();
    assert_eq!((summary.total, failed), (249, Some((SyncErrorKind::Store, message))));
    assert_eq!((center.users().len(), file.place()), (249, json!(249)));
    is_broken.store(false, Ordering::SeqCst);
    let (summary, failed) = to_the_end(sync.push_all(file.options().resume())).await;
    assert_eq!((summary.total, summary.created, failed, center.users().len()), (350, 350, None, 350));
}

#[tokio::test]
async fn dropped_push_resumes_from_checkpoint() {
    let (store, file) = (Store::generated(2_500, numbered), Checkpoint::new("dropped"));
    let (center, sync) = with_center(&store, config()).await;
    let (mut pushes, mut sent) = (0, 0);
    loop {
        let mut push = sync.push_all(file.options().resume().max_in_flight(2));
        let resumed = push.next().await;
        let is_first = matches!(resumed, Some(Ok(PushEvent::Progress(_))));
        assert_eq!(is_first, pushes == 0, "{resumed:?}");
        pushes += 1;
        assert!(pushes < 50, "it comes no further");
        if push.next().await.is_none() {
            break;
        }
        sent = center.calls("/sync/batch");
    }
    assert_eq!((center.users().len(), file.read()["summary"]["total"].clone()), (2_500, json!(2_500)));
    // In flight, and complete without a checkpoint.
    assert!(pushes >= 5 && sent <= 25 + 4 * pushes, "{pushes} pushes, {sent} chunks sent");
}

#[tokio::test]
async fn init_sync_event_starts_one_push() {
    let store = Store::generated(250, numbered);
    let (center, sync) = with_center(&store, config()).await;
    let app = serve_hook(WebhookConfig::new(SECRET).unwrap(), hook(&sync)).await;
    let mut times = 0;
    let mut ask = async || {
        // In the same words it would be taken for the same event.
        times += 1;
        let event = json!({"event": "user.init_sync_auth", "data": {"time": times}});
        report(&app, event.to_string()).await.json()
    };
    let said = |message: &str| json!({"success": true, "message": message});
    center.inject_fault(Fault::Hang);
    assert_eq!(ask().await, said("Initial sync started"));
    until("it is under way", || center.calls("/sync/batch") == 3).await;
    assert_eq!(ask().await, said("Initial sync is under way already"));
    // It is not waited for, and another may begin.
    assert_eq!(sync.shutdown(Duration::from_secs(10)).await, 0);
    assert_eq!(ask().await, said("Initial sync started"));
    until("another is under way", || center.calls("/sync/batch") == 6).await;
    assert_eq!(ask().await, said("Initial sync is under way already"));
    sync.shutdown(Duration::ZERO).await;

    center.clear_faults();
    assert_eq!(ask().await, said("Initial sync started"));
    until("everybody is there", || center.users().len() == 250).await;
    // Once it is done, it may be requested again.
    until("it is done", || store.held_by() == 2).await;
    until_async("it may begin again", async || ask().await == said("Initial sync started")).await;
    let off = Store::generated(1, numbered);
    let (_, sync) = with_center(&off, config().mode(aigc_auth::user_sync::SyncMode::AuthToLegacy)).await;
    let answer = sync.handle_event("user.init_sync_auth", None).await.unwrap();
    assert_eq!(answer["success"], false);
    assert!(answer["message"].as_str().unwrap().contains("is off"), "{answer}");
}
