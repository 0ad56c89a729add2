//! Each event is handled once, however often it is sent; and only the end of the app cancels a handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aigc_auth::testing::Clock;
use aigc_auth::webhook::{self, EventUser, UserEvent};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::{Answer, App, Guard, Signal, head, post, serve};
use crate::webhook::support::{
    CHANGE, Gated, Headers, InvalidationLog, Notes, SECRET, config, deliver, doubly, refused, report, run,
    serve_hook, signed, standard,
};

/// Another change of alice.
const ANOTHER: &str =
    r#"{"event": "user.updated", "data": {"id": 7, "username": "alice", "updatedFields": ["phone"]}}"#;

/// Delivers in the background.
fn delivering(app: &App, headers: &Headers, body: &'static str) -> JoinHandle<Answer> {
    let (address, headers) = (app.address, headers.clone());
    tokio::spawn(async move { post(address, "/webhook/auth", &headers, body).await })
}

/// Delivers a change of alice from a sender who hangs up when this is dropped.
async fn connected(app: &App) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    let length = ("content-length", CHANGE.len().to_string());
    let headers = [signed(CHANGE), vec![length]].concat();
    let head = head("POST", "/webhook/auth", &headers);
    stream.write_all(&[&head, CHANGE.as_bytes()].concat()).await.unwrap();
    stream
}

#[tokio::test]
async fn event_is_handled_once_per_10_min() {
    for headers in [signed(CHANGE), standard("msg_1", 0, CHANGE), doubly("msg_1", CHANGE)] {
        let (clock, notes) = (Clock::held(), Notes::default());
        let app = serve_hook(config().clock(clock.clone()), notes.clone()).await;
        // A message may be signed anew when it is tried again, or it would be too old by then.
        let later = |seconds| match headers.iter().find(|(name, _)| *name == "webhook-id") {
            Some((_, id)) => [&headers[..headers.len() - 3], &standard(id, seconds, CHANGE)].concat(),
            None => headers.clone(),
        };
        let mut millis = 0;
        for (after, expected) in
            [(0, Some(1)), (0, None), (599_999, None), (1, Some(2)), (1, None), (599_998, None), (1, Some(3))]
        {
            millis += after;
            clock.advance(Duration::from_millis(after.try_into().unwrap()));
            let answer = deliver(&app, &later(millis / 1_000), CHANGE).await;
            assert_eq!(run(&answer), expected, "after {millis} ms");
        }
        assert_eq!(notes.runs(), 3);
    }
}

#[tokio::test]
async fn deliveries_are_deduplicated_by_id_or_body() {
    let spaced = CHANGE.replace(':', " :");
    let of = |headers: Headers, body: &str| (headers, body.to_owned());
    let plain = of(signed(CHANGE), CHANGE);
    let double = of(doubly("msg_1", CHANGE), CHANGE);
    let message = of(standard("msg_1", 0, CHANGE), CHANGE);
    for (what, first, second, runs) in [
        ("the same bytes", &plain, &plain, 1),
        ("the same JSON in other bytes", &plain, &of(signed(&spaced), &spaced), 2),
        ("another event", &plain, &of(signed(ANOTHER), ANOTHER), 2),
        ("the same message", &message, &message, 1),
        ("the same message, signed later", &message, &of(standard("msg_1", 20, CHANGE), CHANGE), 1),
        ("another body under the same id", &message, &of(standard("msg_1", 0, ANOTHER), ANOTHER), 1),
        ("the same body under another id", &message, &of(standard("msg_2", 0, CHANGE), CHANGE), 2),
        ("the same, signed twice", &double, &double, 1),
        ("the same body under another id, signed twice", &double, &of(doubly("msg_2", CHANGE), CHANGE), 2),
        ("stripped of its id", &double, &plain, 1),
        ("stripped of its plain signature", &double, &message, 1),
        ("an id of another case", &message, &of(standard("MSG_1", 0, CHANGE), CHANGE), 2),
    ] {
        let notes = Notes::default();
        let app = serve_hook(config(), notes.clone()).await;
        assert_eq!(run(&deliver(&app, &first.0, &first.1).await), Some(1), "{what}");
        let again = run(&deliver(&app, &second.0, &second.1).await);
        assert_eq!((again, notes.runs()), ((runs == 2).then_some(2), runs), "{what}");
    }
}

