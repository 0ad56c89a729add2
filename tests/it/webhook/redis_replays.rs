//! Replicas that remember in Redis what they have handled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::cluster::RedisCluster;
use aigc_auth::webhook::{RedisReplays, ReplayMemory, ReplayTag, UserEvent};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::redis_server::{Path, RedisServer};
use crate::support::{App, Log, Stopwatch, until_async};
use crate::webhook::support::{
    CHANGE, Gated, Notes, config, deliver, doubly, refused, report, run, serve_hook, signed, standard,
};

fn replays(url: impl AsRef<str>) -> RedisReplays {
    RedisReplays::connect(url, "orders").unwrap()
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn tag(n: u8) -> ReplayTag {
    ReplayTag::new([n; 32])
}

#[tokio::test]
async fn replicas_handle_event_once_together() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    for headers in [signed(CHANGE), standard("msg_1", 0, CHANGE), doubly("msg_1", CHANGE)] {
        server.run::<()>(&["FLUSHALL"]).await;
        let notes = Notes::default();
        let serve = || serve_hook(config().replay_memory(replays(server.url())), notes.clone());
        // From the first event on, which comes while they connect.
        let apps = [serve().await, serve().await, serve().await];
        assert_eq!(run(&deliver(&apps[0], &headers, CHANGE).await), Some(1));
        for app in &apps {
            assert_eq!(run(&deliver(app, &headers, CHANGE).await), None);
        }
        // Another service is not concerned.
        let bills = RedisReplays::connect(server.url(), "bills").unwrap();
        let other = serve_hook(config().replay_memory(bills), notes.clone()).await;
        assert_eq!(run(&deliver(&other, &headers, CHANGE).await), Some(2));
    }
    // All keys have an end, and nothing of the event.
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    assert!(!keys.is_empty());
    for key in keys {
        let rest: i64 = server.run(&["PTTL", &key]).await;
        assert!((1..=600_000).contains(&rest), "{key}: {rest}");
        let value: String = server.run(&["GET", &key]).await;
        assert!(!format!("{key}{value}").contains("alice"), "{key}: {value}");
    }
}

/// Over the connection of a cluster, whose keys are those of the app.
#[tokio::test]
async fn replicas_of_a_cluster_handle_event_once_together() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let cluster = |app: &str| RedisCluster::builder(server.url()).app(app, "its secret").build().unwrap();
    let notes = Notes::default();
    let serve = async |cluster: &RedisCluster, service: &str| {
        serve_hook(config().replay_memory(cluster.replays(service).unwrap()), notes.clone()).await
    };
    let (one, other) = (cluster("app"), cluster("app"));
    let apps = [serve(&one, "orders").await, serve(&other, "orders").await];
    assert_eq!(run(&report(&apps[0], CHANGE).await), Some(1));
    for app in &apps {
        assert_eq!(run(&report(app, CHANGE).await), None);
    }
    assert_eq!(run(&report(&serve(&other, "bills").await, CHANGE).await), Some(2), "another service");
    assert_eq!(run(&report(&serve(&cluster("app2"), "orders").await, CHANGE).await), Some(3), "another app");
    // Nobody has named an app.
    let nameless = RedisCluster::connect(server.url()).unwrap().replays("orders").unwrap();
    let error = nameless.claim(tag(1), TEN_SECONDS).await.unwrap_err().to_string();
    assert!(error.contains("does not know its app"), "{error}");
    assert!(one.replays("").is_err());
}

/// Delivered to three replicas at a time, and again to those that were busy, as senders do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_deliveries_run_one_handler() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::to(&server).await;
    let runs = Arc::<Mutex<Vec<String>>>::default();
    let noted = runs.clone();
    let handler = move |_: UserEvent| {
        noted.lock().unwrap().push(aigc_auth::webhook::delivery_id().unwrap());
        async {
            tokio::time::sleep(Duration::from_millis(3)).await;
            Ok::<Value, std::convert::Infallible>(json!({ "run": 1 }))
        }
    };
    let serve = || serve_hook(config().replay_memory(replays(path.url())), handler.clone());
    let apps = [serve().await, serve().await, serve().await];
    let until_acknowledged = async |app: &App, id: &str| {
        until_async("it is acknowledged", async || {
            deliver(app, &standard(id, 0, CHANGE), CHANGE).await.status == 200
        })
        .await;
    };
    for n in 0..60 {
        // The path is cut in the middle of some.
        let cut = async {
            if n % 20 == 10 {
                tokio::time::sleep(Duration::from_micros(100 * n)).await;
                path.cut();
            }
        };
        let id = format!("msg_{n}");
        tokio::join!(join_all(apps.iter().map(|app| until_acknowledged(app, &id))), cut);
    }
    let mut seen = runs.lock().unwrap().clone();
    seen.sort();
    let handled = seen.len();
    seen.dedup();
    assert_eq!((seen.len(), handled), (60, 60));
}

