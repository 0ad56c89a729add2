//! A key set over time: when it is fetched, how often at most, and what is valid during an outage.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use aigc_auth::AuthError;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{self, JwtVerifier};
use aigc_auth::testing::Clock;
use aws_lc_rs::signature::Ed25519KeyPair;
use futures_util::future::join_all;
use serde_json::json;

use crate::jwt::support::{
    ANOTHER_P256, ED25519, HMAC, KeyServer, P256, P384, Signer, claims, greeting, now, pass, with,
};
use crate::support::{App, Log, get_as, until};

/// Another token each time, so that none is answered from the cache.
fn token(signer: &Signer, kid: &str) -> String {
    static ISSUED: AtomicUsize = AtomicUsize::new(0);
    let alg = match signer {
        Signer::P256(_) => "ES256",
        Signer::P384(_) => "ES384",
        _ => "EdDSA",
    };
    let claims = with(claims(), "exp", now() + 100_000);
    signer.issue(alg, Some(kid), &with(claims, "jti", ISSUED.fetch_add(1, Ordering::Relaxed)))
}

async fn ask(app: &App, token: &str) -> u16 {
    get_as(app.address, token, "/").await.status
}

fn is_refused(error: &AuthError) -> bool {
    matches!(error.kind(), ErrorKind::InvalidCredential | ErrorKind::Expired)
}

/// A server of one key, `a`, a verifier that has fetched it, and a service behind it.
async fn fetched() -> (KeyServer, JwtVerifier, Clock, App) {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let (verifier, clock) = server.verifier(|builder| builder);
    let app = greeting(&verifier).await;
    assert_eq!(ask(&app, &token(&P256, "a")).await, 200);
    assert_eq!(server.requests(), 1);
    (server, verifier, clock, app)
}

/// Waits until so many requests have arrived, and the last of them has had its effect.
async fn settled(server: &KeyServer, verifier: &JwtVerifier, requests: usize) {
    until("the set is fetched", || server.requests() >= requests).await;
    let _ = verifier.fetch_keys().await;
    assert_eq!(server.requests(), requests);
}

#[tokio::test]
async fn set_is_fetched_with_first_token_and_cached_10_min() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let (verifier, clock) = server.verifier(|builder| builder);
    let app = greeting(&verifier).await;
    assert_eq!(server.requests(), 0, "not before it is needed");
    assert_eq!(ask(&app, "no-token").await, 401);
    assert_eq!(server.requests(), 0, "not for what is no token");
    let cold = join_all((0..100).map(|_| async { ask(&app, &token(&P256, "a")).await })).await;
    assert!(cold.iter().all(|status| *status == 200));
    assert_eq!(server.requests(), 1);
    let head = &server.heads()[0];
    assert!(head.starts_with("GET /keys HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("accept: application/json, application/jwk-set+json\r\n"), "{head}");

    clock.advance(Duration::from_millis(479_999));
    for _ in 0..20 {
        assert_eq!((ask(&app, &token(&P256, "a")).await, server.requests()), (200, 1));
    }
    // From 8 minutes on it is fetched anew, and no request waits for that.
    server.hold();
    clock.advance(Duration::from_millis(1));
    for _ in 0..20 {
        assert_eq!(ask(&app, &token(&P256, "a")).await, 200);
    }
    until("the set is fetched", || server.requests() == 2).await;
    server.release();
    settled(&server, &verifier, 2).await;
    pass(&clock, 479);
    assert_eq!((ask(&app, &token(&P256, "a")).await, server.requests()), (200, 2), "it counts from then on");
}

#[tokio::test]
async fn expired_set_is_refetched_before_use() {
    let (server, _, clock, app) = fetched().await;
    server.publish(&[P384.named("b")]);
    pass(&clock, 600);
    assert_eq!(ask(&app, &token(&P256, "a")).await, 401, "its key has left");
    assert_eq!(ask(&app, &token(&P384, "b")).await, 200);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn unknown_kid_triggers_one_fetch_per_30_s() {
    let (server, verifier, clock, app) = fetched().await;
    // Until the issuer was asked again, such a key may have been published since.
    for (millis, requests, status, retry_after) in [
        (0, 1, 503, Some("30")),
        (29_000, 1, 503, Some("1")),
        (999, 1, 503, Some("1")),
        (1, 2, 401, None),
        (29_999, 2, 401, None),
        (1, 3, 401, None),
    ] {
        clock.advance(Duration::from_millis(millis));
        let tokens: Vec<_> = (0..1_000).map(|n| token(&P384, if n % 2 == 0 { "x" } else { "y" })).collect();
        let answers = join_all(tokens.iter().map(|token| verifier.user_info(token))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap_err().status() == status));
        let answer = get_as(app.address, &token(&P384, "x"), "/").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry_after));
        assert_eq!(server.requests(), requests, "{millis} ms later");
    }

    // The same with a verifier that knows nothing yet.
    let (verifier, _) = server.verifier(|builder| builder);
    let unknown = token(&P384, "x");
    let answers = join_all((0..1_000).map(|_| verifier.user_info(&unknown))).await;
    assert!(answers.into_iter().all(|answer| is_refused(&answer.unwrap_err())));
    assert_eq!(server.requests(), 4);
}

