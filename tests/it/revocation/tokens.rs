//! Which tokens a revocation ends: by their id, session, user and date.

use std::time::{Duration, UNIX_EPOCH};

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{ByIssuer, JwtVerifier};
use aigc_auth::revocation::{MemoryRevocations, Revocation, Revocations};
use aigc_auth::testing::Clock;
use aigc_auth::{AuthClient, UserInfo};
use serde_json::{Value, json};

use crate::jwt::support::{HMAC, P256, SECRET, claims, greeting, now, with};
use crate::revocation::support::{ACCEPTED, builder, kind, outcome, revoked, token};
use crate::support::{center, client, get_as, verdict};

#[tokio::test]
async fn revoked_token_is_rejected_with_the_next_request() {
    let verifier = builder(&Clock::held()).build().unwrap();
    let app = greeting(&verifier).await;
    let [gone, other] = ["a", "b"].map(|jti| token(&json!({"jti": jti})));
    for token in [&gone, &other] {
        assert_eq!(verdict(&get_as(app.address, token, "/").await), Ok("hello alice"));
    }
    verifier.revoke(&gone).await.unwrap();
    for _ in 0..2 {
        let answer = get_as(app.address, &gone, "/").await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    }
    assert_eq!(verdict(&get_as(app.address, &other, "/").await), Ok("hello alice"));
    assert_eq!(verifier.revoke(&gone).await.unwrap_err().kind(), ErrorKind::InvalidCredential);
}

/// Each revocation, and whether it ends tokens of these claims; cached ones, and new ones.
#[tokio::test]
async fn revocations_end_the_tokens_that_they_are_about() {
    let iat = now() - 60;
    let tokens = [
        json!({"jti": "j", "sid": "s", "iat": iat}),
        json!({"jti": 7, "sid": 7, "iat": iat}),
        json!({"jti": "s", "sid": "j", "iat": iat}),
        json!({"sub": "bob", "jti": "j2", "iat": iat + 1}),
        json!({"sub": 7, "iat": iat as f64 + 0.75}),
        json!({"iat": "absent"}),
        json!({"jti": null, "sid": "", "iat": iat}),
    ];
    let at = |millis: u64| UNIX_EPOCH + Duration::from_secs(iat) + Duration::from_millis(millis);
    for (revocation, ended) in [
        (Revocation::token("j"), vec![0]),
        (Revocation::token("7"), vec![1]),
        (Revocation::session("s"), vec![0]),
        (Revocation::session("7"), vec![1]),
        (Revocation::token(""), vec![]),
        // Whoever does not say when is older than any instant.
        (Revocation::user("alice", at(0)), vec![5]),
        (Revocation::user("alice", at(1)), vec![0, 1, 2, 5, 6]),
        (Revocation::user("bob", at(1_001)), vec![3]),
        (Revocation::user(7, at(750)), vec![]),
        (Revocation::user(7, at(751)), vec![4]),
        (Revocation::user("nobody", at(1_000)), vec![]),
    ] {
        let clock = Clock::held();
        let list = MemoryRevocations::with_clock(clock.clone());
        let verifier =
            JwtVerifier::from_secret(SECRET).clock(clock.clone()).revocations(list.clone()).build().unwrap();
        let tokens: Vec<_> = tokens.iter().map(token).collect();
        let cached = &tokens[..4];
        for token in cached {
            assert_eq!(outcome(&verifier, token).await, ACCEPTED);
        }
        list.revoke(&revocation, UNIX_EPOCH + Duration::from_secs(iat + 300)).await.unwrap();
        for (at, token) in tokens.iter().enumerate() {
            let expected = if ended.contains(&at) { revoked() } else { ACCEPTED };
            assert_eq!(outcome(&verifier, token).await, expected, "{revocation:?}, token {at}");
        }
        // With its end, the revocation ends.
        clock.advance(Duration::from_secs(241));
        for token in &tokens {
            assert_eq!(outcome(&verifier, token).await, ACCEPTED, "{revocation:?}");
        }
    }
}