#[tokio::test]
async fn event_in_flight_elsewhere_is_tried_again_and_freed_by_a_drop() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let handler = Gated::new();
    let one = serve_hook(config().replay_memory(replays(server.url())), handler.clone()).await;
    let other = serve_hook(config().replay_memory(replays(server.url())), handler.clone()).await;
    let first = async { run(&report(&one, CHANGE).await) };
    let second = async {
        handler.started().await;
        let busy = report(&other, CHANGE).await;
        assert_eq!(refused(&busy, 503), "Another process is handling this event");
        handler.go();
    };
    assert_eq!(tokio::join!(first, second).0, Some(1));
    assert_eq!(run(&report(&other, CHANGE).await), None);

    let claimed = replays(server.url());
    assert!(claimed.claim(tag(1), TEN_SECONDS).await.unwrap());
    let elsewhere = replays(server.url());
    assert!(!elsewhere.claim(tag(1), TEN_SECONDS).await.unwrap());
    claimed.release(tag(1)).await.unwrap();
    assert!(elsewhere.claim(tag(1), Duration::from_millis(20)).await.unwrap());
    until_async("it has expired", async || claimed.claim(tag(1), TEN_SECONDS).await.unwrap()).await;
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Killed,
    Paused,
    Mute,
    /// A password that is refused.
    Locked,
    /// It takes no writes.
    Full,
}

/// An endpoint without its memory handles each event, and each copy; soon after the repair it handles none twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_handled_while_redis_is_not_there() {
    let story = async |fault: Fault| {
        let Some(mut server) = RedisServer::start(&[]).await else { return };
        server.run::<()>(&["ACL", "SETUSER", "app", "on", ">pw", "~aigc-auth:orders:*", "+@all"]).await;
        let path = Path::to(&server).await;
        let notes = Notes::default();
        let url = if fault == Fault::Mute { path.url() } else { server.url_of("app", "pw") };
        let app = serve_hook(config().replay_memory(replays(url)), notes.clone()).await;
        assert_eq!(run(&report(&app, CHANGE).await), Some(1));
        assert_eq!(run(&report(&app, CHANGE).await), None, "{fault:?}");
        match fault {
            Fault::Killed => server.kill().await,
            Fault::Paused => server.signal("STOP"),
            Fault::Mute => path.set_mute(true),
            Fault::Locked => {
                server.run::<()>(&["ACL", "SETUSER", "app", "resetpass", ">other"]).await;
                let _: Value = json!(server.run::<i64>(&["CLIENT", "KILL", "USER", "app"]).await);
            }
            Fault::Full => server.run(&["CONFIG", "SET", "maxmemory", "1"]).await,
        }
        let mut longest = Duration::ZERO;
        for copy in 0..5 {
            let started = Stopwatch::start();
            let answer = run(&report(&app, CHANGE).await);
            longest = longest.max(started.elapsed());
            // One that is full still tells what was handled.
            let expected = (fault != Fault::Full).then_some(copy + 2);
            assert_eq!(answer, expected, "{fault:?}");
        }
        println!("{fault:?}: an event took {longest:?} at most");
        assert!(longest < Duration::from_secs(2), "{fault:?}: {longest:?}");
        if fault == Fault::Full {
            assert_eq!(run(&deliver(&app, &standard("new", 0, CHANGE), CHANGE).await), Some(2));
        }
        match fault {
            Fault::Killed => {
                server.start_again().await;
                server
                    .run::<()>(&["ACL", "SETUSER", "app", "on", ">pw", "~aigc-auth:orders:*", "+@all"])
                    .await;
            }
            Fault::Paused => server.signal("CONT"),
            Fault::Mute => path.set_mute(false),
            Fault::Locked => server.run(&["ACL", "SETUSER", "app", ">pw"]).await,
            Fault::Full => server.run(&["CONFIG", "SET", "maxmemory", "0"]).await,
        }
        // New ones: a call that was sent into a pause is done at its end, and claims what it was about for 10 s.
        let attempt = AtomicUsize::new(0);
        let is_handled_once = async || {
            let headers = standard(&format!("after_{}", attempt.fetch_add(1, Ordering::Relaxed)), 0, CHANGE);
            assert!(run(&deliver(&app, &headers, CHANGE).await).is_some());
            run(&deliver(&app, &headers, CHANGE).await).is_none()
        };
        until_async("copies are known again", is_handled_once).await;
        for _ in 0..5 {
            assert!(is_handled_once().await, "{fault:?}");
        }
    };
    tokio::join!(
        story(Fault::Killed),
        story(Fault::Paused),
        story(Fault::Mute),
        story(Fault::Locked),
        story(Fault::Full)
    );
}

