//! TTLs, stale-if-error and the negative cache of the client.

use std::time::{Duration, SystemTime};

use aigc_auth::AuthClient;
use aigc_auth::testing::{self, AuthCenter, Clock, Fault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::rig::{KEY, Rig, Seen, TOKEN, app, ask, settled};
use crate::support::{self, Canned, Stopwatch};

pub(super) fn alice() -> Seen {
    Seen::user("alice")
}

#[tokio::test]
async fn user_is_cached_300_s_and_refreshed_at_210_to_270_s() {
    join_all([TOKEN, KEY].map(|credential| async move {
        let rig = Rig::new().await;
        assert_eq!(rig.ask(credential).await, alice());
        rig.clock.advance(Duration::from_millis(209_999));
        assert_eq!((rig.ask(credential).await, rig.calls()), (alice(), 1));

        rig.center.delay(Duration::from_secs(1));
        rig.clock.advance(Duration::from_millis(60_001));
        let app = rig.app();
        let start = Stopwatch::start();
        let seen = join_all((0..100).map(|_| ask(&app, credential))).await;
        assert!(seen.iter().all(|seen| *seen == alice()));
        assert!(start.elapsed() < Duration::from_millis(950), "no request waits for the refresh");
        rig.arrived(2).await;
        rig.settled().await;
        rig.clock.advance(Duration::from_millis(209_999));
        assert_eq!(rig.ask(credential).await, alice());
        assert_eq!(rig.calls(), 2, "one refresh, from which it counts anew");

        rig.center.delay(Duration::ZERO);
        rig.clock.advance(Duration::from_millis(90_001));
        assert_eq!(
            (rig.ask(credential).await, rig.calls()),
            (alice(), 3),
            "looked up again when it has expired"
        );
    }))
    .await;
}

#[tokio::test]
async fn failed_refresh_is_retried_after_15_s() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, alice());
    rig.center.inject_fault(Fault::status(500));
    rig.advance(270);
    for calls in 2..=3 {
        for _ in 0..20 {
            assert_eq!(rig.ask(TOKEN).await, alice());
        }
        rig.arrived(calls).await;
        rig.settled().await;
        rig.clock.advance(Duration::from_millis(14_999));
        assert_eq!((rig.ask(TOKEN).await, rig.calls()), (alice(), calls));
        rig.clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn refresh_applies_changes_and_refusals() {
    let rig = Rig::new().await;
    assert!(rig.client.user_info(TOKEN).await.unwrap().has_permission("report:read"));
    rig.center.update_user("alice", |user| user.permissions::<&str>([]));
    rig.advance(270);
    assert!(rig.client.user_info(TOKEN).await.unwrap().has_permission("report:read"), "the old answer");
    rig.arrived(2).await;
    rig.settled().await;
    assert!(!rig.client.user_info(TOKEN).await.unwrap().has_permission("report:read"));

    rig.center.disable_user("alice");
    rig.advance(270);
    assert_eq!(rig.ask(TOKEN).await, alice(), "the old answer");
    rig.arrived(3).await;
    rig.settled().await;
    assert_eq!(rig.ask(TOKEN).await, Seen::denied("Access is denied"));
    assert_eq!(rig.calls(), 3);
}

#[tokio::test]
async fn stale_if_error_ends_after_300_s() {
    for (window, last) in [(None, 599_999), (Some(60), 359_999), (Some(0), 299_999)] {
        let rig = Rig::with(|builder| match window {
            Some(seconds) => builder.stale_if_error(Duration::from_secs(seconds)),
            None => builder,
        })
        .await;
        assert_eq!(rig.ask(TOKEN).await, alice());
        rig.center.inject_fault(Fault::status(500));
        rig.clock.advance(Duration::from_millis(last));
        assert_eq!(rig.ask(TOKEN).await, alice(), "{window:?}");
        rig.settled().await;
        rig.clock.advance(Duration::from_millis(1));
        assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(1), "{window:?}");
    }
}

