use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aigc_auth::invalidate::Invalidate;

use super::support::{Replica, asked, center, name, percentile};
use crate::support::redis_server::RedisServer;
use crate::support::{until, until_async};

const USERS: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_replicas_asks_about_each_cold_token() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(USERS).await;
    // On a busy machine, the auth center in this process takes longer than a lookup may by default.
    let start = || Replica::with(&center, &server, |builder| builder.timeout(Duration::from_secs(30)));
    let replicas = [start().await, start().await, start().await];
    let started = Instant::now();
    let took = tokio::join!(
        replicas[0].look_up(0..USERS, USERS),
        replicas[1].look_up(0..USERS, USERS),
        replicas[2].look_up(0..USERS, USERS),
    );
    println!(
        "{} calls for 3 x {USERS} cold tokens in {:?}; p50 {:?}, p99 {:?}",
        asked(&center),
        started.elapsed(),
        percentile(&took.0, 50),
        percentile(&took.0, 99)
    );
    assert!(asked(&center) <= 2_100, "{}", asked(&center));
}

/// Users come to all replicas. A few are invalidated meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restart_asks_again_about_a_few_users() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(USERS).await;
    let mut replicas = vec![];
    for _ in 0..3 {
        replicas.push(Replica::start(&center, &server).await);
    }
    for replica in &replicas {
        replica.look_up(0..USERS, 64).await;
    }
    center.clear_requests();
    for at in 0..3 {
        let client = replicas[(at + 1) % 3].client.clone();
        client.invalidate_username(&name(at));
        client.spread().await.unwrap();
        // The old one ends before the new one is there.
        replicas.remove(0);
        let new = Replica::start(&center, &server).await;
        until("the new replica is in touch", || new.cluster.is_connected()).await;
        new.look_up(0..USERS, 64).await;
        replicas.push(new);
    }
    println!("{} of {USERS} users were asked about again", asked(&center));
    assert!((3..=USERS / 20).contains(&asked(&center)), "{}", asked(&center));
}

/// Everything is forgotten, everywhere; each token costs one call all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_redis_costs_one_call_for_each_token() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(500).await;
    let replicas = [Replica::start(&center, &server).await, Replica::start(&center, &server).await];
    for replica in &replicas {
        replica.look_up(0..500, 64).await;
    }
    center.clear_requests();
    server.run::<()>(&["FLUSHALL"]).await;
    // Found within a second, and then each is looked up again.
    let forgotten = AtomicUsize::new(0);
    until_async("both have found the flush", async || {
        for (n, replica) in replicas.iter().enumerate() {
            // One user of each, who is asked about once it has forgotten all.
            let before = asked(&center);
            replica.look_up(n..n + 1, 1).await;
            forgotten.fetch_or(usize::from(asked(&center) > before) << n, Ordering::Relaxed);
        }
        forgotten.load(Ordering::Relaxed) == 3
    })
    .await;
    for replica in &replicas {
        until("in touch", || replica.cluster.is_connected()).await;
        replica.look_up(0..500, 64).await;
    }
    println!("{} calls after the flush", asked(&center));
    assert!((500..=525).contains(&asked(&center)), "{}", asked(&center));
}
