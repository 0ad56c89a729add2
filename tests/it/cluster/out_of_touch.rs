//! For how long a replica trusts what it has cached when it hears nothing, by a clock that stands still.

use std::time::Duration;

use aigc_auth::cluster::RedisCluster;
use aigc_auth::testing::Fault;
use aigc_auth::{AuthClient, AuthClientBuilder, testing};
use http::{HeaderMap, StatusCode};

use crate::cluster::support::{Replica, pair};
use crate::support::redis_server::{PATIENCE, RedisServer};
use crate::support::rig::{APP_SECRET, Rig, Seen, TOKEN};
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replica_trusts_its_cache_for_32_s_and_again_after_a_proof() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, _two] = pair(server.url(), server.url()).await;
    server.signal("STOP");
    one.is_unheard().await;
    // The last good check was sent a moment before the clock's time, which stands still.
    one.advance(29);
    assert!(one.has("bob"), "trusted for two seconds and the TTL of 30 s");
    one.advance(4);
    assert!(!one.has("bob"), "33 s without a proof");
    one.client.cache_user("carol-token", testing::user("carol").id(9));
    assert!(one.has("carol"), "looked up meanwhile");
    one.advance(29);
    assert!(one.has("carol"));
    one.advance(2);
    assert!(!one.has("carol"), "for 30 s");
    server.signal("CONT");
    until("nothing was missed, after all", || one.has("bob")).await;
    // 64 s old by now; of its 300 s, 70 to 90 % pass before it is refreshed.
    one.client.cache_user("dave-token", testing::user("dave").id(10));
    one.advance(31);
    until("trusted for the whole TTL again", || one.has("dave")).await;
}

/// As of a process that was stopped for longer than it may trust its cache: nothing of it has run when the first request comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_request_after_a_pause_is_not_served_from_the_cache() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let [one, _two] = pair(server.url(), server.url()).await;
    for round in 0..20 {
        until("trusted", || one.has("bob")).await;
        one.advance(33);
        // Before the next check, which is within a second; it may come in between once, and not each time.
        if !one.has("bob") {
            return;
        }
        one.client.cache_user("bob-token", testing::user("bob").id(8));
        assert!(round < 19, "served after 33 s without a proof");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ttl_is_short_until_a_replica_hears_the_others() {
    let alone = Replica::new("redis://127.0.0.1:9");
    let brief = Replica::with("redis://127.0.0.1:9", |builder| builder.degraded_ttl(Duration::from_secs(5)));
    for (replica, ttl) in [(&alone, 30), (&brief, 5)] {
        replica.fill();
        replica.advance(ttl - 1);
        assert!(replica.has("bob"), "{ttl}");
        replica.advance(1);
        assert!(!replica.has("bob"), "{ttl}");
    }
}

/// The auth center is asked again; while it cannot be, known users are served as without a cluster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubted_user_is_looked_up_and_served_stale_in_an_outage_of_the_center() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let cluster = RedisCluster::connect(server.url()).unwrap();
    let rig = Rig::with(|builder: AuthClientBuilder| builder.cluster(cluster.clone())).await;
    assert_eq!(APP_SECRET, rig.center.app_secret());
    assert!(cluster.connected(PATIENCE).await);
    assert_eq!((rig.ask(TOKEN).await, rig.calls()), (Seen::user("alice"), 1));
    server.signal("STOP");
    until("out of touch", || !cluster.is_connected()).await;
    rig.advance(31);
    rig.advance(2);
    assert_eq!((rig.ask(TOKEN).await, rig.calls()), (Seen::user("alice"), 2), "asked again");
    assert_eq!((rig.ask(TOKEN).await, rig.calls()), (Seen::user("alice"), 2), "and cached");
    rig.center.inject_fault_on("/user/info", Fault::Status(StatusCode::BAD_GATEWAY, HeaderMap::new()));
    rig.advance(31);
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "neither can be asked");
    let never: &AuthClient = &rig.client;
    never.invalidate_user(7);
    assert_eq!(rig.ask(TOKEN).await.status, 503, "an invalidation that is known is in force");
}