#[tokio::test]
async fn refusal_is_cached_for_negative_ttl() {
    for (ttl, millis) in [(None, 5_000), (Some(60), 60_000), (Some(0), 0)] {
        let rig = Rig::with(|builder| match ttl {
            Some(seconds) => builder.negative_ttl(Duration::from_secs(seconds)),
            None => builder,
        })
        .await;
        assert_eq!(rig.ask("later").await, Seen::invalid_token());
        rig.center.add_token("later", "alice");
        if millis > 0 {
            rig.clock.advance(Duration::from_millis(millis - 1));
            assert_eq!(rig.ask("later").await, Seen::invalid_token(), "{ttl:?}");
            assert_eq!((rig.calls(), rig.client.cache_len()), (1, 0), "{ttl:?}");
            rig.clock.advance(Duration::from_millis(1));
        }
        assert_eq!((rig.ask("later").await, rig.calls()), (alice(), 2), "{ttl:?}");
    }
}

#[tokio::test]
async fn ttls_are_configurable() {
    let rig = Rig::with(|builder| builder.cache_ttl(Duration::ZERO)).await;
    for calls in 1..=3 {
        assert_eq!(
            (rig.ask(TOKEN).await, rig.calls()),
            (alice(), calls),
            "a TTL of zero turns the cache off"
        );
    }
    rig.center.inject_fault(Fault::Refuse);
    assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(1), "and stale-if-error with it");

    let rig = Rig::with(|builder| builder.cache_ttl(Duration::from_secs(10))).await;
    for (at, calls) in [(0, 1), (7_999, 1), (2_001, 2)] {
        rig.clock.advance(Duration::from_millis(at));
        assert_eq!((rig.ask(TOKEN).await, rig.calls()), (alice(), calls));
    }

    // Practically for ever.
    let longest = Duration::MAX;
    let rig = Rig::with(|builder| {
        builder.cache_ttl(longest).stale_if_error(longest).negative_ttl(longest).timeout(longest)
    })
    .await;
    assert_eq!(rig.ask(TOKEN).await, alice());
    assert_eq!(rig.ask("nobody-has-it").await, Seen::invalid_token());
    rig.advance(365 * 24 * 3600);
    assert_eq!(rig.ask(TOKEN).await, alice());
    assert_eq!(rig.ask("nobody-has-it").await, Seen::invalid_token());
    assert_eq!(rig.calls(), 2);
}

#[tokio::test]
async fn extreme_limits_are_accepted() {
    for number in [0, 1, usize::MAX] {
        let rig = Rig::with(|builder| builder.max_in_flight(number).max_concurrent_lookups(number)).await;
        assert_eq!(rig.ask(TOKEN).await, alice(), "{number}");
    }
    for capacity in [0, 1, 2, usize::MAX] {
        let rig = Rig::with(|builder| builder.cache_capacity(capacity)).await;
        for _ in 0..3 {
            assert_eq!(rig.ask(TOKEN).await, alice(), "{capacity}");
        }
        assert!(rig.client.cache_len() <= capacity);
    }
}

/// A time that many seconds from now: as seconds since 1970, and as a date with and without its zone.
fn in_seconds(seconds: u64) -> (u64, [String; 2]) {
    let at = SystemTime::now() + Duration::from_secs(seconds);
    let unix = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let date = jiff::Timestamp::from_second(i64::try_from(unix).unwrap()).unwrap().to_string();
    (unix, [date.trim_end_matches('Z').to_owned(), date])
}

/// Valid until shortly before the 100th second and not beyond; a second or two is lost to rounding.
async fn expires_after_100_seconds(what: &str, clock: &Clock, client: &AuthClient, token: &str) {
    let app = app(client);
    let (before, after) = (client.cache_len(), Duration::from_millis(97_900));
    assert_eq!(ask(&app, token).await, alice(), "{what}");
    assert_eq!((before, client.cache_len()), (0, 1), "{what}");
    clock.advance(after);
    assert!(
        aigc_auth::Verify::try_verify(client, &aigc_auth::credential::BearerToken::new(token).unwrap())
            .is_some(),
        "{what}: still cached"
    );
    settled(client).await;
    clock.advance(Duration::from_millis(2_600));
    assert!(
        aigc_auth::Verify::try_verify(client, &aigc_auth::credential::BearerToken::new(token).unwrap())
            .is_none(),
        "{what}: expired"
    );
}

