//! What replicas share in Redis.

use std::time::Duration;

use aigc_auth::cluster::RedisCluster;
use aigc_auth::invalidate::Invalidate;
use aigc_auth::jwt::JwtVerifier;
use aigc_auth::registry::Registration;
use aigc_auth::revocation::RedisRevocations;
use aigc_auth::testing::{self, AuthCenter, TestKey};
use aigc_auth::webhook::{self, RedisReplays, UserEvent, WebhookConfig};
use serde_json::json;
use test_support::jwt::{Signer, now};

use crate::canary::flight::{Flight, REDIS};
use crate::support::redis_server::{PATIENCE, RedisServer};
use crate::support::{client_with, post, serve, until};

pub(super) async fn story(flight: &Flight) {
    let password = flight.secret("Redis password");
    let user = ["--user", "me", "on", &format!(">{password}"), "~*", "&*", "+@all"];
    let Some(server) = RedisServer::start(&user).await else {
        flight.put(REDIS, Flight::plant(REDIS));
        return;
    };
    let url = server.url_of("me", &password);
    let center = AuthCenter::builder().app_secret(flight.secret("app secret")).start().await;
    center.add_user(
        testing::user("carol")
            .id(7)
            .email(flight.secret("e-mail"))
            .phone(flight.secret("phone"))
            .nickname(flight.secret("nickname")),
    );
    center.add_token(flight.secret("bearer token"), "carol");
    center.add_access_key(format!("ak_{}", flight.secret("access key")), TestKey::user("carol"));
    center.set_config("orders", json!({ "password": flight.secret("configuration") }));
    for url in
        [url.clone(), server.url_of("me", &flight.secret("wrong value")), url.replace("pass=", "pass=x")]
    {
        let cluster = flight.outcome(RedisCluster::connect(&*url)).unwrap();
        let client =
            client_with(&center, |builder| builder.cluster(cluster.clone()).observer(flight.clone()));
        let is_connected = cluster.connected(Duration::from_millis(700)).await;
        flight.show(&cluster);
        flight.show(&client);
        flight.outcome(client.user_info(&flight.secret("bearer token")).await);
        flight.outcome(client.user_info(&flight.secret("unknown token")).await);
        flight.outcome(client.access_key_user(&format!("ak_{}", flight.secret("access key"))).await);
        client.invalidate(flight.secret("bearer token"));
        client.invalidate_user(7);
        flight.outcome(client.spread().await.map_err(std::io::Error::other));
        flight.outcome(client.user_info(&flight.secret("bearer token")).await);
        let registration = Registration::builder("orders")
            .port(8000)
            .ips(["10.0.0.1".parse().unwrap()])
            .start(&client)
            .unwrap();
        until("it has its configuration", || !registration.config().value["password"].is_null()).await;
        tokens(flight, &url, is_connected).await;
        events(flight, &url).await;
        flight.outcome(registration.shutdown(PATIENCE).await);
    }
    server.run::<()>(&["SET", "planted", &Flight::plant(REDIS)]).await;
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    assert!(keys.len() > 5, "{keys:?}");
    for key in keys {
        flight.put(REDIS, &key);
        let kind: String = server.run(&["TYPE", &key]).await;
        let command: &[&str] = match &*kind {
            "string" => &["GET", &key],
            "hash" => &["HGETALL", &key],
            "list" => &["LRANGE", &key, "0", "-1"],
            "set" => &["SMEMBERS", &key],
            "zset" => &["ZRANGE", &key, "0", "-1"],
            "stream" => &["XRANGE", &key, "-", "+"],
            other => panic!("{key} is a {other}"),
        };
        let value: redis::Value = server.run(command).await;
        flight.put(REDIS, format!("{value:?}"));
    }
    // It logs no values.
    let slow: redis::Value = server.run(&["CLIENT", "LIST"]).await;
    flight.put(REDIS, format!("{slow:?}"));
}

async fn tokens(flight: &Flight, url: &str, is_connected: bool) {
    let list = flight.outcome(RedisRevocations::builder(url).build()).unwrap();
    let wait = if is_connected { PATIENCE } else { Duration::from_millis(300) };
    list.synchronized(wait).await;
    flight.show(&list);
    let key = flight.secret("HS256 secret").repeat(2);
    let verifier = JwtVerifier::from_secret(&key).insecure_any_audience().revocations(list).build().unwrap();
    let claims = json!({ "sub": "7", "exp": now() + 60, "nonce": flight.secret("JWT claim"), "jti": "t-7", "sid": "s-7" });
    for claims in
        [claims.clone(), json!({ "sub": "7", "exp": now() + 60, "nonce": flight.secret("JWT claim") })]
    {
        let token = Signer::secret(&key).issue("HS256", None, &claims);
        flight.outcome(verifier.revoke(&token).await);
        flight.outcome(verifier.user_info(&token).await);
    }
}

async fn events(flight: &Flight, url: &str) {
    let replays = flight.outcome(RedisReplays::connect(url, "canary")).unwrap();
    let secret = flight.secret("webhook secret");
    let config = WebhookConfig::new(&*secret).unwrap().replay_memory(replays).observer(flight.clone());
    let app = serve(webhook::router(config, |_: UserEvent| async { Ok::<_, &str>(json!({})) })).await;
    let body = json!({ "event": "user.updated", "data": { "id": 7, "username": "carol", "note": flight.secret("event field") } });
    let body = body.to_string();
    let headers = [("x-webhook-signature", webhook::sign(body.as_bytes(), &(&*secret).into()))];
    for _ in 0..2 {
        flight.answer(&post(app.address, "/webhook/auth", &headers, &body).await);
    }
}
