//! How long a verified token is not verified again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aigc_auth::jwt::{self, JwtVerifier, JwtVerifierBuilder};
use aigc_auth::testing::Clock;
use serde_json::{Value, json};

use super::verification::ask;
use crate::jwt::support::{HMAC, SECRET, claims, greeting, now, pass, with};

/// A verifier that counts the tokens it has verified.
fn counting(builder: JwtVerifierBuilder) -> (JwtVerifier, Clock, impl Fn() -> usize) {
    let (clock, verified) = (Clock::held(), Arc::<AtomicUsize>::default());
    let counted = verified.clone();
    let map = move |claims: &serde_json::Map<String, Value>| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(jwt::default_claims_mapping(claims)?.build())
    };
    let verifier = builder.clock(clock.clone()).map_claims(map).build().unwrap();
    (verifier, clock, move || verified.load(Ordering::SeqCst))
}

#[tokio::test]
async fn token_is_cached_for_ttl_and_never_past_exp() {
    let (verifier, clock, verified) = counting(JwtVerifier::from_secret(SECRET));
    let app = greeting(&verifier).await;
    let token = HMAC.issue("HS256", None, &claims());
    for (seconds, expected) in [(0, 1), (0, 1), (299, 1), (1, 2), (299, 2), (1, 3)] {
        pass(&clock, seconds);
        assert_eq!((ask(&app, &token).await.0, verified()), (200, expected), "{seconds} s later");
    }

    let (verifier, clock, verified) = counting(JwtVerifier::from_secret(SECRET));
    let app = greeting(&verifier).await;
    let token = HMAC.issue("HS256", None, &with(claims(), "exp", now() + 100));
    // From its end on there is the leeway, for which it is verified each time.
    for (seconds, status, expected) in
        [(0, 200, 1), (98, 200, 1), (3, 200, 2), (0, 200, 3), (27, 200, 4), (3, 401, 4), (0, 401, 4)]
    {
        pass(&clock, seconds);
        assert_eq!((ask(&app, &token).await.0, verified()), (status, expected), "{seconds} s later");
    }
}

/// The machine was suspended for a day: its milliseconds stood still.
#[tokio::test]
async fn token_is_not_cached_past_exp_by_a_date_that_jumps() {
    let (verifier, clock, verified) = counting(JwtVerifier::from_secret(SECRET));
    let app = greeting(&verifier).await;
    let token = HMAC.issue("HS256", None, &with(claims(), "exp", now() + 100));
    for (jump, seconds, status, expected) in [(0, 0, 200, 1), (50, 2, 200, 1), (86_400, 1, 401, 1)] {
        clock.jump(Duration::from_secs(jump));
        pass(&clock, seconds);
        assert_eq!(
            (ask(&app, &token).await.0, verified()),
            (status, expected),
            "{jump} s, {seconds} s later"
        );
    }
}

/// As others mean "for ever".
#[tokio::test]
async fn settings_of_any_size_are_taken() {
    let verifier = JwtVerifier::from_secret(SECRET).leeway(Duration::MAX).cache_ttl(Duration::MAX);
    let verifier = verifier.build().unwrap();
    for (exp, accepted) in [
        (json!(-1e308), false),
        (json!(-1), false),
        (json!(0), false),
        (json!(now() - 86_400), true),
        (json!(now() + 60), true),
        (json!(253_402_300_799_u64), true),
    ] {
        let token = HMAC.issue("HS256", None, &with(claims(), "exp", exp.clone()));
        for again in [false, true] {
            let outcome = verifier.user_info(&token).await;
            assert_eq!(outcome.is_ok(), accepted, "{exp}, again: {again}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn zero_ttl_verifies_every_time() {
    let (verifier, _, verified) = counting(JwtVerifier::from_secret(SECRET).cache_ttl(Duration::ZERO));
    let app = greeting(&verifier).await;
    let token = HMAC.issue("HS256", None, &claims());
    for expected in 1..=3 {
        assert_eq!((ask(&app, &token).await.0, verified()), (200, expected));
    }
}
