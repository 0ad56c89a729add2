//! Replicas that share a list in Redis, with one another and with a service in Python.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::{
    RedisRevocations, RedisRevocationsBuilder, Revocation, RevocationFailure, Revocations,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::jwt::support::{SECRET, now};
use crate::revocation::support::{ACCEPTED, outcome, revoked, token};
use crate::support::redis_server::{PATIENCE, Path, RedisServer, path_without_calls};
use crate::support::{Reference, Stopwatch, test_process, tls, until, until_async};

struct Replica {
    verifier: JwtVerifier,
    list: RedisRevocations,
}

impl Replica {
    fn with(
        url: impl Into<String>,
        list: impl FnOnce(RedisRevocationsBuilder) -> RedisRevocationsBuilder,
        verifier: impl FnOnce(JwtVerifierBuilder) -> JwtVerifierBuilder,
    ) -> Self {
        let list = list(RedisRevocations::builder(url)).build().unwrap();
        let builder = JwtVerifier::from_secret(SECRET).revocations(list.clone());
        Self { verifier: verifier(builder).build().unwrap(), list }
    }

    async fn start(url: impl Into<String>) -> Self {
        let replica = Self::with(url, |list| list.ask_every(SECOND), |verifier| verifier);
        assert!(replica.list.synchronized(PATIENCE).await);
        replica
    }

    async fn outcome(&self, token: &str) -> (u16, String) {
        outcome(&self.verifier, token).await
    }

    /// As callers do: again where Redis, on a busy machine, did not answer in time.
    async fn revokes(&self, token: &str) {
        until_async("it is revoked", async || self.verifier.revoke(token).await.is_ok()).await;
    }