#[tokio::test]
async fn new_key_is_fetched_on_first_use() {
    let (server, verifier, clock, app) = fetched().await;
    server.publish(&[P256.named("a"), P384.named("b")]);
    assert_eq!(ask(&app, &token(&P384, "b")).await, 503, "it was fetched just now");
    pass(&clock, 29);
    // What strangers say does not prolong it.
    for n in 0..1_100 {
        let error = verifier.user_info(&token(&P384, &format!("stranger-{n}"))).await.unwrap_err();
        assert_eq!(error.status(), 503, "{error}");
    }
    pass(&clock, 1);
    assert_eq!(ask(&app, &token(&P384, "b")).await, 200);
    assert_eq!(ask(&app, &token(&P256, "a")).await, 200);
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn removed_key_invalidates_its_tokens() {
    for (what, left) in [
        ("it is gone", vec![P384.named("b")]),
        ("another has come under its name", vec![ANOTHER_P256.named("a"), P384.named("b")]),
        ("it is for something else now", vec![with(P256.named("a"), "use", "enc"), P384.named("b")]),
    ] {
        let server = KeyServer::start(&[P256.named("a"), P384.named("b")]).await;
        let (verifier, clock) = server.verifier(|builder| builder);
        let app = greeting(&verifier).await;
        let (old, kept) = (token(&P256, "a"), token(&P384, "b"));
        assert_eq!((ask(&app, &old).await, ask(&app, &kept).await), (200, 200));
        server.publish(&left);
        pass(&clock, 30);
        assert_eq!(ask(&app, &old).await, 200, "the set has not been fetched yet");
        assert_eq!(ask(&app, &token(&ED25519, "unknown")).await, 401);
        assert_eq!(server.requests(), 2);
        assert_eq!(ask(&app, &old).await, 401, "{what}");
        assert_eq!(ask(&app, &kept).await, 200, "{what}");
    }
}

/// A set that comes in another order, or with more keys, has lost no key: no token is verified anew.
#[tokio::test]
async fn growing_set_keeps_cached_tokens() {
    let server = KeyServer::start(&[P256.named("a"), P384.named("b")]).await;
    let verified = Arc::<AtomicUsize>::default();
    let counted = verified.clone();
    let (verifier, clock) = server.verifier(|builder| {
        builder.map_claims(move |claims| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(jwt::default_claims_mapping(claims)?.build())
        })
    });
    let old = token(&P256, "a");
    verifier.user_info(&old).await.unwrap();
    server.publish(&[ED25519.named("c"), P384.named("b"), P256.named("a")]);
    pass(&clock, 30);
    verifier.user_info(&token(&ED25519, "c")).await.unwrap();
    verifier.user_info(&old).await.unwrap();
    assert_eq!((verified.load(Ordering::SeqCst), server.requests()), (2, 2));
}

#[tokio::test]
async fn cached_token_expires_with_its_key_set() {
    let (server, verifier, clock, _) = fetched().await;
    let old = token(&P256, "a");
    pass(&clock, 400);
    verifier.user_info(&old).await.unwrap();
    server.publish(&[P384.named("b")]);
    pass(&clock, 199);
    verifier.user_info(&old).await.unwrap();
    assert_eq!(server.requests(), 1, "the token was cached");
    pass(&clock, 1);
    assert!(is_refused(&verifier.user_info(&old).await.unwrap_err()));
}

