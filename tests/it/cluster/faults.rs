//! What Redis, the path to it and its administrator can do: messages are applied afterwards, or everything is forgotten.

use aigc_auth::invalidate::Invalidate;
use aigc_auth::testing;

use crate::cluster::support::{Replica, pair, settle};
use crate::support::redis_server::{Path, RedisServer};
use crate::support::{until, until_async};

/// What is left of a replica's cache.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    /// All but alice: nothing was missed.
    Bob,
    Nothing,
}

async fn is_left(replica: &Replica, left: Left, what: &str) {
    until(what, || !replica.has("alice") && replica.has("bob") == (left == Left::Bob)).await;
}

/// Afterwards, all is as before.
async fn hear_one_another(replicas: &[Replica; 2]) {
    for replica in replicas {
        replica.is_heard().await;
    }
    settle(replicas).await;
    replicas.iter().for_each(Replica::fill);
    assert!(replicas.iter().all(|replica| replica.has("alice") && replica.has("bob")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replica_that_was_cut_off_reads_what_it_missed() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::to(&server).await;
    let replicas = pair(server.url(), path.url()).await;
    // It hears nothing, and notices.
    path.set_mute(true);
    path.cut();
    replicas[0].client.invalidate_user(7);
    replicas[0].cluster.spread().await.unwrap();
    replicas[1].is_unheard().await;
    assert!(replicas[1].has("alice"), "the replica cannot know");
    path.set_mute(false);
    is_left(&replicas[1], Left::Bob, "the stream is read").await;
    hear_one_another(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mute_path_is_noticed_and_left() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::to(&server).await;
    let replicas = pair(server.url(), path.url()).await;
    path.set_mute(true);
    replicas[0].client.invalidate_user(7);
    replicas[0].cluster.spread().await.unwrap();
    replicas[1].is_unheard().await;
    // Its own are kept until they can be told.
    replicas[1].client.invalidate_user(8);
    assert!(replicas[1].cluster.spread().await.is_err());
    path.set_mute(false);
    is_left(&replicas[1], Left::Nothing, "what it missed, and its own").await;
    replicas[0].loses("bob").await;
    hear_one_another(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_come_back_and_miss_nothing() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    for round in 0..10 {
        replicas.iter().for_each(Replica::fill);
        let kind = if round % 2 == 0 { "pubsub" } else { "normal" };
        let _: i64 = server.run(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]).await;
        replicas[round % 2].client.invalidate_user(7);
        is_left(&replicas[1 - round % 2], Left::Bob, "told after the connection is back").await;
    }
    hear_one_another(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_redis_delays_and_loses_nothing() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    server.signal("STOP");
    replicas[0].client.invalidate_user(7);
    for replica in &replicas {
        replica.is_unheard().await;
    }
    assert!(replicas[1].has("alice"));
    server.signal("CONT");
    is_left(&replicas[1], Left::Bob, "told when Redis goes on").await;
    hear_one_another(&replicas).await;
}

/// It starts with other entries than it had acknowledged, or with the same, and nobody can know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_redis_makes_all_replicas_forget() {
    for options in [&[][..], &["--appendonly", "yes"]] {
        let Some(mut server) = RedisServer::start(options).await else { return };
        let replicas = pair(server.url(), server.url()).await;
        server.kill().await;
        replicas[0].client.invalidate_user(7);
        server.start_again().await;
        for replica in &replicas {
            is_left(replica, Left::Nothing, "another process, which may have lost something").await;
        }
        hear_one_another(&replicas).await;
    }
}

/// What an administrator can do to the stream. Noticed within a second, or by the next message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_that_is_gone_or_another_makes_all_replicas_forget() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    let keys: Vec<String> = server.run(&["KEYS", "*:inv"]).await;
    let key = &*keys[0];
    for command in [
        &["FLUSHALL"][..],
        &["SWAPDB", "0", "1"],
        &["DEL", key],
        &["RENAME", key, "other"],
        &["SWAPDB", "0", "1"],
    ] {
        let _: redis::Value = server.run(command).await;
        for replica in &replicas {
            until(&format!("{command:?} is noticed"), || !replica.has("alice") && !replica.has("bob")).await;
        }
        hear_one_another(&replicas).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_that_was_trimmed_too_far_makes_the_replica_forget() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::to(&server).await;
    let replicas = pair(server.url(), path.url()).await;
    let keys: Vec<String> = server.run(&["KEYS", "*:inv"]).await;
    for (at, trim) in [&["MAXLEN", "1"][..], &["MAXLEN", "0"]].into_iter().enumerate() {
        path.set_mute(true);
        path.cut();
        for id in [7, 100 + at as i64] {
            replicas[0].client.invalidate_user(id);
            replicas[0].cluster.spread().await.unwrap();
        }
        let command = [&["XTRIM", &keys[0]], trim].concat();
        let _: i64 = server.run(&command).await;
        path.set_mute(false);
        is_left(&replicas[1], Left::Nothing, "a hole").await;
        hear_one_another(&replicas).await;
    }
}

/// Whoever may write in Redis can put entries far ahead, after which no id is left in the epoch, or none at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_whose_ids_were_used_up_is_started_anew() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    let keys: Vec<String> = server.run(&["KEYS", "*:inv"]).await;
    let max = u64::MAX;
    for epoch in ["this", "last", "last"] {
        let last: Vec<(String, Vec<String>)> =
            server.run(&["XREVRANGE", &keys[0], "+", "-", "COUNT", "1"]).await;
        let id = match epoch {
            "this" => format!("{}-{max}", last[0].0.split_once('-').unwrap().0),
            _ => format!("{max}-{max}"),
        };
        let _: String = server.run(&["XADD", &keys[0], &id, "m", "garbage"]).await;
        for replica in &replicas {
            until(&format!("{id} is noticed"), || !replica.has("alice") && !replica.has("bob")).await;
            until_async("it is published again", async || {
                replica.client.invalidate_user(100);
                replica.cluster.spread().await.is_ok()
            })
            .await;
        }
        hear_one_another(&replicas).await;
    }
}

/// Redis closes a connection with a subscription that has to be sent over 32 MB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replica_that_cannot_read_what_it_missed_forgets_and_goes_on() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::to(&server).await;
    let replicas = pair(server.url(), path.url()).await;
    let keys: Vec<String> = server.run(&["KEYS", "*:inv"]).await;
    path.set_mute(true);
    path.cut();
    let last: Vec<(String, Vec<String>)> = server.run(&["XREVRANGE", &keys[0], "+", "-", "COUNT", "1"]).await;
    let id = format!("{}-*", last[0].0.split_once('-').unwrap().0);
    let long = "n".repeat(1 << 20);
    for _ in 0..40 {
        let _: String = server.run(&["XADD", &keys[0], &id, "m", &long]).await;
    }
    replicas[1].is_unheard().await;
    path.set_mute(false);
    until_async("it is in touch", async || replicas[1].cluster.is_connected()).await;
    assert!(!replicas[1].has("alice") && !replicas[1].has("bob"));
    hear_one_another(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn password_that_is_wrong_for_a_while_is_tried_again() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    // For others: a client that is connected goes on, so that this one can set it back.
    let client = redis::Client::open(server.url()).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let mut run = async |command: &[&str]| {
        let mut call = redis::cmd(command[0]);
        call.arg(&command[1..]);
        call.query_async::<redis::Value>(&mut admin).await.unwrap()
    };
    run(&["CONFIG", "SET", "requirepass", "hunter2"]).await;
    for kind in ["pubsub", "normal"] {
        run(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]).await;
    }
    replicas[0].client.invalidate_user(7);
    for replica in &replicas {
        replica.is_unheard().await;
    }
    run(&["CONFIG", "SET", "requirepass", ""]).await;
    is_left(&replicas[1], Left::Bob, "told when the password is right again").await;
    hear_one_another(&replicas).await;
}

/// The stream takes no entry, the channel does; whoever does not listen at that time cannot read later what they missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_redis_still_passes_invalidations_on() {
    let Some(server) = RedisServer::start(&["--maxmemory-policy", "noeviction"]).await else { return };
    let path = Path::to(&server).await;
    let replicas = pair(server.url(), path.url()).await;
    let full = async |is_full: bool| {
        let bytes = if is_full { "1" } else { "0" };
        let _: String = server.run(&["CONFIG", "SET", "maxmemory", bytes]).await;
    };
    full(true).await;
    replicas[0].client.invalidate_user(7);
    replicas[0].cluster.spread().await.unwrap();
    is_left(&replicas[1], Left::Bob, "published").await;
    // One that was away meanwhile.
    path.set_mute(true);
    path.cut();
    replicas[0].client.invalidate_user(8);
    replicas[0].cluster.spread().await.unwrap();
    path.set_mute(false);
    is_left(&replicas[1], Left::Nothing, "it may have missed something while Redis was full").await;
    replicas[1].is_heard().await;
    replicas.iter().for_each(Replica::fill);
    full(false).await;
    for replica in &replicas {
        until("a new epoch", || !replica.has("alice") && !replica.has("bob")).await;
    }
    hear_one_another(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_who_may_not_call_info_forgets_at_each_new_connection() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let rules =
        ["ACL", "SETUSER", "app", "on", ">pw", "~aigc-auth:*", "&aigc-auth:*", "+@all", "-@dangerous"];
    let _: String = server.run(&rules).await;
    let replicas = pair(server.url_of("app", "pw"), server.url_of("app", "pw")).await;
    replicas[0].client.invalidate_user(7);
    is_left(&replicas[1], Left::Bob, "told").await;
    // More than a check later, too.
    settle(&replicas).await;
    until_async("three checks", async || server.calls(&["xinfo|stream"]).await > 12).await;
    assert!(replicas.iter().all(|replica| replica.has("bob")), "one connection, one Redis");
    let _: i64 = server.run(&["CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes"]).await;
    for replica in &replicas {
        is_left(replica, Left::Nothing, "another connection, perhaps another Redis").await;
    }
    hear_one_another(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_invalidations_than_can_wait_are_everything() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    server.signal("STOP");
    for id in 1_000..12_000 {
        replicas[0].client.invalidate_user(id);
    }
    assert!(replicas[0].cluster.cluster().waiting() <= 10_000);
    assert!(replicas[0].has("bob"));
    server.signal("CONT");
    is_left(&replicas[1], Left::Nothing, "none of them is named").await;
    assert!(replicas[0].has("bob"), "which has applied each itself");
    hear_one_another(&replicas).await;
}

/// More than a connection queues here, while nobody reads: the stream has them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_invalidations_all_arrive() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = pair(server.url(), server.url()).await;
    let ids = 1_000..4_000_i64;
    for id in ids.clone() {
        replicas[1].client.cache_user(&format!("user-{id}-token"), testing::user("many").id(id));
    }
    for id in ids.clone() {
        replicas[0].client.invalidate_user(id);
    }
    until("all have arrived", || ids.clone().all(|id| !replicas[1].has(&format!("user-{id}")))).await;
    assert!(replicas[1].has("bob"));
}