    async fn refuses(&self, token: &str) -> bool {
        self.outcome(token).await == revoked()
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn numbered(jti: impl std::fmt::Display) -> String {
    token(&json!({"jti": jti.to_string()}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_token_is_refused_by_three_replicas_within_a_second() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replicas = [
        Replica::start(server.url()).await,
        Replica::start(server.url()).await,
        Replica::start(server.url()).await,
    ];
    let tokens: Vec<_> = (0..100).map(numbered).collect();
    for replica in &replicas {
        for token in &tokens {
            assert_eq!(replica.outcome(token).await, ACCEPTED);
        }
    }
    let mut took = vec![];
    for (at, token) in tokens.iter().enumerate() {
        let started = Stopwatch::start();
        replicas[at % 3].revokes(token).await;
        for replica in &replicas {
            until_async("the token is refused", async || replica.refuses(token).await).await;
        }
        took.push(started.elapsed());
    }
    took.sort();
    println!("in force on three replicas: p50 {:?}, p99 {:?}, at most {:?}", took[50], took[98], took[99]);
    assert!(took[99] < SECOND, "{took:?}");
}

#[tokio::test]
async fn requests_ask_nothing_while_revocations_are_pushed() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replica = Replica::start(server.url()).await;
    let commands = ["get", "pttl", "eval", "exists", "scan", "set"];
    let before = server.calls(&commands).await;
    for jti in 0..200 {
        assert_eq!(replica.outcome(&numbered(jti)).await, ACCEPTED);
        assert_eq!(replica.outcome(&numbered(jti)).await, ACCEPTED);
    }
    assert_eq!(server.calls(&commands).await, before);
}

#[tokio::test]
async fn new_replica_learns_what_was_revoked_before() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let fill = "for i = 1, 2500 do redis.call('SET', 'revoked:jti:old-' .. i, '1', 'PX', 60000) end \
                for i = 1, 5000 do redis.call('SET', 'other:' .. i, '1') end \
                redis.call('SET', 'revoked:other', '1') redis.call('HSET', 'revoked:jti:hash', 'a', '1')";
    server.run::<()>(&["EVAL", fill, "0"]).await;
    let replica = Replica::start(server.url()).await;
    assert_eq!(replica.list.len(), 2_501);
    for jti in ["old-1", "old-2500", "hash"] {
        assert_eq!(replica.outcome(&numbered(jti)).await, revoked());
    }
    assert_eq!(replica.outcome(&numbered("new")).await, ACCEPTED);
}

/// As others write it: users by an instant, deletions, ends, a prefix of their own.
#[tokio::test]
async fn keys_mean_what_the_guide_says() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let list = |list: RedisRevocationsBuilder| list.prefix("app[1]:revoked:");
    let replica = Replica::with(server.url(), list, |verifier| verifier);
    assert!(replica.list.synchronized(PATIENCE).await);
    let iat = now() - 100;
    let [old, new] = [iat, iat + 50].map(|iat| token(&json!({"iat": iat, "sid": "s"})));
    let refused = async || (replica.refuses(&old).await, replica.refuses(&new).await);
    let key = |rest: &str| format!("app[1]:revoked:{rest}");
    let (user, session) = (key("user:alice"), key("sid:s"));
    let seconds = (iat + 1).to_string();
    for (command, expected) in [
        (vec!["SET", &user, &seconds, "EX", "60"], (true, false)),
        (vec!["SET", &user, "1", "EX", "60"], (true, true)),
        (vec!["DEL", &user], (false, false)),
        (vec!["SETEX", &session, "60", "1"], (true, true)),
        // Another prefix, and another kind.
        (vec!["UNLINK", &session], (false, false)),
        (vec!["SET", "revoked:sid:s", "1"], (false, false)),
        (vec!["SET", &key("sid:other"), "1"], (false, false)),
        (vec!["SET", &session, "1", "PX", "150"], (true, true)),
    ] {
        server.run::<redis::Value>(&command).await;
        until_async(&format!("{command:?}"), async || refused().await == expected).await;
    }
    until_async("the key has ended", async || refused().await == (false, false)).await;
}

/// Neither an instant nor an end goes back, whoever comes last; also where scripts are forbidden, what is new is written.
#[tokio::test]
async fn later_revocation_takes_nothing_back() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    server.run::<()>(&["ACL", "SETUSER", "plain", "on", ">pw", "~*", "+@all", "-eval"]).await;
    let replica = Replica::start(server.url()).await;
    let plain = Replica::start(server.url_of("plain", "pw")).await;
    let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    for (before, until) in [(now() - 20, now() + 300), (now() - 10, now() + 100), (now() - 30, now() + 200)] {
        replica.list.revoke(&Revocation::user("alice", at(before)), at(until)).await.unwrap();
    }
    let value: String = server.run(&["GET", "revoked:user:alice"]).await;
    let rest: i64 = server.run(&["PTTL", "revoked:user:alice"]).await;
    assert_eq!(
        value,
        format!("{}.000", now() - 10).replace(&(now() - 10).to_string(), &value[..value.len() - 4])
    );
    assert!((295_000..=300_000).contains(&rest), "{rest}");
    server.run::<()>(&["SET", "revoked:sid:kept", "1"]).await;
    replica.list.revoke(&Revocation::session("kept"), at(now() + 60)).await.unwrap();
    assert_eq!(server.run::<i64>(&["PTTL", "revoked:sid:kept"]).await, -1, "it had no end");
    plain.list.revoke(&Revocation::session("s"), at(now() + 60)).await.unwrap();
    let token = token(&json!({"sid": "s"}));
    until_async("the other replica knows", async || replica.refuses(&token).await).await;
}