/// The auth center's bodies have neither id nor time: equal bytes need not be the same event.
#[tokio::test]
async fn state_that_returns_is_handled_again() {
    let named = |event: &str, data: serde_json::Value| json!({"event": event, "data": data}).to_string();
    let status = |status| named("user.updated", json!({"id": 7, "username": "alice", "status": status}));
    let deleted = named("user.deleted", json!({"id": 7, "username": "alice"}));
    let created = named("user.created", json!({"id": 7, "username": "alice"}));
    let of = |headers: Headers, body: &str| (headers, body.to_owned());
    let plain = |body: &str| of(signed(body), body);
    let (disabled, active) = (plain(&status("disabled")), plain(&status("active")));
    let by_id = plain(&named("user.updated", json!({"id": 7, "status": "active"})));
    let by_name = plain(&named("user.updated", json!({"username": "alice", "status": "active"})));
    let with_id = of(standard("msg_1", 0, &active.1), &active.1);
    let bob = plain(&named("user.deleted", json!({"id": 8, "username": "bob"})));
    let team = plain(&named("team.created", json!({"id": 7, "username": "alice"})));
    let init = plain(&named("user.init_sync_auth", json!({"username": "alice"})));
    for (what, between, is_handled) in [
        ("the user was enabled", Some(&active), true),
        ("by an event with the id alone", Some(&by_id), true),
        ("by an event with the username alone", Some(&by_name), true),
        ("by an event that is known by its own id", Some(&with_id), true),
        ("the user was deleted", Some(&plain(&deleted)), true),
        ("nothing between", None, false),
        ("another user's event", Some(&bob), false),
        ("no user's event", Some(&team), false),
        ("an event about all users", Some(&init), false),
    ] {
        for first in [&disabled, &plain(&created), &plain(&deleted)] {
            if between.is_some_and(|between| between.1 == first.1) {
                continue;
            }
            let app = serve_hook(config(), Notes::default()).await;
            let mut runs = vec![];
            for delivery in [Some(first), between, Some(first), Some(first)].into_iter().flatten() {
                runs.push(run(&deliver(&app, &delivery.0, &delivery.1).await).is_some());
            }
            let expected = [vec![true; 1 + usize::from(between.is_some())], vec![is_handled, false]].concat();
            assert_eq!(runs, expected, "{what}: {}", first.1);
        }
    }
    // A run that fails may have changed the user, too; and its own event is tried again.
    let app = serve_hook(config(), |event: UserEvent| async move {
        let is_active = event.user().and_then(EventUser::status) == Some("active");
        if is_active { Err("no answer from the table") } else { Ok(json!({ "run": 1 })) }
    })
    .await;
    assert_eq!(run(&deliver(&app, &disabled.0, &disabled.1).await), Some(1));
    for _ in 0..2 {
        refused(&deliver(&app, &active.0, &active.1).await, 500);
    }
    assert_eq!(run(&deliver(&app, &disabled.0, &disabled.1).await), Some(1));
    assert_eq!(run(&deliver(&app, &disabled.0, &disabled.1).await), None);
}

#[tokio::test]
async fn rotated_secret_does_not_repeat_delivery() {
    let (old, new) = ("the old secret of these tests", SECRET);
    for order in [[old, new], [new, old]] {
        let notes = Notes::default();
        let app = serve_hook(config().also_accept(old).unwrap(), notes.clone()).await;
        let deliveries = order.map(|secret| {
            let signature = webhook::sign(CHANGE.as_bytes(), &secret.into());
            vec![("x-webhook-signature", signature)]
        });
        assert_eq!(run(&deliver(&app, &deliveries[0], CHANGE).await), Some(1));
        assert_eq!(run(&deliver(&app, &deliveries[1], CHANGE).await), None, "signed anew");
        assert_eq!(notes.runs(), 1);
    }
}

