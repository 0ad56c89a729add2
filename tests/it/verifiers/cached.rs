//! What [`Cached`] keeps, asks and withholds, around a verifier that says what the test wants.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aigc_auth::cached::{Cached, CachedBuilder};
use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::ErrorKind::{
    self, Denied, Expired, Internal, InvalidCredential, Misconfigured, Unavailable,
};
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::testing::Clock;
use aigc_auth::{AuthError, UserInfo, Verify};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::task::JoinHandle;

use crate::support::until;
use crate::verifiers::support::{Say, Scripted, kind, token};

fn builder(verifier: &Scripted, clock: &Clock) -> CachedBuilder<Scripted> {
    Cached::builder(verifier.clone()).clock(clock.clone())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// After so many seconds, what the verifier says, what the request gets, and how often the verifier was asked by then.
type Step = (u64, Say, Option<ErrorKind>, usize);

#[tokio::test]
async fn answers_are_kept_as_long_as_they_may_be() {
    let fail = || Say::from(Unavailable);
    let start = SystemTime::now();
    let later = |after: u64| Say::Until(start + seconds(after));
    let stories: Vec<(&str, String, Vec<Step>)> = vec![
        (
            "TTL",
            "token".into(),
            vec![(0, Say::Accept, None, 1), (209, Say::Accept, None, 1), (92, Say::Accept, None, 2)],
        ),
        (
            "negative TTL",
            "token".into(),
            vec![
                (0, InvalidCredential.into(), Some(InvalidCredential), 1),
                (4, Say::Accept, Some(InvalidCredential), 1),
                (1, Denied.into(), Some(Denied), 2),
                (4, Say::Accept, Some(Denied), 2),
                (1, Expired.into(), Some(Expired), 3),
                (4, Say::Accept, Some(Expired), 3),
                (1, Say::Accept, None, 4),
            ],
        ),
        (
            "failures are never kept",
            "token".into(),
            vec![
                (0, fail(), Some(Unavailable), 1),
                (1, Internal.into(), Some(Internal), 2),
                (0, Misconfigured.into(), Some(Misconfigured), 3),
                (0, Say::Accept, None, 4),
            ],
        ),
        (
            "outage",
            "token".into(),
            vec![
                (0, Say::Accept, None, 1),
                (301, fail(), None, 2),
                // The error said after a second.
                (0, fail(), None, 2),
                (298, fail(), None, 3),
                (2, fail(), Some(Unavailable), 4),
                (1, Say::Accept, None, 5),
            ],
        ),
        (
            "a verdict ends what is stale",
            "token".into(),
            vec![
                (0, Say::Accept, None, 1),
                (301, InvalidCredential.into(), Some(InvalidCredential), 2),
                (5, fail(), Some(Unavailable), 3),
            ],
        ),
        (
            "the end that the verifier names",
            "token".into(),
            vec![
                (0, later(10), None, 1),
                (6, fail(), None, 1),
                // Not even in an outage.
                (4, fail(), Some(Unavailable), 2),
            ],
        ),
        ("an end that is over", "token".into(), vec![(0, later(0), None, 1), (0, later(0), None, 2)]),
        (
            "the token's own end",
            {
                let exp = (start + seconds(10)).duration_since(UNIX_EPOCH).unwrap().as_secs();
                format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}")))
            },
            vec![(0, later(1_000), None, 1), (6, fail(), None, 1), (5, fail(), Some(Unavailable), 2)],
        ),
    ];
    for (story, text, steps) in stories {
        let (verifier, clock) = (Scripted::new(Say::Accept), Clock::held());
        let cached = builder(&verifier, &clock).build();
        for (step, (after, say, expected, asked)) in steps.into_iter().enumerate() {
            clock.advance(seconds(after));
            verifier.say(say.clone());
            let outcome = match cached.try_verify(&token(&text)) {
                Some(outcome) => outcome,
                None => cached.verify(token(&text)).await,
            };
            // A refresh may be on its way.
            tokio::task::yield_now().await;
            assert_eq!(
                (kind(&outcome), verifier.asked()),
                (expected, asked),
                "{story}, step {step}: {say:?}"
            );
        }
    }
}