#[tokio::test]
async fn token_is_not_cached_beyond_expiry() {
    let (unix, [bare, zoned]) = in_seconds(100);
    let ends = [json!(unix), json!(unix as f64 + 0.25), json!(unix.to_string()), json!(zoned)];
    for exp in &ends {
        let rig = Rig::new().await;
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(json!({"exp": exp}).to_string()));
        rig.center.add_token(&token, "alice");
        expires_after_100_seconds("exp of a JWT", &rig.clock, &rig.client, &token).await;
        // Now it is looked up every time, and an expired token is not served stale.
        let calls = rig.calls();
        assert_eq!(
            (rig.ask(&token).await, rig.ask(&token).await, rig.calls()),
            (alice(), alice(), calls + 2)
        );
        rig.center.inject_fault(Fault::Refuse);
        assert_eq!(rig.ask(&token).await, Seen::unavailable(1));
    }
    for ends in [json!(bare), json!(zoned), json!(unix)] {
        let clock = Clock::held();
        let data = json!({"id": 7, "username": "alice", "expiresAt": ends});
        let canned = Canned::with_data(data).await;
        let client = canned.client(|builder| builder.clock(clock.clone()));
        expires_after_100_seconds("expiresAt of /user/info", &clock, &client, "opaque").await;
    }
    // Without a readable expiry, the TTL alone counts.
    for ends in [json!(null), json!("tomorrow"), json!(true)] {
        let clock = Clock::held();
        let data = json!({"id": 7, "username": "alice", "expiresAt": ends});
        let canned = Canned::with_data(data).await;
        let client = canned.client(|builder| builder.clock(clock.clone()));
        client.user_info("opaque").await.unwrap();
        clock.advance(Duration::from_secs(209));
        client.user_info("opaque").await.unwrap();
        assert_eq!(canned.requests().len(), 1, "{ends}");
    }
}

#[tokio::test]
async fn verify_token_expiry_limits_cache() {
    let ends = SystemTime::now() + Duration::from_secs(100);
    let rig = Rig::new().await;
    rig.center.add_token_expiring("short", "alice", ends);
    assert!(rig.client.verify_token("short").await.unwrap().valid);
    expires_after_100_seconds("verify_token, then user_info", &rig.clock, &rig.client, "short").await;

    let rig = Rig::new().await;
    rig.center.add_token_expiring("short", "alice", ends);
    rig.client.user_info("short").await.unwrap();
    rig.client.verify_token("short").await.unwrap();
    rig.clock.advance(Duration::from_millis(98_900));
    assert_eq!((rig.ask("short").await, rig.calls()), (alice(), 1));
    rig.clock.advance(Duration::from_millis(1_100));
    rig.center.inject_fault(Fault::Refuse);
    assert_eq!(rig.ask("short").await, Seen::unavailable(1), "user_info, then verify_token");
}

/// A machine wakes up from a suspend, or its time is corrected: no time has gone by, and yet the token has ended.
#[tokio::test]
async fn token_is_not_cached_beyond_expiry_by_a_date_that_jumps() {
    for verifies_first in [true, false] {
        let rig = Rig::new().await;
        rig.center.add_token_expiring("short", "alice", SystemTime::now() + Duration::from_secs(100));
        if verifies_first {
            rig.client.verify_token("short").await.unwrap();
        }
        for credential in ["short", TOKEN] {
            assert_eq!(rig.ask(credential).await, alice());
        }
        rig.clock.jump(Duration::from_secs(95));
        rig.advance(2);
        assert_eq!((rig.ask("short").await, rig.calls()), (alice(), 2));
        rig.center.inject_fault(Fault::Refuse);
        rig.clock.jump(Duration::from_secs(10));
        rig.clock.advance(Duration::from_millis(1_000));
        assert_eq!(rig.ask("short").await, Seen::unavailable(1), "a second later at most, nor stale");
        rig.clock.jump(Duration::from_secs(100_000));
        assert_eq!(rig.ask(TOKEN).await, alice(), "a token without an end is cached for its time");
    }
}