/// What could be written in several ways might not be found.
#[tokio::test]
async fn ids_that_cannot_be_read_are_rejected_where_tokens_can_be_revoked() {
    let clock = Clock::held();
    let with_list = builder(&clock).build().unwrap();
    let without = JwtVerifier::from_secret(SECRET).clock(clock).build().unwrap();
    for (id, found) in [
        (json!({"id": 1}), "an object"),
        (json!(["a"]), "an array"),
        (json!(true), "a boolean"),
        (json!(1.5), "a fraction"),
        (json!(1e300), "a fraction"),
    ] {
        for name in ["jti", "sid"] {
            let token = token(&json!({name: id}));
            let expected = format!(
                "malformed `{name}` claim: expected a string or an integer to revoke by, found {found}"
            );
            assert_eq!(outcome(&with_list, &token).await, (401, expected), "{id}");
            assert_eq!(outcome(&without, &token).await, ACCEPTED, "{id}");
        }
    }
    for id in [json!(-7), json!(u64::MAX), json!("a b"), json!("吊销"), json!("x".repeat(2000))] {
        let token = token(&json!({"jti": id, "sid": id}));
        assert_eq!(outcome(&with_list, &token).await, ACCEPTED, "{id}");
        with_list.revoke(&token).await.unwrap();
        assert_eq!(outcome(&with_list, &token).await, revoked(), "{id}");
    }
}

/// A log-out ends the session: its other tokens, and those that were issued while it was under way.
#[tokio::test]
async fn revoke_ends_the_session_for_as_long_as_its_tokens_live() {
    let clock = Clock::held();
    let verifier = builder(&clock).session_claims(["session_id", "sid"]).build().unwrap();
    let [logged_out, sibling] =
        ["a", "b"].map(|jti| token(&json!({"jti": jti, "session_id": "s", "sid": "of something else"})));
    let other = token(&json!({"sid": "of something else"}));
    clock.advance(Duration::from_secs(1800));
    let late = token(&json!({"session_id": "s", "iat": now() + 1800, "exp": now() + 5400}));
    verifier.revoke(&logged_out).await.unwrap();
    for token in [&logged_out, &sibling, &late] {
        assert_eq!(outcome(&verifier, token).await, revoked());
    }
    assert_eq!(outcome(&verifier, &other).await, ACCEPTED);
    clock.advance(Duration::from_secs(3600));
    // It has expired, and is within the leeway: the very last moment.
    clock.advance(Duration::from_secs(20));
    assert_eq!(outcome(&verifier, &late).await, revoked());
}

#[tokio::test]
async fn users_and_sessions_are_revoked_by_their_ids() {
    let clock = Clock::held();
    let verifier = builder(&clock).subject_claim("user_id").build().unwrap();
    let of = |more: Value| token(&with(more, "user_id", 7));
    let [old, session] = [of(json!({"iat": now() - 10})), of(json!({"sid": "s"}))];
    let before = UNIX_EPOCH + Duration::from_secs(now() - 5);
    for id in [aigc_auth::UserId::from("alice"), 7.into()] {
        let fresh = builder(&clock).subject_claim("user_id").build().unwrap();
        fresh.revoke_user(id, before).await.unwrap();
        assert_eq!(outcome(&fresh, &old).await, revoked());
        assert_eq!(outcome(&fresh, &session).await, ACCEPTED, "issued since");
    }
    verifier.revoke_session("s", UNIX_EPOCH + Duration::from_secs(now() + 60)).await.unwrap();
    assert_eq!(outcome(&verifier, &session).await, revoked());
    assert_eq!(outcome(&verifier, &old).await, ACCEPTED);
}