#[tokio::test]
async fn refresh_in_the_background_precedes_the_end() {
    let (verifier, clock) = (Scripted::new(Say::Accept), Clock::held());
    let cached = builder(&verifier, &clock).build();
    cached.verify(token("token")).await.unwrap();
    clock.advance(seconds(271));
    assert!(cached.try_verify(&token("token")).unwrap().is_ok(), "served at once");
    until("the refresh", || verifier.asked() == 2).await;
}

#[tokio::test]
async fn thousand_requests_are_one_call_that_outlives_them() {
    let (verifier, clock) = (Scripted::held(Say::Accept), Clock::held());
    let cached = builder(&verifier, &clock).build();
    let ask = || {
        let cached = cached.clone();
        tokio::spawn(async move { cached.verify(token("token")).await })
    };
    let first = ask();
    until("the call", || verifier.asked() == 1).await;
    let all: Vec<_> = (0..1_000).map(|_| ask()).collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    verifier.gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap().unwrap().username(), "alice");
    }
    assert_eq!(verifier.asked(), 1);

    // Nobody waits any more.
    let last = tokio::spawn({
        let cached = cached.clone();
        async move { cached.verify(token("another")).await }
    });
    until("the call", || verifier.asked() == 2).await;
    last.abort();
    verifier.gate.add_permits(1);
    until("the answer is kept", || cached.try_verify(&token("another")).is_some()).await;
    assert_eq!(verifier.asked(), 2);
}

