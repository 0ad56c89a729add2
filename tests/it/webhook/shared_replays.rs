//! A service of several processes, which remember together what they have handled; and what a handler knows a delivery by.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::webhook::{
    self, HandlerError, InMemoryReplays, ReplayMemory, ReplayMemoryError, ReplayTag, UserEvent,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Log, post, until_async};
use crate::webhook::support::{
    CHANGE, Gated, Notes, config, deliver, doubly, refused, report, run, serve_hook, signed, standard,
};

#[tokio::test]
async fn processes_handle_event_once_together() {
    for headers in [signed(CHANGE), standard("msg_1", 0, CHANGE), doubly("msg_1", CHANGE)] {
        let (memory, notes) = (Arc::new(InMemoryReplays::new()), Notes::default());
        let one = serve_hook(config().replay_memory(memory.clone()), notes.clone()).await;
        let other = serve_hook(config().replay_memory(memory.clone()), notes.clone()).await;
        assert_eq!(run(&deliver(&one, &headers, CHANGE).await), Some(1));
        for app in [&other, &one, &other] {
            assert_eq!(run(&deliver(app, &headers, CHANGE).await), None);
        }
        // An endpoint of another path is another one.
        let elsewhere = serve_hook(config().prefix("/v2").replay_memory(memory), notes.clone()).await;
        assert_eq!(run(&post(elsewhere.address, "/v2/auth", &headers, CHANGE).await), Some(2));
    }
    // Without, each has its own.
    let notes = Notes::default();
    for expected in 1..=2 {
        assert_eq!(run(&report(&serve_hook(config(), notes.clone()).await, CHANGE).await), Some(expected));
    }
}

#[tokio::test]
async fn event_in_flight_elsewhere_is_tried_again_by_its_sender() {
    let memory = Arc::new(InMemoryReplays::new());
    let handler = Gated::new();
    let one = serve_hook(config().replay_memory(memory.clone()), handler.clone()).await;
    let other = serve_hook(config().replay_memory(memory), handler.clone()).await;
    let first = async { run(&report(&one, CHANGE).await) };
    let second = async {
        handler.started().await;
        let busy = report(&other, CHANGE).await;
        assert_eq!(refused(&busy, 503), "Another process is handling this event");
        assert_eq!(
            busy.header("retry-after"),
            Some("10"),
            "the claim of a process that was killed has ended"
        );
        handler.go();
    };
    assert_eq!(tokio::join!(first, second).0, Some(1));
    assert_eq!(run(&report(&other, CHANGE).await), None);
    assert_eq!(handler.notes.runs(), 1);
}

#[tokio::test]
async fn failed_run_leaves_event_to_other_process() {
    let memory = Arc::new(InMemoryReplays::new());
    let failing = |_: UserEvent| async { Err::<Value, _>("the disk is full") };
    let one = serve_hook(config().replay_memory(memory.clone()), failing).await;
    let other = serve_hook(config().replay_memory(memory), Notes::default()).await;
    refused(&report(&one, CHANGE).await, 500);
    assert_eq!(run(&report(&other, CHANGE).await), Some(1));
    assert_eq!(run(&report(&one, CHANGE).await), None);
}

/// The same bytes twice are two events where another one of the user came between, whichever process it came to.
#[tokio::test]
async fn events_of_the_same_bytes_are_handled_by_other_processes_too() {
    let (memory, notes) = (Arc::new(InMemoryReplays::new()), Notes::default());
    let serve = || serve_hook(config().replay_memory(memory.clone()), notes.clone());
    let apps = [serve().await, serve().await, serve().await];
    let status = |status: &str| {
        json!({ "event": "user.updated", "data": { "id": 7, "status": status, "updatedFields": ["status"] } })
            .to_string()
    };
    for (n, (app, event)) in [(0, "disabled"), (1, "active"), (2, "disabled"), (2, "active"), (0, "disabled")]
        .into_iter()
        .enumerate()
    {
        assert_eq!(run(&report(&apps[app], status(event)).await), Some(n as u64 + 1), "{n}");
        for copy in &apps {
            assert_eq!(run(&report(copy, status(event)).await), None, "{n}");
        }
    }
}

/// As when a process is stopped: its handlers are dropped, and what they were at is handled by another one at once.
#[tokio::test]
async fn event_of_a_dropped_handler_is_free_at_once() {
    use tower::ServiceExt;

    let memory = Arc::new(InMemoryReplays::new());
    let other = serve_hook(config().replay_memory(memory.clone()), Notes::default()).await;
    let handler = Gated::new();
    let app: axum::Router = webhook::router(config().replay_memory(memory), handler.clone());
    let request =
        http::Request::post("/webhook/auth").header("x-webhook-signature", signed(CHANGE)[0].1.clone());
    let delivery = tokio::spawn(app.oneshot(request.body(axum::body::Body::from(CHANGE)).unwrap()));
    handler.started().await;
    refused(&report(&other, CHANGE).await, 503);
    // The router goes with the only call of it.
    delivery.abort();
    handler.gone().await;
    let start = std::time::Instant::now();
    until_async("the event is handled", async || report(&other, CHANGE).await.status == 200).await;
    assert!(start.elapsed() < Duration::from_secs(5), "that was its lease: {:?}", start.elapsed());
}

