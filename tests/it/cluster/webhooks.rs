//! Events that are in force everywhere before they are acknowledged.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::cluster::support::{Replica, pair};
use crate::support::Stopwatch;
use crate::support::redis_server::RedisServer;
use crate::webhook::support::{CHANGE, Notes, config, deliver, refused, report, serve_hook};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_at_one_replica_is_in_force_at_the_other() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, two] = pair(server.url(), server.url()).await;
    let notes = Notes::default();
    let hook =
        serve_hook(config().replay_window(Duration::ZERO).invalidate(one.client.clone()), notes.clone())
            .await;
    let (mut late, mut alone) = (vec![], vec![]);
    for _ in 0..200 {
        two.fill();
        // What a request takes on this machine, at this time.
        let asked = Instant::now();
        refused(&deliver(&hook, &Vec::new(), CHANGE).await, 401);
        alone.push(asked.elapsed());
        assert_eq!(report(&hook, CHANGE).await.status, StatusCode::OK);
        let acknowledged = Instant::now();
        two.loses("alice").await;
        late.push(acknowledged.elapsed());
        assert!(two.has("bob"));
    }
    late.sort();
    alone.sort();
    println!(
        "in force after the acknowledgement: p50 {:?}, p99 {:?}, at most {:?}; a request p99 {:?}",
        late[100], late[198], late[199], alone[198]
    );
    // On the wire before it: what is left is the other process's own time.
    assert!(late[198] < Duration::from_millis(50).max(5 * alone[198]), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_that_others_cannot_be_told_of_is_sent_again_and_told_all_the_same() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, two] = pair(server.url(), server.url()).await;
    let notes = Notes::default();
    let hook = serve_hook(config().invalidate(one.client.clone()), notes.clone()).await;
    server.signal("STOP");
    let started = Stopwatch::start();
    let answer = report(&hook, CHANGE).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(refused(&answer, 503), "Other replicas cannot be told of this event right now");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!((notes.runs(), one.has("alice")), (0, false), "in force here, and not handled yet");
    assert!(two.has("alice"));
    server.signal("CONT");
    two.loses("alice").await;
    assert!(two.has("bob"), "nothing was missed");
    two.is_heard().await;
    assert_eq!(report(&hook, CHANGE).await.status, StatusCode::OK);
    assert_eq!(notes.runs(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_is_acknowledged_during_an_outage_where_that_is_set() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, two] = pair(server.url(), server.url()).await;
    let notes = Notes::default();
    let config = config().invalidate(one.client.clone()).acknowledge_unspread();
    let hook = serve_hook(config, notes.clone()).await;
    server.signal("STOP");
    assert_eq!(report(&hook, CHANGE).await.status, StatusCode::OK);
    assert_eq!((notes.runs(), one.has("alice")), (1, false));
    server.signal("CONT");
    two.loses("alice").await;
}

/// A replica alone, with no Redis at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_is_refused_while_there_is_no_redis() {
    let alone = Replica::new("redis://127.0.0.1:9");
    alone.fill();
    let notes = Notes::default();
    let hook = serve_hook(config().invalidate(alone.client.clone()), notes.clone()).await;
    refused(&report(&hook, CHANGE).await, 503);
    assert_eq!((notes.runs(), alone.has("alice"), alone.has("bob")), (0, false, true));
}
