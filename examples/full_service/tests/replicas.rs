//! Two of them with one Redis: an event that comes to both is handled by one, and in force at both.
#![cfg(unix)]
// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use aigc_auth::{testing, webhook};
use serde_json::json;
use test_support::http::{center, get_as, post};
use test_support::process::{Directory, Example, PATIENCE, Program, settings};
use test_support::redis;

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));
const SECRET: &str = "a secret of 26 characters!";

#[tokio::test]
async fn replicas_invalidate_together_and_handle_an_event_once() {
    let directory = Directory::new("replicas-redis");
    let _server = match redis::spawn(&directory, &[]) {
        Ok(server) => server,
        Err(error) => return redis::skipped(&error),
    };
    let (center, url) = (center().await, redis::url(&directory));
    let settings = settings(&center);
    let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    variables.extend([
        ("AIGC_AUTH_REDIS_URL", &*url),
        ("AIGC_AUTH_WEBHOOK_SECRET", SECRET),
        ("AIGC_AUTH_STATS", "off"),
    ]);
    let [one, other] = [
        FULL_SERVICE.start("replica-1", &variables).await,
        FULL_SERVICE.start("replica-2", &variables).await,
    ];
    for replica in [&one, &other] {
        assert_eq!(get_as(replica.address, "alice-token", "/reports").await.status, 200);
    }
    // She may read no reports any more, and the center tells one of them.
    center.add_user(testing::user("alice"));
    let event =
        json!({ "event": "user.updated", "data": { "username": "alice", "updatedFields": ["permissions"] } });
    let event = event.to_string();
    let signature = webhook::sign(event.as_bytes(), &SECRET.into());
    let deliver = async |replica: &Example| {
        let headers = [("x-webhook-signature", &*signature)];
        post(replica.address, "/webhook/auth", &headers, event.as_bytes()).await.json()
    };
    assert_eq!(deliver(&one).await, json!({ "success": true }));
    for replica in [&one, &other] {
        let started = Instant::now();
        while get_as(replica.address, "alice-token", "/reports").await.status != 403 {
            assert!(started.elapsed() < PATIENCE, "it is not in force");
        }
    }
    for replica in [&other, &one] {
        assert_eq!(deliver(replica).await["message"], "handled before");
    }
}

#[tokio::test]
async fn wrong_redis_is_named_at_the_start() {
    let directory = Directory::new("replicas-wrong");
    let url = ("AIGC_AUTH_REDIS_URL", "redis-sentinel://:hunter2@127.0.0.1:26379/mymaster");
    let error = FULL_SERVICE.fails(&directory, &[url]).await;
    assert!(error.contains("Sentinel is not supported") && !error.contains("hunter2"), "{error}");
}