/// A memory that is gone, and fails or hangs.
struct Gone {
    hangs: bool,
}

impl Gone {
    async fn answer<T>(&self) -> Result<T, ReplayMemoryError> {
        if self.hangs { pending().await } else { Err("connection refused".into()) }
    }
}

impl ReplayMemory for Gone {
    async fn get(&self, _: &[ReplayTag]) -> Result<Vec<Option<ReplayTag>>, ReplayMemoryError> {
        self.answer().await
    }

    async fn set(&self, _: &[(ReplayTag, ReplayTag)], _: Duration) -> Result<(), ReplayMemoryError> {
        self.answer().await
    }

    async fn claim(&self, _: ReplayTag, _: Duration) -> Result<bool, ReplayMemoryError> {
        self.answer().await
    }

    async fn release(&self, _: ReplayTag) -> Result<(), ReplayMemoryError> {
        self.answer().await
    }
}

#[tokio::test]
async fn events_are_handled_without_memory() {
    let log = Log::start();
    let app = serve_hook(config().replay_memory(Gone { hangs: false }), Notes::default()).await;
    for expected in 1..=2 {
        assert_eq!(run(&report(&app, CHANGE).await), Some(expected));
    }
    let said = log.take();
    let warning = "the replay memory fails; events may be handled twice error=connection refused";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
}

#[tokio::test(start_paused = true)]
async fn hanging_memory_delays_event_by_bounded_time() {
    use http::Request;
    use tower::ServiceExt;

    let config = config().replay_memory(Gone { hangs: true });
    let app: axum::Router = webhook::router(config, Notes::default());
    let request = Request::post("/webhook/auth").header("x-webhook-signature", signed(CHANGE)[0].1.clone());
    let start = tokio::time::Instant::now();
    let answer = app.oneshot(request.body(axum::body::Body::from(CHANGE)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(start.elapsed() <= Duration::from_secs(13), "{:?}", start.elapsed());
}

#[tokio::test]
async fn handler_sees_delivery_id() {
    let of_body = Sha256::digest(CHANGE).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (headers, expected) in [
        (signed(CHANGE), &*of_body),
        (standard("msg_1", 0, CHANGE), "msg_1"),
        (doubly("msg_2", CHANGE), "msg_2"),
        // Without a signature that covers it, an id is only a word.
        ([signed(CHANGE), vec![("webhook-id", "msg_3".to_owned())]].concat(), &of_body),
    ] {
        let seen = Arc::<Mutex<Vec<Option<String>>>>::default();
        let (noted, spawned) = (seen.clone(), Arc::new(AtomicBool::new(true)));
        let asked = spawned.clone();
        let handler = move |_: UserEvent| {
            noted.lock().unwrap().push(webhook::delivery_id());
            let (noted, asked) = (noted.clone(), asked.clone());
            async move {
                tokio::task::yield_now().await;
                noted.lock().unwrap().push(webhook::delivery_id());
                let elsewhere = tokio::spawn(async { webhook::delivery_id() }).await?;
                asked.store(elsewhere.is_some(), Ordering::SeqCst);
                Ok::<_, HandlerError>(json!({ "run": 1 }))
            }
        };
        run(&deliver(&serve_hook(config(), handler).await, &headers, CHANGE).await);
        let expected = Some(expected.to_owned());
        assert_eq!(*seen.lock().unwrap(), [expected.clone(), expected]);
        assert!(!spawned.load(Ordering::SeqCst), "a task of its own has none");
    }
    assert_eq!(webhook::delivery_id(), None);
}

/// What has looked up the truth, and found that the event says otherwise, may be told so by the same bytes later.
#[tokio::test]
async fn handler_allows_repetition() {
    let notes = Notes::default();
    let kept = notes.clone();
    let app = serve_hook(config(), move |event: UserEvent| {
        let kept = kept.clone();
        async move {
            webhook::allow_repetition();
            webhook::Handler::handle(&kept, event).await
        }
    })
    .await;
    for expected in 1..=3 {
        assert_eq!(run(&report(&app, CHANGE).await), Some(expected));
    }
    // A `webhook-id` tells one delivery from another anyway.
    for expected in [Some(4), None, None] {
        assert_eq!(run(&deliver(&app, &standard("msg_1", 0, CHANGE), CHANGE).await), expected);
    }
    webhook::allow_repetition();
}
