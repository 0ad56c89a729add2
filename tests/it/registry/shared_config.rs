//! The configuration in the Redis of the cluster, for replicas that cannot reach the auth center.

use std::time::{Duration, Instant};

use aigc_auth::AuthClient;
use aigc_auth::cluster::RedisCluster;
use aigc_auth::registry::{RegistrationState, ServiceConfig};
use aigc_auth::testing::{AuthCenter, Fault};
use serde_json::{Value, json};

use crate::registry::support::{Directory, heartbeats_until, is, orders, pass};
use crate::support::redis_server::RedisServer;
use crate::support::{Log, Stopwatch, client_with, tls, until};

/// A client in a cluster over this Redis.
fn member(center: &AuthCenter, redis: &RedisServer) -> AuthClient {
    member_at(center, redis.url())
}

fn member_at(center: &AuthCenter, url: String) -> AuthClient {
    client_with(center, |client| client.cluster(RedisCluster::connect(url).unwrap()))
}

fn has(config: &ServiceConfig, limit: u64) -> bool {
    config.value == json!({ "LIMIT": limit })
}

async fn keys(redis: &RedisServer) -> Vec<String> {
    let keys: Vec<String> = redis.run(&["KEYS", "*:config:*"]).await;
    keys
}

#[tokio::test]
async fn replica_that_starts_during_outage_has_what_another_received() {
    let Some(redis) = RedisServer::start(&[]).await else { return };
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let first = orders().start(&member(&center, &redis)).unwrap();
    is(&first, RegistrationState::Online).await;
    center.set_config("orders", json!({ "LIMIT": 8 }));
    heartbeats_until("the change is received", || has(&first.config(), 8)).await;
    center.inject_fault(Fault::Refuse);

    let directory = Directory::new("shared-config");
    let file = directory.0.join("config.json");
    let of_before =
        json!({ "name": "orders", "environment": "pro", "config": { "LIMIT": 7 }, "config_version": 2 });
    std::fs::write(&file, of_before.to_string()).unwrap();
    // Without a file, and with one that is older, which is then replaced.
    let started = Instant::now();
    let second = orders().start(&member(&center, &redis)).unwrap();
    until("it has the configuration", || has(&second.config(), 8)).await;
    println!("the configuration is there after {:?}", started.elapsed());
    let third = orders().config_file(&file).start(&member(&center, &redis)).unwrap();
    assert!(has(&third.config(), 7), "the file's, at once");
    until("it has the newer one", || has(&third.config(), 8)).await;
    until("so has the file", || {
        let text = std::fs::read(&file).unwrap();
        serde_json::from_slice(&text).is_ok_and(|stored: Value| stored["config"] == json!({ "LIMIT": 8 }))
    })
    .await;
    for replica in [&second, &third] {
        is(replica, RegistrationState::Retrying).await;
        assert_eq!(replica.config().version, json!(3));
    }

    center.clear_faults();
    center.set_config("orders", json!({ "LIMIT": 9 }));
    pass(Duration::from_secs(40)).await;
    until("the center's word counts", || has(&second.config(), 9)).await;
}

/// It alone cannot reach the auth center: what others receive reaches it by Redis.
#[tokio::test]
async fn replica_that_is_cut_off_from_the_center_gets_changes() {
    let Some(redis) = RedisServer::start(&[]).await else { return };
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let first = orders().start(&member(&center, &redis)).unwrap();
    is(&first, RegistrationState::Online).await;
    // By a proxy that is not there.
    let proxy = reqwest::Proxy::all("http://127.0.0.1:9").unwrap();
    let cut_off = client_with(&center, |client| {
        let http = tls::http_client(rustls::RootCertStore::empty()).proxy(proxy).build().unwrap();
        client.http_client(http).cluster(RedisCluster::connect(redis.url()).unwrap())
    });
    let second = orders().start(&cut_off).unwrap();
    until("it has the configuration", || has(&second.config(), 7)).await;
    center.set_config("orders", json!({ "LIMIT": 8 }));
    heartbeats_until("both have the change", || has(&first.config(), 8) && has(&second.config(), 8)).await;
    assert_eq!(second.state(), RegistrationState::Retrying);
}