/// A token is being verified while its key leaves the set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_removed_during_verification_is_not_cached() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let ((begun, begins), (end, ends)) = (mpsc::channel(), mpsc::channel());
    let ends = Mutex::new(ends);
    let (verifier, clock) = server.verifier(|builder| {
        builder.map_claims(move |claims| {
            begun.send(()).unwrap();
            ends.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
            Ok(jwt::default_claims_mapping(claims)?.build())
        })
    });
    verifier.fetch_keys().await.unwrap();
    let old = token(&P256, "a");
    let slow = tokio::spawn({
        let (verifier, old) = (verifier.clone(), old.clone());
        async move { verifier.user_info(&old).await }
    });
    begins.recv_timeout(Duration::from_secs(10)).unwrap();
    server.publish(&[P384.named("b")]);
    pass(&clock, 30);
    verifier.fetch_keys().await.unwrap();
    assert_eq!(server.requests(), 2);
    end.send(()).unwrap();
    assert!(slow.await.unwrap().is_ok(), "the key was valid when the verification began");
    assert!(is_refused(&verifier.user_info(&old).await.unwrap_err()), "and nothing of that is cached");
}

#[tokio::test]
async fn hopeless_token_triggers_no_fetch() {
    let more: Vec<_> = (0..5).map(|_| Signer::Ed25519(Ed25519KeyPair::generate().unwrap()).jwk()).collect();
    let server = KeyServer::start(&[vec![P256.named("a")], more].concat()).await;
    let (verifier, clock) = server.verifier(|builder| builder);
    verifier.fetch_keys().await.unwrap();
    pass(&clock, 30);
    for (what, token) in [
        ("signed by another key", token(&ANOTHER_P256, "a")),
        ("by an algorithm that is not the key's", token(&P384, "a")),
        ("by one of five", token(&ED25519, "x")),
        ("by a shared secret", HMAC.issue("HS256", Some("x"), &claims())),
        ("expired", P256.issue("ES256", Some("a"), &with(claims(), "exp", 0))),
        ("by no algorithm", P256.issue("none", Some("x"), &claims())),
        ("no token", "no-token".to_owned()),
    ] {
        assert!(is_refused(&verifier.user_info(&token).await.unwrap_err()), "{what}");
        assert_eq!(server.requests(), 1, "{what}");
    }
}

#[tokio::test]
async fn last_set_is_used_during_outage() {
    for down in
        ["", "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "nonsense\r\n\r\n"]
    {
        let (server, verifier, clock, app) = fetched().await;
        server.say_bytes(down.into());
        let mut requests = 1;
        for seconds in [480, 30, 90, 30, 30, 3_600, 30, 86_400] {
            pass(&clock, seconds);
            let log = Log::start();
            for _ in 0..5 {
                assert_eq!(ask(&app, &token(&P256, "a")).await, 200, "{seconds} s later");
            }
            // Once in 30 s, in the background; a connection that breaks is tried once more by the HTTP client.
            until("a fetch", || server.requests() > requests).await;
            let _ = verifier.fetch_keys().await;
            assert!(server.requests() <= requests + 2, "{requests} and {}", server.requests());
            requests = server.requests();
            assert!(log.take().contains("cannot fetch the key set"));

            let answer = get_as(app.address, &token(&P384, "b"), "/").await;
            assert_eq!(answer.status, 503, "whether that key is valid is unknown");
            let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&after), "{after}");
            assert_eq!(ask(&app, &token(&ANOTHER_P256, "a")).await, 401, "a known key has not signed this");
            assert_eq!(server.requests(), requests);
        }
        server.publish(&[P384.named("b")]);
        pass(&clock, 30);
        assert_eq!(ask(&app, &token(&P384, "b")).await, 200, "it is back");
        assert_eq!(ask(&app, &token(&P256, "a")).await, 401);
    }
}

#[tokio::test]
async fn without_set_tokens_are_503_until_first_fetch() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    server.say("503 Service Unavailable", "", "");
    let (verifier, clock) = server.verifier(|builder| builder);
    let app = greeting(&verifier).await;
    for requests in 1..=3 {
        for _ in 0..5 {
            let answer = get_as(app.address, &token(&P256, "a"), "/").await;
            assert_eq!((answer.status, server.requests()), (503, requests));
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            assert_eq!(answer.header("www-authenticate"), None, "it may be a good token");
        }
        assert_eq!(verifier.fetch_keys().await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(ask(&app, "no-token").await, 401, "that needs no key set");
        clock.advance(Duration::from_millis(999));
        assert_eq!((ask(&app, &token(&P256, "a")).await, server.requests()), (503, requests));
        clock.advance(Duration::from_millis(1));
    }
    server.publish(&[P256.named("a")]);
    assert_eq!((ask(&app, &token(&P256, "a")).await, server.requests()), (200, 4));
    assert!(verifier.fetch_keys().await.is_ok());
    assert_eq!(server.requests(), 4, "there was a fetch just now");
}

