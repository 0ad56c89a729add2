use std::time::{Duration, Instant};

use aigc_auth::{AuthClient, testing};

use super::support::{Replica, asked, center, look_up, name, percentile};
use crate::support::redis_server::RedisServer;
use crate::support::until;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// SIGSTOP.
    Paused,
    /// SIGKILL.
    Killed,
}

/// Cold tokens, from the moment of the outage on, beside a client without a cluster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_redis_costs_no_request_and_little_time() {
    for fault in [Fault::Paused, Fault::Killed] {
        const USERS: usize = 2_000;
        let Some(mut server) = RedisServer::start(&[]).await else { return };
        let center = center(USERS).await;
        // As one that is not in this process.
        center.delay(Duration::from_millis(5));
        let replica = Replica::start(&center, &server).await;
        let alone = AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
        match fault {
            Fault::Paused => server.signal("STOP"),
            Fault::Killed => server.kill().await,
        }
        let started = Instant::now();
        let (with, without) = tokio::join!(replica.look_up(0..USERS, 4), look_up(&alone, 0..USERS, 4));
        let [p99, alone] = [&with, &without].map(|took| percentile(took, 99));
        println!(
            "{fault:?}: p50 {:?}, p99 {p99:?}, at most {:?}; without a cluster p99 {alone:?}; {:?}",
            percentile(&with, 50),
            with[USERS - 1],
            started.elapsed()
        );
        // Twice as long by itself; beside other tests, whose work falls on either of the two, one late call more.
        let other_work =
            std::env::var_os("AIGC_AUTH_LONG").map_or(Duration::from_millis(50), |_| Duration::ZERO);
        assert!(p99 <= alone * 2 + other_work, "{fault:?}: p99 {p99:?}, without a cluster {alone:?}");
        if fault == Fault::Paused {
            server.signal("CONT");
            until("in touch again", || replica.cluster.is_connected()).await;
        }
    }
}

/// Redis throws away what it likes, or takes nothing more: all are served, and what is there is right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_redis_serves_what_it_has() {
    const USERS: usize = 600;
    // Redis takes 1 MB for itself, and does not take them all.
    let nickname = "x".repeat(4_000);
    for policy in ["allkeys-lru", "allkeys-random", "noeviction"] {
        let options = ["--maxmemory", "2500kb", "--maxmemory-policy", policy];
        let Some(server) = RedisServer::start(&options).await else { return };
        let center = center(USERS).await;
        for n in 0..USERS {
            center.add_user(testing::user(name(n)).nickname(&*nickname));
        }
        let replicas = [Replica::start(&center, &server).await, Replica::start(&center, &server).await];
        for replica in &replicas {
            replica.look_up(0..USERS, 64).await;
        }
        println!("{policy}: {} calls for 2 x {USERS}", asked(&center));
        // Some are not there for the second, or Redis was not full. A replica that finds it full when it listens anew forgets what it
        // has, and asks again.
        assert!((USERS + 1..=3 * USERS).contains(&asked(&center)), "{policy}: {}", asked(&center));
        // What is cached here stays, unless the stream was evicted: then it is looked up once more.
        replicas[0].look_up(0..USERS, 64).await;
        assert!(asked(&center) <= 4 * USERS, "{policy}: {}", asked(&center));
    }
}
