//! `revoked`: what ends the wait for a credential's end, what does not, and what thousands of waits cost.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use aigc_auth::cached::Cached;
use aigc_auth::credential::{BearerToken, Credential};
use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{self, Fault};
use aigc_auth::{AuthError, UserInfo, Verify};
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::support::rig::{KEY, Rig, TOKEN};
use crate::support::until;

type Revoked = Pin<Box<dyn Future<Output = AuthError> + Send>>;

fn credential(text: &str) -> Credential {
    Credential::new(text).unwrap()
}

fn revoked(rig: &Rig, text: &str) -> Revoked {
    Box::pin(rig.client.revoked(&credential(text)))
}

/// The reason, within 10 s.
async fn ended(wait: &mut Revoked, what: &str) -> ErrorKind {
    timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("waits still: {what}")).kind()
}

/// That it waits on, for longer than between two of its looks.
async fn goes_on(wait: &mut Revoked, what: &str) {
    let ended = timeout(Duration::from_millis(1200), wait).await;
    assert!(ended.is_err(), "{what}: {ended:?}");
}

/// A rig with a token of alice that ends in an hour.
async fn rig_with_end() -> Rig {
    let rig = Rig::new().await;
    rig.center.add_token_expiring("ends", "alice", SystemTime::now() + Duration::from_secs(3600));
    rig
}

/// What happens, and which end the wait has then.
type Event = fn(&Rig);

#[tokio::test]
async fn wait_ends_with_the_credential() {
    let events: [(&str, &str, Event, Option<ErrorKind>); 10] = [
        (
            "disabled, and an event",
            TOKEN,
            |rig| {
                rig.center.disable_user("alice");
                rig.client.invalidate_user(7);
            },
            Some(ErrorKind::Denied),
        ),
        (
            "disabled, and everything is invalidated",
            TOKEN,
            |rig| {
                rig.center.disable_user("alice");
                rig.client.clear_cache();
            },
            Some(ErrorKind::Denied),
        ),
        (
            "a key revoked, and an event by name",
            KEY,
            |rig| {
                rig.center.revoke_access_key(KEY);
                rig.client.invalidate_username("alice");
            },
            Some(ErrorKind::InvalidCredential),
        ),
        (
            "logged out",
            TOKEN,
            |rig| {
                rig.center.revoke_token(TOKEN);
                rig.client.invalidate(TOKEN);
            },
            Some(ErrorKind::InvalidCredential),
        ),
        (
            "disabled, without an event, and the TTL is over",
            TOKEN,
            |rig| {
                rig.center.disable_user("alice");
                rig.advance(300);
            },
            Some(ErrorKind::Denied),
        ),
        (
            "its own end",
            "ends",
            |rig| {
                rig.center.revoke_token("ends");
                rig.advance(3601);
            },
            Some(ErrorKind::InvalidCredential),
        ),
        (
            "its own end, by a date that jumps",
            "ends",
            |rig| {
                rig.center.revoke_token("ends");
                rig.clock.jump(Duration::from_secs(3601));
            },
            Some(ErrorKind::InvalidCredential),
        ),
        (
            "its own end, in an outage",
            "ends",
            |rig| {
                rig.center.inject_fault(Fault::Refuse);
                rig.advance(3601);
            },
            Some(ErrorKind::Expired),
        ),
        ("its own end, and the center accepts it for longer", "ends", |rig| rig.advance(3601), None),
        ("an event, and nothing has changed", TOKEN, |rig| rig.client.invalidate_user(7), None),
    ];
    join_all(events.map(|(what, text, event, expected)| async move {
        let rig = rig_with_end().await;
        let mut wait = revoked(&rig, text);
        goes_on(&mut wait, what).await;
        event(&rig);
        match expected {
            Some(kind) => assert_eq!(ended(&mut wait, what).await, kind, "{what}"),
            None => goes_on(&mut wait, what).await,
        }
    }))
    .await;
}

/// The auth center's date may be behind, and its dates may have whole seconds.
#[tokio::test]
async fn credential_that_is_accepted_past_its_end_is_verified_again_soon() {
    let rig = rig_with_end().await;
    let mut wait = revoked(&rig, "ends");
    goes_on(&mut wait, "it is valid").await;
    rig.advance(3601);
    goes_on(&mut wait, "it is over, and accepted").await;
    let calls = rig.calls();
    goes_on(&mut wait, "it was accepted just now").await;
    assert_eq!(rig.calls(), calls, "5 s apart at least");

    rig.center.revoke_token("ends");
    rig.advance(6);
    assert_eq!(ended(&mut wait, "it is accepted no longer").await, ErrorKind::InvalidCredential);
}

#[tokio::test]
async fn rejected_credential_ends_the_wait_at_once() {
    let rig = Rig::new().await;
    assert_eq!(ended(&mut revoked(&rig, "unknown"), "unknown").await, ErrorKind::InvalidCredential);
    // Another request has met the rejection, and nobody else would ask before the TTL is over.
    let mut wait = revoked(&rig, TOKEN);
    goes_on(&mut wait, "valid").await;
    rig.center.disable_user("alice");
    rig.client.invalidate(TOKEN);
    assert_eq!(rig.ask(TOKEN).await.status, 403);
    let calls = rig.calls();
    assert_eq!(ended(&mut wait, "rejected for another").await, ErrorKind::Denied);
    assert_eq!(rig.calls(), calls, "its rejection is cached");
}