#[tokio::test]
async fn fetch_keys_prefetches_set() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    let (verifier, _) = server.verifier(|builder| builder);
    verifier.fetch_keys().await.unwrap();
    verifier.user_info(&token(&P256, "a")).await.unwrap();
    assert_eq!(server.requests(), 1);
    let alone = JwtVerifier::from_public_key(P256.pem()).build().unwrap();
    assert!(alone.fetch_keys().await.is_ok(), "there is nothing to fetch");
}

#[tokio::test]
async fn known_key_does_not_wait_for_fetch() {
    let (server, _, clock, app) = fetched().await;
    server.publish(&[P256.named("a"), P384.named("b")]);
    server.hold();
    pass(&clock, 30);
    let app = Arc::new(app);
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let (app, token) = (app.clone(), token(&P384, "b"));
            tokio::spawn(async move { ask(&app, &token).await })
        })
        .collect();
    until("a fetch", || server.requests() == 2).await;
    for _ in 0..10 {
        assert_eq!(ask(&app, &token(&P256, "a")).await, 200);
    }
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    server.release();
    assert!(join_all(waiting).await.into_iter().all(|answer| answer.unwrap() == 200));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn fetch_survives_cancelled_caller() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    server.hold();
    let (verifier, _) = server.verifier(|builder| builder);
    let first = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token(&P256, "a"));
        async move { verifier.user_info(&token).await }
    });
    until("a fetch", || server.requests() == 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token(&P256, "a"));
        async move { verifier.user_info(&token).await }
    });
    tokio::task::yield_now().await;
    server.release();
    assert!(second.await.unwrap().is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn fetch_times_out_after_5_s() {
    let server = KeyServer::start(&[P256.named("a")]).await;
    server.hold();
    let (verifier, _) = server.verifier(|builder| builder);
    let waiting = tokio::spawn({
        let verifier = verifier.clone();
        async move { verifier.user_info(&token(&P256, "a")).await }
    });
    until("a fetch", || server.requests() == 1).await;
    // From here on time passes by itself whenever all wait.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("request timed out after 5 s"), "{error}");
    let waited = start.elapsed();
    assert!((Duration::from_secs(4)..=Duration::from_secs(5)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn fetch_failure_is_logged_once_per_10_s() {
    let server = KeyServer::start(&[]).await;
    server.say("500 Oops", "", "");
    let (verifier, clock) = server.verifier(|builder| builder);
    let log = Log::start();
    for _ in 0..30 {
        assert!(verifier.user_info(&token(&P256, "a")).await.is_err());
        pass(&clock, 1);
    }
    assert_eq!(server.requests(), 30);
    assert_eq!(log.take().matches("WARN").count(), 3);
}

/// An issuer that answers without a usable key, as some do for a while, takes nothing from the users of the last set.
#[tokio::test]
async fn set_without_usable_key_is_no_set() {
    for (keys, said) in [
        (vec![], "it has no keys; an issuer that signs with a shared secret publishes none"),
        (vec![json!({"kty": "oct", "kid": "a", "k": "AAAA"})], "it has no usable key: symmetric key"),
        (vec![with(P256.named("a"), "use", "enc")], "it has no usable key: `use` is \"enc\", not \"sig\""),
    ] {
        let server = KeyServer::start(&keys).await;
        let (verifier, _) = server.verifier(|builder| builder);
        let error = verifier.user_info(&token(&P256, "a")).await.unwrap_err();
        assert_eq!((error.kind(), server.requests()), (ErrorKind::Unavailable, 1));
        let place = format!("key set at {}: ", server.url());
        for error in [error, verifier.fetch_keys().await.unwrap_err()] {
            let detail = error.detail().unwrap();
            assert!(detail.starts_with(&place) && detail.contains(said), "{error}");
        }
        // What no set can verify is rejected all the same.
        let error = verifier.user_info(&HMAC.issue("HS256", None, &claims())).await.unwrap_err();
        assert!(is_refused(&error) && error.detail().unwrap().contains("from_secret"), "{error}");

        let (server, verifier, clock, app) = fetched().await;
        let cached = token(&P256, "a");
        assert_eq!(ask(&app, &cached).await, 200);
        server.publish(&keys);
        for seconds in [30, 600, 3_600] {
            pass(&clock, seconds);
            assert!(verifier.fetch_keys().await.unwrap_err().detail().unwrap().contains(said));
            for token in [&cached, &token(&P256, "a")] {
                assert_eq!(ask(&app, token).await, 200, "{seconds} s later");
            }
        }
    }
}