#[tokio::test]
async fn last_clone_takes_lookups_along() {
    let (verifier, clock) = (Scripted::held(Say::Accept), Clock::held());
    let cached = builder(&verifier, &clock).build();
    let waiting = waiting(&cached);
    until("the call", || verifier.asked() == 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(cached);
    verifier.ended.wait("the verification is dropped").await;
}

/// A request that waits in a task.
fn waiting(cached: &Cached<Scripted>) -> JoinHandle<Result<UserInfo, AuthError>> {
    let cached = cached.clone();
    tokio::spawn(async move { cached.verify(token("token")).await })
}

#[tokio::test]
async fn panic_is_a_500_for_its_credential_alone() {
    let (verifier, clock) = (Scripted::new(Say::Panic), Clock::held());
    let cached = builder(&verifier, &clock).build();
    let outcome = cached.verify(token("bad")).await;
    assert_eq!((kind(&outcome), verifier.asked()), (Some(Internal), 1));
    assert!(outcome.unwrap_err().detail().unwrap().contains("panicked"));
    verifier.say(Say::Accept);
    assert!(cached.verify(token("good")).await.is_ok());
    // Whoever was known stays so.
    clock.advance(seconds(301));
    verifier.say(Say::Panic);
    assert!(cached.verify(token("good")).await.is_ok());
    assert_eq!(kind(&cached.verify(token("bad")).await), Some(Internal), "and nothing is kept");
    verifier.say(Say::Accept);
    assert!(cached.verify(token("bad")).await.is_ok());
}

#[tokio::test]
async fn breaker_opens_probes_and_closes() {
    let outage = || AuthError::new(Unavailable);
    for (what, error, opens) in [
        ("an outage", outage(), true),
        ("an outage that lasts", outage().with_retry_after(seconds(1)), true),
        ("bad answers", outage().of_this_credential(), false),
        ("another failure", AuthError::new(Internal), false),
        ("a verdict", AuthError::new(InvalidCredential), false),
    ] {
        let (verifier, clock) = (Scripted::new(Say::Fail(error)), Clock::held());
        let cached = builder(&verifier, &clock).build();
        for n in 0..10 {
            assert!(cached.verify(token(&format!("token-{n}"))).await.is_err());
        }
        assert_eq!(verifier.asked(), if opens { 5 } else { 10 }, "{what}");
        if !opens {
            continue;
        }
        let error = cached.verify(token("token-10")).await.unwrap_err();
        assert!(error.detail().unwrap().contains("circuit breaker is open"), "{what}: {error}");
        assert_eq!(error.retry_after(), Some(seconds(1)), "{what}");
        clock.advance(seconds(1));
        assert!(cached.verify(token("token-11")).await.is_err());
        assert_eq!(verifier.asked(), 6, "{what}: a probe");
        assert!(cached.verify(token("token-12")).await.is_err());
        assert_eq!(verifier.asked(), 6, "{what}: the pause doubles");
        clock.advance(seconds(2));
        verifier.say(Say::Accept);
        for n in 13..20 {
            assert!(cached.verify(token(&format!("token-{n}"))).await.is_ok(), "{what}: closed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn verifier_that_hangs_is_given_up() {
    let (verifier, clock) = (Scripted::new(Say::Hang), Clock::held());
    let cached = builder(&verifier, &clock).timeout(seconds(2)).build();
    let start = tokio::time::Instant::now();
    let error = cached.verify(token("token")).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed().as_secs()), (Unavailable, 2));
    verifier.ended.wait("the verification is dropped").await;
}

#[tokio::test]
async fn lookups_at_a_time_are_limited() {
    let (verifier, clock) = (Scripted::held(Say::Accept), Clock::held());
    let cached = builder(&verifier, &clock).max_concurrent_lookups(1).build();
    let _first = waiting(&cached);
    until("the call", || verifier.asked() == 1).await;
    let error = cached.verify(token("another")).await.unwrap_err();
    assert!(error.detail().unwrap().contains("max_concurrent_lookups"), "{error}");
}

/// On a clock that stands still, so that the first call does not end before the second has waited long enough.
#[tokio::test(start_paused = true)]
async fn calls_at_a_time_are_limited() {
    let (verifier, clock) = (Scripted::held(Say::Accept), Clock::held());
    let cached = builder(&verifier, &clock).max_in_flight(1).build();
    let _first = waiting(&cached);
    until("the call", || verifier.asked() == 1).await;
    let error = cached.verify(token("another")).await.unwrap_err();
    assert!(error.detail().unwrap().contains("max_in_flight"), "{error}");
    assert_eq!(verifier.asked(), 1);
}

#[tokio::test]
async fn invalidations_cover_what_is_cached_and_what_is_asked() {
    type Invalidating = fn(&Cached<Scripted>);
    let ways: [(&str, Invalidating); 6] = [
        ("the token", |cached| cached.invalidate("token")),
        ("the header", |cached| cached.invalidate("bearer token")),
        ("the user", |cached| cached.invalidate_user("7")),
        ("the name", |cached| cached.invalidate_username("alice")),
        ("all", Cached::clear_cache),
        ("an event", |cached| cached.apply(&Invalidation::of(Some(7.into()), None))),
    ];
    for (what, invalidate) in ways {
        let (verifier, clock) = (Scripted::new(Say::Accept), Clock::held());
        let cached = builder(&verifier, &clock).build();
        cached.verify(token("token")).await.unwrap();
        assert!(cached.try_verify(&token("token")).is_some(), "{what}");
        invalidate(&cached);
        assert!(cached.try_verify(&token("token")).is_none(), "{what}");

        let (verifier, clock) = (Scripted::held(Say::Accept), Clock::held());
        let cached = builder(&verifier, &clock).build();
        let asking = waiting(&cached);
        until("the call", || verifier.asked() == 1).await;
        invalidate(&cached);
        verifier.say(InvalidCredential);
        verifier.gate.add_permits(2);
        assert_eq!(kind(&asking.await.unwrap()), Some(InvalidCredential), "{what}: asked again");
    }
}

#[tokio::test]
async fn everything_else_is_passed_on() {
    let cached = Cached::new(Scripted::new(Say::Accept));
    for (app_id, directory) in [
        (Verify::<BearerToken>::app_id(&cached), Verify::<BearerToken>::directory(&cached)),
        (Verify::<AccessKey>::app_id(&cached), Verify::<AccessKey>::directory(&cached)),
    ] {
        assert_eq!((app_id.as_deref(), directory.is_some()), (Some("scripted"), true));
    }
    let key = || AccessKey::new("ak_1").unwrap();
    assert!(cached.verify(key()).await.is_ok());
    assert!(cached.try_verify(&key()).unwrap().is_ok());
    assert_eq!((cached.verifier().asked(), cached.cache_len()), (1, 1));
}
