use std::time::{Duration, SystemTime};

use aigc_auth::invalidate::Invalidate as _;
use aigc_auth::testing::Clock;

use super::support::{Replica, asked, center, name, token};
use crate::support::redis_server::RedisServer;
use crate::support::until_async;

#[tokio::test]
async fn replica_reads_what_another_has_verified_and_not_what_is_invalidated() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(3).await;
    let (one, two) = (Replica::start(&center, &server).await, Replica::start(&center, &server).await);
    let alice = one.client.user_info(&token(0)).await.unwrap();
    assert_eq!(two.client.user_info(&token(0)).await.unwrap(), alice);
    assert_eq!(asked(&center), 1);

    // By the user, at the replica that has not looked them up, and by a token.
    type Invalidate = fn(&Replica);
    let user: Invalidate = |replica| replica.client.invalidate_username(&name(0));
    let log_out: Invalidate = |replica| replica.client.invalidate(token(0));
    for (calls, invalidate) in [(2, user), (3, log_out)] {
        center.update_user(&name(0), |user| user.nickname(format!("version {calls}")));
        let three = Replica::start(&center, &server).await;
        invalidate(&three);
        three.client.spread().await.unwrap();
        for replica in [&three, &one, &two] {
            until_async("the new version is there", async || {
                let user = replica.client.user_info(&token(0)).await.unwrap();
                user.nickname() == Some(&format!("version {calls}"))
            })
            .await;
        }
        assert_eq!(asked(&center), calls, "one has asked for all");
        // One that has just started knows of it as well.
        let four = Replica::start(&center, &server).await;
        let user = four.client.user_info(&token(0)).await.unwrap();
        assert_eq!(user.nickname(), Some(&*format!("version {calls}")));
        assert_eq!(asked(&center), calls);
    }
}

/// Redis sees neither tokens nor users.
#[tokio::test]
async fn keys_and_values_show_nothing() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(1).await;
    let replica = Replica::start(&center, &server).await;
    replica.client.user_info(&token(0)).await.unwrap();
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    let users: Vec<_> = keys.iter().filter(|key| key.contains(":user:")).collect();
    assert_eq!(users.len(), 1, "{keys:?}");
    let value: Vec<u8> = server.run(&["GET", users[0]]).await;
    for secret in [token(0), name(0), center.app_secret().to_owned(), center.app_id().to_owned()] {
        assert!(!keys.iter().any(|key| key.contains(&secret)), "{keys:?}");
        assert!(!value.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test]
async fn users_are_not_shared_where_that_is_switched_off() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(1).await;
    for _ in 0..2 {
        let cluster =
            aigc_auth::cluster::RedisCluster::builder(server.url()).share_users(false).build().unwrap();
        let builder = aigc_auth::AuthClient::builder(center.app_id(), center.app_secret(), center.url());
        let client = builder.cluster(cluster.clone()).build().unwrap();
        assert!(cluster.connected(crate::support::redis_server::PATIENCE).await);
        client.user_info(&token(0)).await.unwrap();
    }
    assert_eq!(asked(&center), 2);
    assert!(!server.run::<Vec<String>>(&["KEYS", "*"]).await.iter().any(|key| key.contains(":user:")));
}

/// Each ends the token by its own date, as without the others; the TTL is nobody's date.
#[tokio::test]
async fn dates_that_are_minutes_apart_prolong_nothing() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(3).await;
    let now = SystemTime::now();
    for (n, minutes) in [(0, 60), (1, 4)] {
        center.add_token_expiring(token(n), name(n), now + Duration::from_secs(60 * minutes));
    }
    let minutes = |minutes: u64| {
        let clock = Clock::held();
        clock.jump(Duration::from_secs(60 * minutes));
        clock
    };
    let ahead = minutes(5);
    let behind = Replica::start(&center, &server).await;
    let ahead = Replica::with(&center, &server, |builder| builder.clock(ahead)).await;
    for (n, from, to, calls, what) in [
        (0, &ahead, &behind, 1, "a token that lasts, verified by the one that is ahead"),
        (2, &behind, &ahead, 2, "one without an end, by the other"),
        // Over, by the date of the one that is ahead, which caches it nowhere.
        (1, &behind, &ahead, 4, "one that ends between the two dates"),
    ] {
        for replica in [from, to] {
            replica.client.user_info(&token(n)).await.unwrap();
        }
        assert_eq!(asked(&center), calls, "{what}");
    }
}

/// How long the auth center wants not to be asked about one credential.
#[tokio::test]
async fn pause_of_a_credential_holds_for_all_replicas() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let center = center(2).await;
    let (one, two) = (Replica::start(&center, &server).await, Replica::start(&center, &server).await);
    center.inject_fault_for(token(0), aigc_auth::testing::Fault::too_many_requests(60));
    for replica in [&one, &two] {
        let error = replica.client.user_info(&token(0)).await.unwrap_err();
        assert_eq!(error.status().as_u16(), 503);
        assert!((50..=60).contains(&error.retry_after().unwrap().as_secs()), "{error:?}");
        assert!(replica.client.user_info(&token(1)).await.is_ok(), "it is that of one credential");
    }
    assert_eq!(asked(&center), 2);
}