#[tokio::test]
async fn what_cannot_be_revoked_says_why() {
    let clock = Clock::held();
    let verifier = builder(&clock).build().unwrap();
    let error = verifier.revoke(&token(&json!({}))).await.unwrap_err();
    assert_eq!((error.kind(), error.status().as_u16()), (ErrorKind::InvalidRequest, 400));
    assert!(error.detail().unwrap().contains("neither `jti` nor `sid`"), "{error}");
    let expired = token(&json!({"jti": "a", "exp": now() - 60}));
    assert_eq!(verifier.revoke(&expired).await.unwrap_err().kind(), ErrorKind::Expired);
    let without = JwtVerifier::from_secret(SECRET).build().unwrap();
    for error in [
        without.revoke(&token(&json!({"jti": "a"}))).await.unwrap_err(),
        without.revoke_session("s", UNIX_EPOCH).await.unwrap_err(),
        without.revoke_user("alice", UNIX_EPOCH).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
    }
}

/// Dates beyond all calendars are kept as far as they go.
#[tokio::test]
async fn no_date_is_out_of_range() {
    let clock = Clock::held();
    let verifier = builder(&clock).max_token_lifetime(Duration::MAX).build().unwrap();
    let far = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
    let [session, user, token] =
        [json!({"sid": "s"}), json!({}), json!({"jti": "j", "sid": "t", "exp": 253_402_300_799_u64})]
            .map(|more| token(&more));
    verifier.revoke_session("s", far).await.unwrap();
    assert_eq!(outcome(&verifier, &session).await, revoked());
    verifier.revoke(&token).await.unwrap();
    assert_eq!(outcome(&verifier, &token).await, revoked());
    verifier.revoke_user("alice", far).await.unwrap();
    assert_eq!(outcome(&verifier, &user).await, revoked());
}

#[test]
fn list_of_an_added_source_is_refused() {
    let list = MemoryRevocations::new;
    let added = JwtVerifier::from_public_key(P256.pem()).issuer("https://new").revocations(list());
    let error = builder(&Clock::held()).issuer("https://old").also_accept(added).build().unwrap_err();
    assert!(
        error.to_string().contains("`revocations` is set for a source of keys that was added"),
        "{error}"
    );
}

/// As AutoGPT has both: its older sign-in, and its newer one.
#[tokio::test]
async fn one_list_is_for_all_sources_and_combined_verifiers() {
    let clock = Clock::held();
    let es256 = JwtVerifier::from_public_key(P256.pem()).issuer("https://new");
    let verifier = builder(&clock).issuer("https://old").also_accept(es256).build().unwrap();
    let old = HMAC.issue("HS256", None, &with(with(claims(), "iss", "https://old"), "sid", "s"));
    let new = P256.issue("ES256", None, &with(with(claims(), "iss", "https://new"), "sid", "s"));
    let center = center().await;
    let combined = ByIssuer::new(verifier.clone(), client(&center));
    let app = crate::support::serve(
        axum::Router::new()
            .route("/", axum::routing::get(|| async { "in" }))
            .layer(aigc_auth::AuthLayer::new(combined)),
    )
    .await;
    for token in [&old, &new] {
        assert_eq!(verdict(&get_as(app.address, token, "/").await), Ok("in"));
    }
    verifier.revoke(&old).await.unwrap();
    for token in [&old, &new] {
        assert_eq!(verdict(&get_as(app.address, token, "/").await), Err(401));
        assert_eq!(kind(&verifier, token).await, Some(ErrorKind::InvalidCredential));
    }
}

#[tokio::test]
async fn revoked_user_is_looked_up_anew_at_the_auth_center() {
    let center = center().await;
    center.add_user(UserInfo::builder(7, "ann"));
    center.add_token("ann-token", "ann");
    let client: AuthClient = client(&center);
    let list = MemoryRevocations::with_invalidate(client.clone());
    let calls = async || {
        client.user_info("ann-token").await.unwrap();
        center.calls("/user/info")
    };
    assert_eq!((calls().await, calls().await), (1, 1));
    let hour = std::time::SystemTime::now() + Duration::from_secs(3600);
    list.revoke(&Revocation::session("s"), hour).await.unwrap();
    assert_eq!(calls().await, 1);
    list.revoke(&Revocation::user(7, hour), hour).await.unwrap();
    assert_eq!(calls().await, 2);
}