/// Without a cache, each wait makes calls of its own, and so fewer.
#[tokio::test]
async fn user_that_is_not_cached_is_verified_each_half_minute() {
    let rig = Rig::with(|builder| builder.cache_ttl(Duration::ZERO)).await;
    let mut wait = revoked(&rig, TOKEN);
    goes_on(&mut wait, "valid").await;
    rig.advance(29);
    goes_on(&mut wait, "half a minute is not over").await;
    assert_eq!(rig.calls(), 1);
    rig.center.disable_user("alice");
    rig.advance(1);
    assert_eq!(ended(&mut wait, "half a minute is over").await, ErrorKind::Denied);
    assert_eq!(rig.calls(), 2);
}

/// From a first verification on, through every age of the cache, until the auth center is back and says no.
#[tokio::test]
async fn outage_ends_no_wait() {
    let rig = Rig::new().await;
    rig.center.inject_fault(Fault::Refuse);
    let mut wait = revoked(&rig, TOKEN);
    goes_on(&mut wait, "never verified").await;
    rig.center.clear_faults();
    rig.advance(10);
    let lookup = timeout(Duration::from_secs(10), async {
        tokio::select! {
            error = &mut wait => panic!("{error}"),
            () = until("it is verified", || rig.calls() > 0 && rig.client.cache_len() > 0) => {}
        }
    });
    lookup.await.unwrap();

    rig.center.inject_fault(Fault::Refuse);
    for (what, seconds) in [("past the TTL", 301), ("past stale-if-error", 301), ("a day", 86_400)] {
        rig.advance(seconds);
        goes_on(&mut wait, what).await;
    }
    rig.client.invalidate_user(7);
    goes_on(&mut wait, "invalidated").await;
    rig.center.clear_faults();
    rig.center.disable_user("alice");
    rig.advance(10);
    assert_eq!(ended(&mut wait, "the outage is over").await, ErrorKind::Denied);
}

/// Whose sockets make one call in a TTL, and none while requests keep the user cached.
#[tokio::test]
async fn thousands_of_waits_make_one_lookup_in_a_ttl() {
    let rig = Rig::new().await;
    let (mut waits, started) = (tokio::task::JoinSet::new(), Instant::now());
    for _ in 0..10_000 {
        waits.spawn(rig.client.revoked(&credential(TOKEN)));
    }
    until("they are verified", || rig.calls() == 1).await;
    for ttl in 1..=2 {
        // Each has looked at what is cached, and waits for the next time.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        rig.advance(300);
        until("the TTL is over", || rig.calls() == 1 + ttl).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(rig.calls(), 3, "after {:?}", started.elapsed());
    rig.center.disable_user("alice");
    rig.client.invalidate_user(7);
    let all = async {
        while let Some(error) = waits.join_next().await {
            assert_eq!(error.unwrap().kind(), ErrorKind::Denied);
        }
    };
    timeout(Duration::from_secs(20), all).await.expect("all of them end");
    assert_eq!(rig.calls(), 4, "one lookup found that out for all");
}

/// A dropped wait leaves nothing behind, and the client may go before it.
#[tokio::test]
async fn dropped_wait_costs_nothing() {
    let rig = Rig::new().await;
    let mut wait = revoked(&rig, TOKEN);
    goes_on(&mut wait, "valid").await;
    drop(wait);
    let calls = rig.calls();
    rig.client.invalidate_user(7);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(rig.calls(), calls, "nobody asks any more");

    let client = rig.client.clone();
    let wait = client.revoked(&credential(TOKEN));
    drop(client);
    assert!(timeout(Duration::from_millis(700), wait).await.is_err());
}

#[tokio::test]
async fn user_of_either_kind_comes_from_the_cache() {
    let rig = Rig::new().await;
    for _ in 0..2 {
        for text in [TOKEN, KEY] {
            assert_eq!(rig.client.user_of(&credential(text)).await.unwrap().username(), "alice", "{text}");
        }
    }
    assert_eq!(rig.calls(), 2);
    for text in ["unknown", "ak_unknown"] {
        let error = rig.client.user_of(&credential(text)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{text}");
    }
}

/// Accepts one token, until it is told otherwise.
struct Session(std::sync::atomic::AtomicBool);

impl Verify<BearerToken> for Session {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        match self.0.load(std::sync::atomic::Ordering::SeqCst) {
            true => Ok(testing::user("alice").id(7).build()),
            false => Err(ErrorKind::InvalidCredential.into()),
        }
    }
}

#[tokio::test]
async fn any_cached_verifier_has_it() {
    let session = std::sync::Arc::new(Session(true.into()));
    let cached = Cached::new(session.clone());
    let mut wait: Revoked = Box::pin(cached.revoked(&BearerToken::new("session").unwrap()));
    goes_on(&mut wait, "valid").await;
    session.0.store(false, std::sync::atomic::Ordering::SeqCst);
    goes_on(&mut wait, "nobody has asked").await;
    cached.invalidate("session");
    assert_eq!(ended(&mut wait, "logged out").await, ErrorKind::InvalidCredential);
}
