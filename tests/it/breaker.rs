//! A center that fails is spared, and its return noticed.

use std::time::{Duration, Instant};

use aigc_auth::AuthClient;
use aigc_auth::testing::Fault;
use futures_util::future::join_all;

use crate::center_support::{Counting, Rig, Seen, TOKEN, app, ask, status};

#[tokio::test]
async fn flapping_never_opens_the_breaker() {
    let rig = Rig::new().await;
    rig.center.misbehave(Fault::Flapping);
    for n in 0..40 {
        let token = format!("token-{n}");
        rig.center.add_token(&*token, "alice");
        let expected = if n % 2 == 0 { Seen::user("alice") } else { Seen::unavailable(1) };
        assert_eq!(rig.ask(&token).await, expected, "{token}");
        assert_eq!(rig.calls(), n + 1, "{token}");
    }
    rig.advance(300);
    // In grace, the good answers are fresh and the bad ones bridged.
    for n in (0..40).step_by(2) {
        assert_eq!(rig.ask(&format!("token-{n}")).await, Seen::user("alice"));
    }
    assert_eq!(rig.calls(), 60);
}

#[tokio::test]
async fn a_dead_center_is_left_alone_and_its_return_noticed() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.center.clear_requests();
    rig.center.misbehave(Fault::Reset);
    let start = Instant::now();
    for n in 0..200 {
        assert_eq!(rig.ask(&format!("token-{n}")).await, Seen::unavailable(1), "{n}");
    }
    let took = start.elapsed();
    assert_eq!(rig.calls(), 10, "five look-ups, tried twice each");
    assert!(took < Duration::from_secs(3), "with the breaker open, a refusal does not wait: {took:?}");
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "who is known does not notice");

    rig.clock.advance(Duration::from_millis(999));
    assert_eq!(rig.ask("token").await, Seen::unavailable(1));
    assert_eq!(rig.calls(), 10, "until the pause is over");
    rig.clock.advance(Duration::from_millis(1));
    rig.center.misbehave(Fault::status(500));
    let app = rig.app();
    let seen = join_all((0..50).map(|n| {
        let (app, token) = (app.clone(), format!("after-{n}"));
        async move { ask(&app, &token).await }
    }))
    .await;
    assert!(seen.iter().all(|seen| seen.status == 503), "{seen:?}");
    assert_eq!(rig.calls(), 11, "one probe, however many would like to");

    // It stays dead for a while, and the pauses grow.
    for _ in 0..600 {
        rig.clock.advance(Duration::from_millis(100));
        rig.ask("another").await;
    }
    assert!((25..=35).contains(&rig.calls()), "{} calls in a minute and a second", rig.calls());

    rig.center.behave();
    rig.center.add_token("another", "alice");
    let mut waited = Duration::ZERO;
    while rig.ask("another").await != Seen::user("alice") {
        waited += Duration::from_millis(100);
        assert!(waited <= Duration::from_secs(5), "the return goes unnoticed");
        rig.clock.advance(Duration::from_millis(100));
    }
}

/// As above, but by the connections that are attempted.
#[tokio::test]
async fn a_dead_center_gets_at_most_ten_connections() {
    let dead = Counting::start(|stream| async move { drop(stream) }).await;
    let client = AuthClient::builder("app", "secret", dead.url()).build().unwrap();
    let app = app(&client);
    for n in 0..50 {
        assert_eq!(ask(&app, &format!("token-{n}")).await.status, 503);
    }
    assert_eq!(dead.connections(), 10);
}

#[tokio::test]
async fn with_the_breaker_open_the_grace_costs_nothing() {
    let rig = Rig::with(|builder| builder.timeout(Duration::from_millis(300))).await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.advance(400);
    rig.center.clear_requests();
    rig.center.misbehave(Fault::status(500));
    for _ in 0..100 {
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    }
    assert_eq!(rig.calls(), 5);
}

#[tokio::test]
async fn a_pause_that_the_center_asks_for_is_kept() {
    for (retry_after, seconds) in [("0", 1), ("7", 7), ("60", 60), ("61", 60), ("86400", 60)] {
        let rig = Rig::new().await;
        rig.center.misbehave(status(429, Some(retry_after)));
        assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(seconds), "{retry_after}");
        rig.center.behave();
        for left in (1..=seconds).rev() {
            assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(left), "{retry_after}, {left} s left");
            rig.clock.advance(Duration::from_millis(999));
            assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(left), "rounded up");
            rig.clock.advance(Duration::from_millis(1));
        }
        assert_eq!(rig.calls(), 1, "{retry_after}");
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "{retry_after}");
    }
}

#[tokio::test]
async fn an_answer_from_before_does_not_cut_the_pause_short() {
    let rig = Rig::new().await;
    rig.center.delay(Duration::from_millis(100));
    let earlier = tokio::spawn({
        let app = rig.app();
        async move { ask(&app, TOKEN).await }
    });
    rig.arrived(1).await;
    rig.center.delay(Duration::ZERO);
    rig.center.misbehave(status(429, Some("30")));
    assert_eq!(rig.ask("second").await, Seen::unavailable(30));
    assert_eq!(earlier.await.unwrap(), Seen::user("alice"));
    assert_eq!(rig.ask("third").await, Seen::unavailable(30));
    assert_eq!(rig.calls(), 2);
}
