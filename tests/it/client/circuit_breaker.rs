//! A failing center is spared, and its recovery is noticed.

use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::impersonation::UserDirectory;
use aigc_auth::testing::Fault;
use futures_util::future::join_all;

use crate::support::rig::{Rig, Seen, TOKEN, app, ask, status};
use crate::support::{Counting, Stopwatch};

#[tokio::test]
async fn alternating_failures_keep_circuit_closed() {
    let rig = Rig::new().await;
    rig.center.inject_fault(Fault::Flapping);
    for n in 0..40 {
        let token = format!("token-{n}");
        rig.center.add_token(&*token, "alice");
        let expected = if n % 2 == 0 { Seen::user("alice") } else { Seen::unavailable(1) };
        assert_eq!(rig.ask(&token).await, expected, "{token}");
        assert_eq!(rig.calls(), n + 1, "{token}");
    }
    rig.advance(300);
    // Past the TTL, good answers are fresh and failures are bridged by stale users.
    for n in (0..40).step_by(2) {
        assert_eq!(rig.ask(&format!("token-{n}")).await, Seen::user("alice"));
    }
    assert_eq!(rig.calls(), 60);
}

#[tokio::test]
async fn circuit_opens_on_dead_center_and_closes_on_recovery() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.center.clear_requests();
    rig.center.inject_fault(Fault::status(503));
    let start = Stopwatch::start();
    for n in 0..200 {
        assert_eq!(rig.ask(&format!("token-{n}")).await, Seen::unavailable(1), "{n}");
    }
    let took = start.elapsed();
    assert_eq!(rig.calls(), 10, "five lookups, tried twice each");
    assert!(took < Duration::from_secs(3), "with the circuit open, a refusal does not wait: {took:?}");
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "a cached user is not affected");

    rig.clock.advance(Duration::from_millis(999));
    assert_eq!(rig.ask("token").await, Seen::unavailable(1));
    assert_eq!(rig.calls(), 10, "until the pause has passed");
    rig.clock.advance(Duration::from_millis(1));
    rig.center.inject_fault(Fault::status(504));
    let app = rig.app();
    let seen = join_all((0..50).map(|n| {
        let (app, token) = (app.clone(), format!("after-{n}"));
        async move { ask(&app, &token).await }
    }))
    .await;
    assert!(seen.iter().all(|seen| seen.status == 503), "{seen:?}");
    assert_eq!(rig.calls(), 12, "one probe, tried twice, however many requests wait");

    // While it stays dead, the pauses grow.
    for n in 0..600 {
        rig.clock.advance(Duration::from_millis(100));
        rig.ask(&format!("another-{n}")).await;
    }
    assert!((40..=54).contains(&rig.calls()), "{} calls in a minute and a second", rig.calls());

    rig.center.clear_faults();
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
async fn dead_center_gets_few_connections() {
    let gone = Counting::start(|stream| async move { drop(stream) }).await;
    let url = gone.url();
    drop(gone);
    let client = AuthClient::builder("app", "secret", url).build().unwrap();
    let app = app(&client);
    let mut refusals = vec![];
    for n in 0..50 {
        assert_eq!(ask(&app, &format!("token-{n}")).await.status, 503);
        refusals.push(client.user_info(&format!("token-{n}")).await.unwrap_err().to_string());
    }
    let tried = refusals.iter().filter(|refusal| refusal.contains("cannot connect")).count();
    assert!((1..=5).contains(&tried), "{refusals:?}");
}

#[tokio::test]
async fn open_circuit_serves_stale_without_calls() {
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.advance(400);
    rig.center.clear_requests();
    rig.center.inject_fault(Fault::status(500));
    for _ in 0..100 {
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    }
    assert_eq!(rig.calls(), 1, "a bad answer about a credential is not asked for again at once");
}

#[tokio::test]
async fn retry_after_is_honored_up_to_60_s() {
    for (retry_after, seconds) in [("0", 1), ("7", 7), ("60", 60), ("61", 60), ("86400", 60)] {
        let rig = Rig::new().await;
        rig.center.inject_fault(status(429, Some(retry_after)));
        assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(seconds), "{retry_after}");
        rig.center.clear_faults();
        // Within the pause, the credential is asked about every 4 s.
        for left in (1..=seconds).rev().take(4) {
            assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(left), "{retry_after}, {left} s left");
            rig.clock.advance(Duration::from_millis(999));
            assert_eq!(rig.ask(TOKEN).await, Seen::unavailable(left), "rounded up");
            rig.clock.advance(Duration::from_millis(1));
        }
        assert_eq!(rig.calls(), 1, "{retry_after}");
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "{retry_after}");
    }
}

