//! Users and events that replicas share in Redis.

use aigc_auth::testing;
use aigc_auth::testing::AuthCenter;

use super::harness::drop_at_each_await;
use crate::shared_cache::support::Replica;
use crate::support::redis_server::{PATIENCE, RedisServer};
use crate::support::until;

#[tokio::test]
async fn lookups_through_redis_that_are_dropped_hold_no_place() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice").id(7));
    center.add_token("alice-token", "alice");
    let few = |builder: aigc_auth::AuthClientBuilder| builder.max_concurrent_lookups(1).max_in_flight(1);
    let replica = Replica::with(&center, &server, few).await;
    let other = Replica::start(&center, &server).await;
    for is_shared in [false, true] {
        let dropped = drop_at_each_await(
            "a lookup",
            async || {
                replica.client.clear_cache();
                if is_shared {
                    other.client.user_info("alice-token").await.unwrap();
                }
                replica.client.user_info("alice-token").await
            },
            async |drop, user| {
                assert!(user.is_none_or(|user| user.is_ok()), "{drop:?}");
                until("nothing is in flight", || {
                    let now = replica.client.snapshot();
                    (now.lookups, now.in_flight, now.waiting) == (0, 0, 0)
                })
                .await;
                replica.client.invalidate_user(7);
                replica
                    .client
                    .user_info("alice-token")
                    .await
                    .unwrap_or_else(|error| panic!("{drop:?}: {error}"));
            },
        )
        .await;
        assert!(dropped >= 2, "{dropped}");
    }
}

#[tokio::test]
async fn wait_for_the_cluster_that_is_dropped_leaves_it_connected() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice").id(7));
    center.add_token("alice-token", "alice");
    let replica = Replica::start(&center, &server).await;
    drop_at_each_await(
        "connected",
        async || {
            Replica::start(&center, &server).await;
        },
        async |drop, _| {
            assert!(replica.cluster.connected(PATIENCE).await, "{drop:?}");
            let next = Replica::start(&center, &server).await;
            replica.client.invalidate_user(7);
            let reached =
                next.cluster.connected(PATIENCE).await && next.client.user_info("alice-token").await.is_ok();
            assert!(reached, "{drop:?}: the next one");
        },
    )
    .await;
}
