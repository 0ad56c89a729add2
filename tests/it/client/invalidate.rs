//! `AuthClient::invalidate`: what it takes for a credential, and what it leaves cached.

use aigc_auth::UserInfo;
use aigc_auth::testing::TestKey;
use futures_util::future::join_all;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::support::rig::{KEY, Rig, TOKEN};
use crate::support::until;

/// How many of these credentials had to be looked up.
async fn looked_up(rig: &Rig, credentials: &[&str]) -> usize {
    let before = rig.calls();
    for credential in credentials {
        assert_eq!(rig.ask(credential).await.status, 200, "{credential}");
    }
    rig.calls() - before
}

#[tokio::test]
async fn invalidate_takes_credential_or_header_in_any_spelling() {
    let rig = Rig::new().await;
    let tokens = ["tok", "tok=", "tok=="];
    let keys = ["ak_1", "ak_1="];
    for token in tokens {
        rig.center.add_token(token, "alice");
    }
    for key in keys {
        rig.center.add_access_key(key, TestKey::user("alice"));
    }
    let all = [&tokens[..], &keys, &[TOKEN, KEY]].concat();
    assert_eq!(looked_up(&rig, &all).await, all.len());
    for (given, invalidated) in [
        ("tok", 3),
        ("tok=", 3),
        ("tok==", 3),
        ("Bearer tok", 3),
        ("bearer tok==", 3),
        ("BEARER   tok", 3),
        (" Bearer tok ", 3),
        (" tok\n", 3),
        ("ak_1", 2),
        ("Bearer ak_1=", 2),
        (TOKEN, 1),
        ("Bearer alice-token", 1),
        // Not a credential, or another one.
        ("", 0),
        ("Bearer", 0),
        ("Bearer ", 0),
        ("Basic tok", 0),
        ("tok===", 0),
        ("Bearer tok===", 0),
        ("Bearer tok, Bearer tok", 0),
        ("Tok", 0),
        ("to", 0),
        ("t\u{f6}k", 0),
    ] {
        rig.client.invalidate(given);
        assert_eq!(looked_up(&rig, &all).await, invalidated, "{given:?}");
    }
    // Whatever holds it.
    rig.client.invalidate(String::from("tok"));
    let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer ak_1"))]);
    rig.client.invalidate(&headers[AUTHORIZATION]);
    rig.client.invalidate(b"Bearer alice-token");
    assert_eq!(looked_up(&rig, &all).await, 6);
}

/// A logout route that passes on what it was sent, called more often than invalidations are kept.
#[tokio::test]
async fn invalidation_of_unknown_tokens_leaves_users_cached() {
    let rig = Rig::new().await;
    let warm: Vec<_> = (0..200).map(|n| format!("token-{n}")).collect();
    for (n, token) in (100..).zip(&warm) {
        rig.client.cache_user(token, UserInfo::builder(n, "warm"));
    }
    let random = &mut crate::support::random();
    for _ in 0..=50_000 {
        rig.client.invalidate(format!("Bearer {:032x}", random.u128(..)));
    }
    let seen = join_all(warm.iter().map(|token| rig.ask(token))).await;
    assert!(seen.iter().all(|seen| seen.status == 200));
    assert_eq!(rig.calls(), 0);

    // One that is being looked up is marked all the same.
    rig.center.delay(std::time::Duration::from_millis(100));
    let client = rig.client.clone();
    let asking = tokio::spawn(async move { client.user_info(TOKEN).await });
    rig.arrived(1).await;
    rig.client.invalidate(TOKEN);
    asking.await.unwrap().unwrap();
    until("the lookup is repeated", || rig.calls() == 2).await;
}
