//! What an invalidation covers: cached users, rejections, and lookups in flight.

use std::time::Duration;

use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{self, Fault};
use aigc_auth::{AuthClient, UserId};
use futures_util::future::join_all;

use crate::client::cache::alice;
use crate::support::random;
use crate::support::rig::{KEY, Rig, Seen, TOKEN, ask};

/// The ways to invalidate alice.
type Invalidate = fn(&AuthClient);
const INVALIDATIONS: [(&str, Invalidate); 5] = [
    ("invalidate", |client| client.invalidate(TOKEN)),
    ("invalidate_user, a number", |client| client.invalidate_user(7)),
    ("invalidate_user, a string", |client| client.invalidate_user("7")),
    ("invalidate_user, an id as it came", |client| client.invalidate_user(UserId::from(7))),
    ("clear_cache", AuthClient::clear_cache),
];

#[tokio::test]
async fn invalidation_takes_effect_at_once() {
    join_all(INVALIDATIONS.map(|(way, invalidate)| async move {
        let rig = Rig::new().await;
        rig.center.add_user(testing::user("bob").id(8));
        rig.center.add_token("bob-token", "bob");
        for _ in 0..3 {
            assert_eq!(rig.ask(TOKEN).await, alice());
            assert_eq!(rig.ask("bob-token").await, Seen::user("bob"));
        }
        rig.center.disable_user("alice");
        assert_eq!((rig.ask(TOKEN).await, rig.calls()), (alice(), 2), "{way}");
        invalidate(&rig.client);
        assert_eq!(rig.ask(TOKEN).await, Seen::denied("Access is denied"), "{way}");
        assert_eq!(rig.calls(), 3, "{way}");
        assert_eq!(rig.ask("bob-token").await, Seen::user("bob"));
        assert_eq!(rig.calls(), if way == "clear_cache" { 4 } else { 3 }, "{way}: bob is another user");
        rig.center.inject_fault(Fault::Refuse);
        rig.advance(10);
        assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(1), "{way}: not served stale either");
    }))
    .await;
}

#[tokio::test]
async fn invalidate_user_covers_all_credentials() {
    let rig = Rig::new().await;
    rig.center.add_token("second", "alice");
    for credential in [TOKEN, "second", KEY] {
        assert_eq!(rig.ask(credential).await, alice());
    }
    rig.client.invalidate("second");
    rig.ask("second").await;
    assert_eq!(rig.calls(), 4);
    rig.client.invalidate_user(7);
    for credential in [TOKEN, "second", KEY] {
        assert_eq!(rig.ask(credential).await, alice());
    }
    assert_eq!(rig.calls(), 7);
    rig.client.invalidate("not a credential at all");
    rig.client.invalidate_user("nobody");
    for credential in [TOKEN, "second", KEY] {
        assert_eq!(rig.ask(credential).await, alice());
    }
    assert_eq!(rig.calls(), 7);
}

#[tokio::test]
async fn invalidation_during_lookup_repeats_it() {
    join_all(INVALIDATIONS.map(|(way, invalidate)| async move {
        let rig = Rig::new().await;
        rig.center.delay(Duration::from_millis(100));
        let app = rig.app();
        let before = tokio::spawn(async move { join_all((0..10).map(|_| ask(&app, TOKEN))).await });
        rig.arrived(1).await;
        // The center has decided, and its answer is under way.
        rig.center.disable_user("alice");
        invalidate(&rig.client);
        rig.center.delay(Duration::ZERO);
        let app = rig.app();
        let after = join_all((0..100).map(|_| ask(&app, TOKEN))).await;
        let denied = Seen::denied("Access is denied");
        assert!(after.iter().all(|seen| *seen == denied), "{way}: {after:?}");
        let before = before.await.unwrap();
        assert!(before.iter().all(|seen| *seen == denied), "{way}: the lookup is repeated for them too");
        assert_eq!(rig.calls(), 2, "{way}");
    }))
    .await;
}