/// Milliseconds are not later than seconds, what is no instant stands for the time at which it is seen, and dates beyond those that
/// tokens have are read back as such.
#[tokio::test]
async fn instants_are_compared_as_they_are_meant() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let replica = Replica::start(server.url()).await;
    let (now, year_9999) = (now(), 253_402_300_799);
    let millis = |seconds: u64| Some((seconds * 1_000).to_string());
    // What is there, what is revoked, and which of the tokens issued 70 s and 30 s ago are refused.
    let rows = [
        (millis(now - 100), now - 50, [true, false]),
        (millis(now - 50), now - 100, [true, false]),
        (Some("1".to_owned()), now - 100, [true, true]),
        (Some("true".to_owned()), now - 100, [true, true]),
        (Some("nan".to_owned()), now - 100, [true, true]),
        (None, now - 50, [true, false]),
        (None, year_9999, [true, true]),
        (None, year_9999 * 1_000, [true, true]),
        (None, u64::MAX / 4_000, [true, true]),
        (None, 0, [false, false]),
    ];
    let user = |row: usize| format!("user-{row}");
    for (row, (there, before, _)) in rows.iter().enumerate() {
        if let Some(there) = there {
            server.run::<()>(&["SET", &format!("revoked:user:{}", user(row)), there, "EX", "300"]).await;
        }
        let before = std::time::UNIX_EPOCH + Duration::from_secs(*before);
        replica.verifier.revoke_user(&*user(row), before).await.unwrap();
    }
    // One that has seen each change, and one that reads what is there in the end.
    let late = Replica::start(server.url()).await;
    for (row, (there, before, expected)) in rows.iter().enumerate() {
        let tokens =
            [now - 70, now - 30].map(|iat| token(&json!({"sub": user(row), "iat": iat, "exp": now + 600})));
        for (which, replica) in [("first", &replica), ("late", &late)] {
            let what = format!("{there:?}, then {before}: the {which} replica");
            until_async(&what, async || {
                [replica.refuses(&tokens[0]).await, replica.refuses(&tokens[1]).await] == *expected
            })
            .await;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// SIGSTOP.
    Paused,
    /// SIGKILL, and no data afterwards.
    Killed,
    /// Neither side notices.
    Mute,
    Cut,
    Flushed,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_takes_nothing_back_and_ends_as_configured() {
    let story = async |fault: Fault| {
        let Some(mut server) = RedisServer::start(&[]).await else { return };
        let path = Path::to(&server).await;
        let ask_every = |list: RedisRevocationsBuilder| list.ask_every(SECOND);
        let open = Replica::with(path.url(), ask_every, |verifier| verifier);
        let closed = Replica::with(path.url(), ask_every, |verifier| {
            verifier.revocation_failure(RevocationFailure::Closed)
        });
        for replica in [&open, &closed] {
            assert!(replica.list.synchronized(PATIENCE).await);
        }
        let [gone, other, later] = ["gone", "other", "later"].map(numbered);
        open.revokes(&gone).await;
        until_async("it is pushed", async || closed.refuses(&gone).await).await;
        match fault {
            Fault::Paused => server.signal("STOP"),
            Fault::Killed => server.kill().await,
            Fault::Mute => path.set_mute(true),
            Fault::Cut => path.cut(),
            Fault::Flushed => server.run(&["FLUSHALL"]).await,
        }
        let (started, ran) = (Instant::now(), Stopwatch::start());
        let is_outage = !matches!(fault, Fault::Cut | Fault::Flushed);
        // What was revoked stays so, on both; the rest is as configured once the outage is noticed.
        let mut longest = Duration::ZERO;
        while started.elapsed() < Duration::from_millis(2_500) {
            let asked = Stopwatch::start();
            assert_eq!(open.outcome(&other).await, ACCEPTED, "{fault:?}");
            longest = longest.max(asked.elapsed());
            for replica in [&open, &closed] {
                assert_eq!(replica.outcome(&gone).await, revoked(), "{fault:?}");
            }
            let at = ran.elapsed();
            let (dials, was_synchronized) = (path.dials(), closed.list.is_synchronized());
            let status = closed.outcome(&other).await.0;
            // All the time, since one that is lost in between has dialled before it is synchronized again.
            let was_synchronized = was_synchronized && closed.list.is_synchronized() && path.dials() == dials;
            let expected = match status {
                // As long as an answer of before is used: noticed after 1 s, and asked again.
                200 => !is_outage || at < Duration::from_millis(2_100),
                503 => is_outage || !was_synchronized,
                _ => false,
            };
            assert!(expected, "{fault:?} after {at:?}: {status}, {was_synchronized}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!("{fault:?}: a request waited {longest:?} at most");
        assert!(longest < Duration::from_millis(500), "{fault:?}: {longest:?}");
        // Another service revokes where it can.
        let set = ["SET", "revoked:jti:later", "1", "EX", "60"];
        match fault {
            Fault::Paused => server.signal("CONT"),
            Fault::Killed => server.start_again().await,
            Fault::Mute => {
                server.run::<()>(&set).await;
                path.set_mute(false);
            }
            Fault::Cut | Fault::Flushed => {}
        }
        let repaired = Instant::now();
        if fault != Fault::Mute {
            server.run::<()>(&set).await;
        }
        for replica in [&open, &closed] {
            until_async("the later one is refused", async || replica.refuses(&later).await).await;
        }
        println!("{fault:?}: in force {:?} after the repair", repaired.elapsed());
        for replica in [&open, &closed] {
            until_async("the list is complete", async || {
                assert_eq!(replica.outcome(&gone).await, revoked(), "{fault:?}");
                replica.list.is_synchronized() && replica.outcome(&other).await == ACCEPTED
            })
            .await;
        }
    };
    tokio::join!(
        story(Fault::Paused),
        story(Fault::Killed),
        story(Fault::Mute),
        story(Fault::Cut),
        story(Fault::Flushed)
    );
}

/// Redis before version 6, which has no HELLO, or an ACL: each token is asked about once in the interval, however many requests
/// come.
#[tokio::test]
async fn without_pushes_redis_is_asked_once_in_the_interval() {
    tokio::join!(
        asked_once_in_the_interval(&["--rename-command", "HELLO", ""], "+@all"),
        asked_once_in_the_interval(&[], "-client|tracking"),
    );
}

async fn asked_once_in_the_interval(options: &[&str], rule: &str) {
    let Some(server) = RedisServer::start(options).await else { return };
    server.run::<()>(&["ACL", "SETUSER", "app", "on", ">pw", "~revoked:*", "+@all", rule]).await;
    let replica =
        Replica::with(server.url_of("app", "pw"), |list| list.ask_every(SECOND), |verifier| verifier);
    until_async("Redis is asked", async || {
        replica.outcome(&numbered("first")).await;
        server.calls(&["get"]).await > 0
    })
    .await;
    assert!(!replica.list.synchronized(Duration::from_millis(100)).await);
    let before = server.calls(&["get"]).await;
    let (token, started) = (token(&json!({"jti": "a", "sid": "s"})), Instant::now());
    let mut requests = 0;
    while started.elapsed() < Duration::from_millis(1_500) {
        let many = (0..50).map(|_| replica.outcome(&token));
        assert!(futures_util::future::join_all(many).await.iter().all(|outcome| *outcome == ACCEPTED));
        requests += 50;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = server.calls(&["get"]).await - before;
    assert!((2..=3).contains(&asked), "{asked} calls for {requests} requests");
    server.run::<()>(&["SET", "revoked:sid:s", "1", "EX", "60"]).await;
    let revoked_at = Instant::now();
    until_async("the token is refused", async || replica.refuses(&token).await).await;
    assert!(revoked_at.elapsed() < 2 * SECOND, "{:?}", revoked_at.elapsed());
}

#[tokio::test]
async fn refused_sign_in_is_tried_again() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    server.run::<()>(&["ACL", "SETUSER", "app", "on", ">other", "~*", "+@all"]).await;
    let closed = |verifier: JwtVerifierBuilder| verifier.revocation_failure(RevocationFailure::Closed);
    let replica = Replica::with(server.url_of("app", "pw"), |list| list, closed);
    assert!(!replica.list.synchronized(Duration::from_millis(300)).await);
    assert_eq!(replica.outcome(&numbered("a")).await.0, 503);
    assert_eq!(
        replica
            .verifier
            .revoke_session("s", std::time::SystemTime::now() + SECOND)
            .await
            .unwrap_err()
            .status(),
        503
    );
    server.run::<()>(&["ACL", "SETUSER", "app", ">pw"]).await;
    assert!(replica.list.synchronized(PATIENCE).await);
    assert_eq!(replica.outcome(&numbered("a")).await, ACCEPTED);
}

/// Both connections have to be there: one brings what is revoked, the other takes what this replica revokes.
#[tokio::test]
async fn list_is_synchronized_once_it_can_be_written() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    // Who has to sign in is connected once that is answered.
    server.run::<()>(&["ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all"]).await;
    let gate = Arc::new(Semaphore::new(0));
    let url = path_without_calls(&server, gate.clone()).await.replace("redis://", "redis://app:pw@");
    let list = RedisRevocations::connect(url).unwrap();
    until("what is revoked is known", || list.is_synchronized()).await;
    assert!(!list.synchronized(Duration::from_millis(300)).await);
    gate.add_permits(Semaphore::MAX_PERMITS / 2);
    assert!(list.synchronized(PATIENCE).await);
    list.revoke(&Revocation::session("s"), std::time::SystemTime::now() + 60 * SECOND).await.unwrap();
}

/// In a process of its own: rustls has one default provider a process, and the system's certificates are named by a variable.
#[tokio::test]
async fn redis_is_reached_over_tls_without_a_crypto_provider_of_the_process() {
    let Some(server) = RedisServer::start(&[]).await else { return };
    let path = Path::over_tls_to(&server).await;
    for (trusts, certificates) in [("trusted", tls::file("ca.pem")), ("untrusted", tls::file("server.pem"))] {
        let mut child =
            tokio::process::Command::from(test_process(module_path!(), "child_connects_over_tls"));
        child.env("SSL_CERT_FILE", certificates).env("REDIS_URL", path.tls_url()).env("REDIS_IS", trusts);
        let output = child.kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(&format!("it is {trusts}")), "{trusts}: {said}");
    }
}

#[tokio::test]
async fn child_connects_over_tls() {
    let (Ok(url), Ok(trusts)) = (std::env::var("REDIS_URL"), std::env::var("REDIS_IS")) else { return };
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    let list = RedisRevocations::connect(url).unwrap();
    match &*trusts {
        "trusted" => {
            assert!(list.synchronized(PATIENCE).await);
            let end = std::time::SystemTime::now() + 60 * SECOND;
            list.revoke(&Revocation::session("s"), end).await.unwrap();
        }
        _ => assert!(!list.synchronized(SECOND).await),
    }
    println!("it is {trusts}");
}

#[test]
fn settings_out_of_their_range_are_refused() {
    let build = |list: RedisRevocationsBuilder| list.build().err().map(|error| error.to_string());
    let builder = || RedisRevocations::builder("redis://:secret@127.0.0.1:1");
    let no_runtime = build(builder()).unwrap();
    assert!(no_runtime.contains("needs a runtime of tokio"), "{no_runtime}");
    for interval in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(31)] {
        let error = build(builder().ask_every(interval)).unwrap();
        assert!(error.contains("expected `ask_every` to be 1 to 30 s"), "{error}");
    }
    assert!(!format!("{:?}", builder()).contains("secret"));
}

/// AutoGPT's tokens, HS256 of the old sign-in and ES256 of the new one, and the keys that its log-out writes.
#[tokio::test]
async fn python_service_and_this_one_share_the_list() {
    let Some(reference) = Reference::installed() else { return };
    let Some(server) = RedisServer::start(&[]).await else { return };
    let socket = server.url().replace("unix://", "");
    let issued = reference.run("revoke_tokens.py", &[], &json!({"issue": SECRET})).await;
    let list = RedisRevocations::connect(server.url()).unwrap();
    assert!(list.synchronized(PATIENCE).await);
    let verifier = JwtVerifier::from_secret(SECRET)
        .issuer("supabase")
        .also_accept(JwtVerifier::from_public_key(issued["pem"].as_str().unwrap()).issuer("better-auth"))
        .revocations(list)
        .build()
        .unwrap();
    let tokens: Vec<_> =
        issued["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
    for token in &tokens {
        assert_eq!(outcome(&verifier, token).await, ACCEPTED);
    }
    // It logs out with the first of each kind, by `setex`, and by `set`.
    let revoke = async |token: &str, how: &str| {
        let order = json!({"revoke": token, "how": how, "socket": socket});
        reference.run("revoke_tokens.py", &[], &order).await
    };
    let mut out = 0;
    for (at, how) in [(0, "setex"), (2, "set")] {
        assert_eq!(revoke(tokens[at], how).await, json!("revoked"));
        out += 2;
        // The second of each pair is of the same session.
        for (at, token) in tokens.iter().enumerate() {
            let expected = if at < out { revoked() } else { ACCEPTED };
            until_async("the log-out is known", async || outcome(&verifier, token).await == expected).await;
        }
    }
    // And the other way round.
    verifier.revoke(tokens[4]).await.unwrap();
    let is_revoked: Value =
        reference.run("revoke_tokens.py", &[], &json!({"ask": tokens[4], "socket": socket})).await;
    assert_eq!(is_revoked, json!(true));
}