#[tokio::test]
async fn failed_event_is_rerun_until_success() {
    for headers in [signed(CHANGE), doubly("msg_1", CHANGE)] {
        let runs = Arc::<AtomicUsize>::default();
        let counted = runs.clone();
        let app = serve_hook(config(), move |_| {
            let run = counted.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                tokio::task::yield_now().await;
                assert_ne!(run, 2, "the second panics");
                if run < 4 { Err("not yet") } else { Ok(json!({ "run": run })) }
            }
        })
        .await;
        for expected in 1..=3 {
            refused(&deliver(&app, &headers, CHANGE).await, 500);
            assert_eq!(runs.load(Ordering::SeqCst), expected);
        }
        for expected in [Some(4), None, None] {
            assert_eq!(run(&deliver(&app, &headers, CHANGE).await), expected);
        }
        assert_eq!(run(&report(&app, CHANGE).await), None, "also without its id");
    }
}

#[tokio::test]
async fn replay_window_is_configurable() {
    for (seconds, expected) in [(0, [Some(1), Some(2), Some(3)]), (1, [Some(1), None, Some(2)])] {
        let clock = Clock::held();
        let config = config().replay_window(Duration::from_secs(seconds)).clock(clock.clone());
        let app = serve_hook(config, Notes::default()).await;
        let mut runs = vec![];
        for after in [0, 999, 1] {
            clock.advance(Duration::from_millis(after));
            runs.push(run(&report(&app, CHANGE).await));
        }
        assert_eq!(runs, expected, "{seconds} s");
    }
    let clock = Clock::held();
    let app = serve_hook(config().replay_window(Duration::MAX).clock(clock.clone()), Notes::default()).await;
    for expected in [Some(1), None] {
        assert_eq!(run(&report(&app, CHANGE).await), expected);
        clock.advance(Duration::from_secs(300 * 24 * 60 * 60));
    }
}

#[tokio::test]
async fn endpoints_have_separate_replay_caches() {
    let config = config();
    for _ in 0..2 {
        let app = serve_hook(config.clone(), Notes::default()).await;
        assert_eq!(run(&report(&app, CHANGE).await), Some(1));
    }
}

#[tokio::test]
async fn concurrent_replays_share_one_answer() {
    for headers in [signed(CHANGE), standard("msg_1", 0, CHANGE), doubly("msg_1", CHANGE)] {
        let (handler, arrived) = (Gated::new(), InvalidationLog::default());
        let app = serve_hook(config().invalidate(arrived.clone()), handler.clone()).await;
        let deliveries: Vec<_> = (0..10).map(|_| delivering(&app, &headers, CHANGE)).collect();
        handler.started().await;
        for _ in 0..10 {
            arrived.invalidated().await;
        }
        assert!(deliveries.iter().all(|delivery| !delivery.is_finished()));
        handler.go();
        for answer in join_all(deliveries).await {
            assert_eq!(run(&answer.unwrap()), Some(1));
        }
        assert_eq!(handler.notes.runs(), 1);
        assert_eq!(run(&deliver(&app, &headers, CHANGE).await), None);
    }
}

#[tokio::test]
async fn concurrent_replays_share_one_error_and_rerun() {
    let (started, go, arrived) = (Signal::default(), Signal::default(), InvalidationLog::default());
    let gates = (started.clone(), go.clone());
    let app = serve_hook(config().invalidate(arrived.clone()), move |_| {
        let (started, go) = gates.clone();
        async move {
            started.give();
            go.wait("the gate opens").await;
            Err::<(), _>("no")
        }
    })
    .await;
    for _ in 0..2 {
        let deliveries: Vec<_> = (0..3).map(|_| delivering(&app, &signed(CHANGE), CHANGE)).collect();
        started.wait("the handler starts").await;
        for _ in 0..3 {
            arrived.invalidated().await;
        }
        go.give();
        let answers = join_all(deliveries).await;
        let messages: Vec<_> = answers.into_iter().map(|answer| refused(&answer.unwrap(), 500)).collect();
        assert_eq!(messages[1..], [&messages[0][..]; 2]);
    }
}

#[tokio::test]
async fn other_events_do_not_wait() {
    let handler = Gated::new();
    let app = serve_hook(config(), handler.clone()).await;
    let first = delivering(&app, &signed(CHANGE), CHANGE);
    handler.started().await;
    let second = delivering(&app, &signed(ANOTHER), ANOTHER);
    handler.started().await;
    assert!(!first.is_finished() && !second.is_finished());
    handler.go();
    handler.go();
    let runs = [first.await.unwrap(), second.await.unwrap()].map(|answer| run(&answer));
    assert_eq!(runs, [Some(1), Some(2)]);
}