/// The same for a refusal. It names no user, so only its token can invalidate it.
#[tokio::test]
async fn invalidation_discards_refusal_in_flight() {
    for (way, invalidate) in [INVALIDATIONS[0], INVALIDATIONS[4]] {
        let rig = Rig::new().await;
        rig.center.delay(Duration::from_millis(100));
        rig.center.disable_user("alice");
        let app = rig.app();
        let before = tokio::spawn(async move { ask(&app, TOKEN).await });
        rig.arrived(1).await;
        rig.center.update_user("alice", |user| user.status("active"));
        invalidate(&rig.client);
        rig.center.delay(Duration::ZERO);
        assert_eq!(rig.ask(TOKEN).await, alice(), "{way}");
        before.await.unwrap();
        assert_eq!(rig.ask(TOKEN).await, alice(), "{way}");
        assert_eq!(rig.calls(), 2, "{way}");
    }
}

/// A refresh in the background, overtaken by an invalidation.
#[tokio::test]
async fn invalidation_during_refresh_discards_result() {
    join_all(INVALIDATIONS.map(|(way, invalidate)| async move {
        let rig = Rig::new().await;
        assert_eq!(rig.ask(TOKEN).await, alice());
        rig.advance(270);
        rig.center.delay(Duration::from_millis(60));
        assert_eq!(rig.ask(TOKEN).await, alice());
        rig.arrived(2).await;
        rig.center.disable_user("alice");
        invalidate(&rig.client);
        rig.center.delay(Duration::ZERO);
        for _ in 0..10 {
            assert_eq!(rig.ask(TOKEN).await, Seen::denied("Access is denied"), "{way}");
        }
        rig.settled().await;
        assert_eq!(rig.ask(TOKEN).await, Seen::denied("Access is denied"), "{way}: the late answer is void");
    }))
    .await;
}

/// An invalidated user is not served stale.
#[tokio::test]
async fn invalidation_during_outage_ends_stale_serving() {
    join_all(INVALIDATIONS.map(|(way, invalidate)| async move {
        let rig = Rig::new().await;
        assert_eq!(rig.ask(TOKEN).await, alice());
        rig.center.inject_fault(Fault::status(500));
        rig.advance(400);
        assert_eq!(rig.ask(TOKEN).await, alice(), "stale");
        rig.advance(1);
        rig.center.delay(Duration::from_millis(60));
        let app = rig.app();
        let waiting = tokio::spawn(async move { ask(&app, TOKEN).await });
        rig.arrived(3).await;
        invalidate(&rig.client);
        assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(1), "{way}");
        assert_eq!(waiting.await.unwrap(), Seen::unavailable(1), "{way}");
    }))
    .await;
}

/// Lookups, changes and invalidations in any order, over sockets: no request after an invalidation sees an older
/// user.
#[tokio::test]
async fn random_interleavings_never_return_invalidated_user() {
    let mut random = random();
    let rig = Rig::new().await;
    let (mut version, mut tasks) = (0_u32, Vec::new());
    for _ in 0..600 {
        match random.u8(..20) {
            0..12 => {
                rig.center.delay(Duration::from_micros(random.u64(..3_000)));
                let (client, floor) = (rig.client.clone(), version);
                let credential = *random.choice(&[TOKEN, KEY]).unwrap();
                tasks.push(tokio::spawn(async move {
                    let user = if credential == KEY {
                        client.access_key_user(KEY).await
                    } else {
                        client.user_info(TOKEN).await
                    };
                    let error =
                        |error: aigc_auth::AuthError| assert_eq!(error.kind(), ErrorKind::Unavailable);
                    let Ok(user) = user.map_err(error) else { return false };
                    let seen: u32 = user.nickname().map_or(0, |version| version.parse().unwrap());
                    assert!(seen >= floor, "{credential}: {seen} was over at {floor}");
                    true
                }));
            }
            12 => {
                version += 1;
                let name = version.to_string();
                rig.center.update_user("alice", |user| user.nickname(name));
                match random.u8(..3) {
                    0 => rig.client.invalidate_user(7),
                    1 => rig.client.clear_cache(),
                    _ => [TOKEN, KEY].iter().for_each(|credential| rig.client.invalidate(credential)),
                }
            }
            13 => rig.clock.advance(Duration::from_secs(random.u64(..200))),
            _ => tokio::time::sleep(Duration::from_micros(random.u64(..2_000))).await,
        }
    }
    let all = tasks.len();
    let answered = join_all(tasks).await.into_iter().map(Result::unwrap).filter(|answered| *answered).count();
    // A lookup that was overtaken three times fails as unavailable.
    assert!(answered * 2 >= all, "{answered} of {all}");
}