#[tokio::test]
async fn what_does_not_open_is_as_if_absent() {
    let Some(redis) = RedisServer::start(&[]).await else { return };
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "API_KEY": "hunter2" }));
    let first = orders().start(&member(&center, &redis)).unwrap();
    is(&first, RegistrationState::Online).await;
    until("it is received", || !first.config().value.is_null()).await;
    let mut found = vec![];
    let looked = Instant::now();
    while found.is_empty() && looked.elapsed() < Duration::from_secs(10) {
        found = keys(&redis).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let [key] = &found[..] else { panic!("{found:?}") };
    let sealed: Vec<u8> = redis.run(&["GET", key]).await;
    assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
    let rest: i64 = redis.run(&["TTL", key]).await;
    assert!((2_591_000..=2_592_000).contains(&rest), "{rest}");
    assert_eq!(key.matches("orders").count(), 0, "{key}");
    first.shutdown(Duration::from_secs(5)).await.unwrap();
    center.inject_fault(Fault::Refuse);

    let is_empty = async |client: &AuthClient, why: &str| {
        let replica = orders().start(client).unwrap();
        is(&replica, RegistrationState::Retrying).await;
        assert_eq!(replica.config().value, Value::Null, "{why}");
    };
    // Of another service or environment, and under another secret.
    let bills =
        aigc_auth::registry::Registration::builder("bills").port(1).start(&member(&center, &redis)).unwrap();
    is(&bills, RegistrationState::Retrying).await;
    assert_eq!(bills.config().value, Value::Null);
    let rotated = AuthClient::builder(center.app_id(), "another secret", center.url())
        .cluster(RedisCluster::connect(redis.url()).unwrap())
        .build()
        .unwrap();
    is_empty(&rotated, "another secret").await;
    // Moved, damaged, of another type.
    let opens = async || {
        let replica = orders().start(&member(&center, &redis)).unwrap();
        until("it is read", || !replica.config().value.is_null()).await;
    };
    opens().await;
    // Once in 256 times it is an x.
    let other = if sealed[20] == b'x' { "y" } else { "x" };
    for command in [
        vec!["SETRANGE", key, "20", other],
        vec!["SET", key, ""],
        vec!["SET", key, "{\"config\":{},\"config_version\":99}"],
        vec!["DEL", key],
        vec!["HSET", key, "a", "1"],
    ] {
        redis.run::<redis::Value>(&command).await;
        is_empty(&member(&center, &redis), &format!("{command:?}")).await;
    }
}

#[tokio::test]
async fn redis_that_is_not_there_changes_nothing() {
    let Some(mut redis) = RedisServer::start(&[]).await else { return };
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let (url, log) = (redis.url(), Log::start());
    redis.kill().await;
    let started = Stopwatch::start();
    let first = orders().start(&member_at(&center, url)).unwrap();
    is(&first, RegistrationState::Online).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    until("it has the configuration", || has(&first.config(), 7)).await;
    let mut said = String::new();
    until("it is warned of", || {
        said += &log.take();
        said.contains("the configuration cannot be shared by Redis")
    })
    .await;
    heartbeats_until("heartbeats go on", || center.calls("/service/heartbeat") >= 2).await;
    said += &log.take();
    assert_eq!(said.matches("the configuration cannot be shared by Redis").count(), 1, "{said}");
    // Shared with the next heartbeat once it is there.
    redis.start_again().await;
    let mut found = 0;
    let looked = Instant::now();
    while found == 0 && looked.elapsed() < Duration::from_secs(10) {
        pass(Duration::from_secs(67)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        found = keys(&redis).await.len();
    }
    assert_eq!(found, 1);
}