/// A user is disabled, enabled and disabled again, while the first handler still runs: the third event is no copy of the first.
#[tokio::test]
async fn event_that_comes_back_is_handled_after_slow_run_of_same_bytes() {
    let (handler, arrived) = (Gated::new(), InvalidationLog::default());
    let app = serve_hook(config().invalidate(arrived.clone()), handler.clone()).await;
    let first = delivering(&app, &signed(CHANGE), CHANGE);
    handler.started().await;
    let other = delivering(&app, &signed(ANOTHER), ANOTHER);
    handler.started().await;
    for _ in 0..2 {
        arrived.invalidated().await;
    }
    let back: Vec<_> = (0..2).map(|_| delivering(&app, &signed(CHANGE), CHANGE)).collect();
    for _ in &back {
        arrived.invalidated().await;
    }
    // Two let the runs go on that have started, and the third one that of the event that came back, with its copy.
    (0..3).for_each(|_| handler.go());
    for delivery in [first, other] {
        assert!(run(&delivery.await.unwrap()).is_some());
    }
    let back = join_all(back).await;
    assert!(back.iter().all(|answer| answer.as_ref().unwrap().status == 200));
    assert_eq!(handler.notes.runs(), 3);
    assert_eq!(run(&report(&app, CHANGE).await), None, "now it was handled");
}

#[tokio::test]
async fn disconnected_sender_does_not_cancel_handler() {
    let (handler, left, arrived) = (Gated::new(), Signal::default(), InvalidationLog::default());
    let gone = left.clone();
    // Signals when the server has noticed: it drops the request's future.
    let notice = from_fn(move |request: Request, next: Next| {
        let guard = Guard(gone.clone());
        async move {
            let response = next.run(request).await;
            drop(guard);
            response
        }
    });
    let hook: Router = webhook::router(config().invalidate(arrived.clone()), handler.clone());
    let app = serve(hook.layer(notice)).await;
    let sender = connected(&app).await;
    handler.started().await;
    arrived.invalidated().await;
    drop(sender);
    left.wait("the server notices").await;
    assert!(!handler.is_gone());
    // The sender tries again, and the handler still runs.
    let again = delivering(&app, &signed(CHANGE), CHANGE);
    arrived.invalidated().await;
    handler.go();
    assert_eq!(run(&again.await.unwrap()), Some(1));
    assert_eq!((handler.notes.runs(), run(&report(&app, CHANGE).await)), (1, None));
}

#[tokio::test]
async fn events_over_limit_are_503_with_retry_after() {
    let (handler, arrived) = (Gated::new(), InvalidationLog::default());
    let app = serve_hook(config().max_in_flight(1).invalidate(arrived.clone()), handler.clone()).await;
    let first = delivering(&app, &signed(CHANGE), CHANGE);
    handler.started().await;
    let full = report(&app, ANOTHER).await;
    refused(&full, 503);
    assert_eq!(full.header("retry-after"), Some("1"));
    // To wait for what is handled already costs nothing.
    let joined = delivering(&app, &signed(CHANGE), CHANGE);
    for _ in 0..3 {
        arrived.invalidated().await;
    }
    handler.go();
    handler.go();
    for delivery in [first, joined] {
        assert_eq!(run(&delivery.await.unwrap()), Some(1));
    }
    assert_eq!(run(&report(&app, ANOTHER).await), Some(2));
}

#[tokio::test]
async fn zero_limit_allows_one_handler() {
    let app = serve_hook(config().max_in_flight(0), Notes::default()).await;
    assert_eq!(run(&report(&app, CHANGE).await), Some(1));
}

#[tokio::test]
async fn dropping_app_cancels_handlers() {
    let handler = Gated::new();
    let app = serve_hook(config(), handler.clone()).await;
    let sender = connected(&app).await;
    handler.started().await;
    drop((sender, app));
    handler.gone().await;
    assert_eq!(handler.notes.runs(), 0);
}