#[tokio::test]
async fn down_at_the_start_and_there_later() {
    let Some(mut server) = RedisServer::start(&[]).await else { return };
    server.kill().await;
    let log = Log::start();
    let notes = Notes::default();
    let serve = || serve_hook(config().replay_memory(replays(server.url())), notes.clone());
    let apps = [serve().await, serve().await];
    assert_eq!(run(&report(&apps[0], CHANGE).await), Some(1));
    assert_eq!(run(&report(&apps[1], CHANGE).await), Some(2), "each handles it");
    let said = log.take();
    assert!(said.contains("the replay memory fails; events may be handled twice"), "{said}");
    server.start_again().await;
    until_async("copies are known", async || run(&report(&apps[0], CHANGE).await).is_none()).await;
    until_async("and there", async || run(&report(&apps[1], CHANGE).await).is_none()).await;
}

#[tokio::test]
async fn flushed_redis_forgets_what_was_handled_and_claims_nothing() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let notes = Notes::default();
    let app = serve_hook(config().replay_memory(replays(server.url())), notes.clone()).await;
    for expected in 1..=2 {
        assert_eq!(run(&report(&app, CHANGE).await), Some(expected));
        assert_eq!(run(&report(&app, CHANGE).await), None);
        server.run::<()>(&["FLUSHALL"]).await;
    }
}

/// Keys that somebody else has written, in place of ours.
#[tokio::test]
async fn foreign_values_hold_no_event_up() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let memory = replays(server.url());
    let key = |n| format!("aigc-auth:orders:replay:{}", tag(n));
    server.run::<()>(&["HSET", &key(1), "a", "1"]).await;
    server.run::<()>(&["SET", &key(2), "garbage"]).await;
    server.run::<()>(&["SET", &key(3), "\u{ff}", "PX", "600000"]).await;
    server.run::<()>(&["SET", &key(4), &tag(9).to_string(), "PX", "600000"]).await;
    let keys = [1, 2, 3, 4, 5].map(tag);
    assert_eq!(memory.get(&keys).await.unwrap(), [None, None, None, Some(tag(9)), None]);
    for n in [1, 2] {
        let error = memory.claim(tag(n), TEN_SECONDS).await.unwrap_err().to_string();
        assert!(error.contains(&key(n)) && error.contains("has no end"), "{error}");
    }
    for n in [3, 4] {
        assert!(!memory.claim(tag(n), TEN_SECONDS).await.unwrap(), "somebody's, for a while");
    }
    let entries = keys.map(|key| (key, tag(7)));
    memory.set(&entries, TEN_SECONDS).await.unwrap();
    assert_eq!(memory.get(&keys).await.unwrap(), [Some(tag(7)); 5]);
    for n in 1..=5 {
        assert!(server.run::<i64>(&["PTTL", &key(n)]).await > 0);
    }
    assert!(memory.get(&[]).await.unwrap().is_empty());
    memory.set(&[], TEN_SECONDS).await.unwrap();
    memory.set(&entries[..1], Duration::MAX).await.unwrap();
    memory.set(&entries[..1], Duration::ZERO).await.unwrap();
}

/// A user of Redis who has these commands on these keys, and no more.
#[tokio::test]
async fn least_privileges_are_enough() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let rules = ["~aigc-auth:orders:*", "+set", "+get", "+mget", "+pttl", "+del", "+ping"];
    server.run::<()>(&[&["ACL", "SETUSER", "app", "on", ">pw"][..], &rules].concat()).await;
    let log = Log::start();
    let app = serve_hook(config().replay_memory(replays(server.url_of("app", "pw"))), Notes::default()).await;
    assert_eq!(run(&report(&app, CHANGE).await), Some(1));
    assert_eq!(run(&report(&app, CHANGE).await), None);
    let said = log.take();
    assert!(!said.contains("replay memory fails"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_of_a_claim_are_no_claim_of_others() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::to(&server).await;
    for round in 0..20 {
        let memory = replays(path.url());
        memory.get(&[tag(0)]).await.unwrap();
        let cut = async {
            tokio::time::sleep(Duration::from_micros(round * 50)).await;
            path.cut();
        };
        let claims = join_all((1..=50).map(|n| memory.claim(tag(n), TEN_SECONDS)));
        let (claimed, ()) = tokio::join!(claims, cut);
        let claimed: Vec<_> = claimed.into_iter().map(Result::unwrap).collect();
        assert_eq!(claimed, [true; 50], "{round}");
        server.run::<()>(&["FLUSHALL"]).await;
    }
}

#[tokio::test]
async fn settings_that_cannot_be_meant_are_refused() {
    for (url, service, reason) in [
        ("redis://127.0.0.1", " ", "expected the name of the service"),
        ("redis-cluster://127.0.0.1", "orders", "Redis Cluster is not supported"),
        ("127.0.0.1", "orders", "invalid URL of Redis"),
    ] {
        let error = RedisReplays::connect(url, service).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let memory = RedisReplays::connect("redis://:hunter2@127.0.0.1:1", "orders").unwrap();
    assert!(!format!("{memory:?}").contains("hunter2"));
}