/// A limit of one credential keeps nobody else out; one of the app does, with a probe every 4 s.
#[tokio::test]
async fn rate_limit_of_five_credentials_is_that_of_the_app() {
    let rig = Rig::new().await;
    rig.center.inject_fault(status(429, Some("60")));
    for n in 0..5 {
        assert_eq!(rig.ask(&format!("token-{n}")).await, Seen::unavailable(60), "{n}");
    }
    for n in 5..100 {
        assert_eq!(rig.ask(&format!("token-{n}")).await, Seen::unavailable(60), "{n}");
    }
    assert_eq!(rig.calls(), 5);
    for second in 0..12 {
        let expected = 5 + usize::try_from(second).unwrap() / 4;
        assert_eq!((rig.ask("another").await.status, rig.calls()), (503, expected), "{second}");
        rig.clock.advance(Duration::from_secs(1));
    }
    rig.center.clear_faults();
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "the probe of the twelfth second");
    assert_eq!(
        rig.ask("token-0").await,
        Seen::invalid_token(),
        "asked about again, since its 4 s are over, too"
    );
}

#[tokio::test]
async fn earlier_success_does_not_shorten_pause() {
    let rig = Rig::new().await;
    rig.center.delay(Duration::from_millis(100));
    let earlier = tokio::spawn({
        let app = rig.app();
        async move { ask(&app, TOKEN).await }
    });
    rig.arrived(1).await;
    rig.center.delay(Duration::ZERO);
    rig.center.inject_fault(status(429, Some("30")));
    for n in 0..5 {
        assert_eq!(rig.ask(&format!("limited-{n}")).await, Seen::unavailable(30));
    }
    assert_eq!(earlier.await.unwrap(), Seen::user("alice"));
    assert_eq!(rig.ask("another").await, Seen::unavailable(30));
    assert_eq!(rig.calls(), 6);
}

/// A call about a caller's credential that is no lookup: one bad key, however often, keeps nobody out.
#[tokio::test]
async fn access_key_that_is_verified_keeps_nobody_out() {
    for answer in [Fault::too_many_requests(60), Fault::status(503)] {
        let rig = Rig::new().await;
        rig.center.inject_fault_for("ak_bad", answer);
        for _ in 0..10 {
            let error = rig.client.verify_access_key("ak_bad").await.unwrap_err();
            assert!(!error.to_string().contains("circuit breaker"), "{error}");
        }
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    }
}

#[tokio::test]
async fn user_id_that_fails_counts_once() {
    let rig = Rig::new().await;
    rig.center.inject_fault_on("/users/batch-by-ids", Fault::status(503));
    for _ in 0..10 {
        assert!(rig.client.find_user(&70.into()).await.is_err());
    }
    rig.center.clear_faults();
    assert_eq!(rig.client.find_user(&7.into()).await.unwrap().unwrap().username(), "alice");
}

/// With the circuit open, a request does not wait for a place either.
#[tokio::test]
async fn open_circuit_refuses_without_waiting_for_a_place() {
    let rig = Rig::with(|builder| builder.max_in_flight(5)).await;
    rig.center.inject_fault(Fault::Hang);
    let app = rig.app();
    let waiting = join_all((0..4).map(|n| {
        let (app, token) = (app.clone(), format!("hanging-{n}"));
        async move { ask(&app, &token).await }
    }));
    let mut waiting = std::pin::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut waiting).await.is_err());
    rig.center.inject_fault(Fault::status(503));
    // The fifth place is for who is known, and for the service: so these fail one after another.
    for n in 0..5 {
        rig.center.add_access_key(format!("ak_{n}"), aigc_auth::testing::TestKey::user("alice"));
        rig.client.cache_user(&format!("ak_{n}"), aigc_auth::testing::user("alice").id(7));
    }
    rig.advance(700);
    for n in 0..5 {
        assert_eq!(rig.ask(&format!("ak_{n}")).await.status, 503);
    }
    let start = Stopwatch::start();
    assert_eq!(rig.ask("another").await.status, 503);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}