#[tokio::test]
async fn expiry_survives_refresh() {
    let rig = Rig::new().await;
    rig.center.add_token_expiring("short", "alice", SystemTime::now() + Duration::from_secs(250));
    rig.client.verify_token("short").await.unwrap();
    assert_eq!(rig.ask("short").await, alice());
    rig.advance(245);
    assert_eq!(rig.ask("short").await, alice());
    rig.arrived(2).await;
    rig.settled().await;
    rig.center.inject_fault(Fault::Refuse);
    rig.advance(5);
    assert_eq!(rig.ask("short").await, Seen::unavailable(1));
}

/// The auth center has prolonged the token after `verify_token` said when it ends.
#[tokio::test]
async fn prolonged_token_is_cached_again() {
    let (rig, now) = (Rig::new().await, SystemTime::now());
    rig.center.add_token_expiring("long", "alice", now + Duration::from_secs(60));
    rig.client.verify_token("long").await.unwrap();
    rig.center.add_token_expiring("long", "alice", now + Duration::from_secs(36_000));
    rig.advance(61);
    for _ in 0..5 {
        assert_eq!(rig.ask("long").await, alice());
    }
    assert_eq!(rig.calls(), 1);
}

#[tokio::test]
async fn expiry_of_verify_token_is_compared_with_the_date() {
    let (rig, now) = (Rig::new().await, SystemTime::now());
    rig.center.add_token_expiring("short", "alice", now + Duration::from_secs(60));
    assert_eq!(rig.ask("short").await, alice());
    rig.client.verify_token("short").await.unwrap();
    rig.clock.jump(Duration::from_secs(100));
    rig.advance(2);
    rig.center.inject_fault(Fault::Refuse);
    assert_eq!(rig.ask("short").await, Seen::unavailable(1));
    // As well past the TTL, when the user would be served stale.
    let (rig, now) = (Rig::new().await, SystemTime::now());
    rig.center.add_token_expiring("longer", "alice", now + Duration::from_secs(500));
    rig.client.verify_token("longer").await.unwrap();
    assert_eq!(rig.ask("longer").await, alice());
    rig.advance(301);
    rig.center.inject_fault(Fault::Refuse);
    assert_eq!(rig.ask("longer").await, alice(), "stale");
    rig.clock.jump(Duration::from_secs(200));
    assert_eq!(rig.ask("longer").await, Seen::unavailable(1));
}

#[tokio::test]
async fn clearing_the_cache_ends_pauses() {
    let rig = Rig::new().await;
    rig.center.inject_fault(Fault::status(500));
    assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(1));
    rig.center.clear_faults();
    rig.client.clear_cache();
    assert_eq!(rig.ask(TOKEN).await, alice());
}

#[tokio::test]
async fn invalid_result_of_verify_token_invalidates_cache() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, alice());
    rig.center.revoke_token(TOKEN);
    assert_eq!(rig.ask(TOKEN).await, alice());
    assert!(!rig.client.verify_token(TOKEN).await.unwrap().valid);
    assert_eq!(rig.ask(TOKEN).await, Seen::invalid_token());
}

#[tokio::test]
async fn clients_do_not_share_cache_but_clones_do() {
    let (one, two) = (Rig::new().await, Rig::new().await);
    two.center.add_user(testing::user("mallory").id(66));
    two.center.add_token(TOKEN, "mallory");
    for _ in 0..2 {
        assert_eq!(one.ask(TOKEN).await, alice());
        assert_eq!(two.ask(TOKEN).await, Seen::user("mallory"));
    }
    assert_eq!((one.calls(), two.calls()), (1, 1));

    // Of one center too; but clones of a client share all.
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice"));
    center.add_token(TOKEN, "alice");
    let (one, two) = (support::client(&center), support::client(&center));
    for client in [&one, &one.clone(), &two, &two.clone()] {
        client.user_info(TOKEN).await.unwrap();
    }
    assert_eq!(center.calls("/user/info"), 2);
}
