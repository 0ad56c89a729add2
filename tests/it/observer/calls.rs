use std::time::Duration;

use aigc_auth::observer::{BreakerState, CallOutcome, Event};
use aigc_auth::testing::Fault;
use futures_util::future::join_all;

use super::support::Notes;
use crate::support::rig::{Rig, Seen, TOKEN, ask};
use crate::support::until;

async fn rig() -> (Rig, Notes) {
    let notes = Notes::default();
    (Rig::with(|builder| builder.observer(notes.clone())).await, notes)
}

#[tokio::test]
async fn each_call_is_told_with_its_attempts() {
    for (fault, expected) in [
        (None, "call /user/info answered 1"),
        (Some(Fault::code(401, "unknown")), "call /user/info rejected 1"),
        (Some(Fault::status(500)), "call /user/info failed 1 500"),
        (Some(Fault::status(404)), "call /user/info failed 1 404"),
        (Some(Fault::status(503)), "call /user/info unreachable 2 503"),
        (Some(Fault::Reset), "call /user/info failed 2"),
        (Some(Fault::Refuse), "call /user/info unreachable 2"),
        (Some(Fault::too_many_requests(3)), "call /user/info rate_limited 1 429"),
        (Some(Fault::NotJson), "call /user/info failed 1"),
        (Some(Fault::WrongShape), "call /user/info failed 1"),
    ] {
        let (rig, notes) = rig().await;
        if let Some(fault) = fault {
            rig.center.inject_fault(fault);
        }
        rig.ask(TOKEN).await;
        assert_eq!(notes.lines_of("call"), [expected]);
    }
}

#[tokio::test]
async fn outage_is_told_from_its_beginning_to_its_end() {
    let (rig, notes) = rig().await;
    rig.center.inject_fault(Fault::status(503));
    for n in 0..5 {
        rig.ask(&format!("token-{n}")).await;
    }
    assert_eq!(notes.lines_of("breaker"), ["breaker /user/info closed open 1000 0"]);
    assert_eq!(rig.client.snapshot().breaker(), BreakerState::Open);
    assert_eq!(rig.ask("another").await, Seen::unavailable(1));
    assert_eq!(notes.lines_of("call"), ["call /user/info breaker_open 0"]);

    // Of nobody known, and so a moment later than it might be.
    rig.clock.advance(Duration::from_millis(1_500));
    rig.ask("yet-another").await;
    assert_eq!(
        notes.lines_of("breaker"),
        ["breaker /user/info open half_open 0 1500", "breaker /user/info half_open open 2000 1500"]
    );
    rig.center.clear_faults();
    rig.clock.advance(Duration::from_millis(2_500));
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    assert_eq!(
        notes.lines_of("breaker"),
        ["breaker /user/info open half_open 0 4000", "breaker /user/info half_open closed 0 4000"]
    );
    assert_eq!(rig.client.snapshot().breaker(), BreakerState::Closed);
}

/// A probe that nobody waits for any more decides nothing, and the breaker is open again.
#[tokio::test]
async fn probe_that_fails_by_itself_leaves_it_open() {
    let (rig, notes) = rig().await;
    rig.center.inject_fault(Fault::status(503));
    for n in 0..5 {
        rig.ask(&format!("token-{n}")).await;
    }
    notes.take();
    rig.clock.advance(Duration::from_millis(1_500));
    // An answer that says nothing of the auth center.
    rig.center.inject_fault(Fault::status(500));
    rig.ask("another").await;
    assert_eq!(
        notes.lines_of("breaker"),
        ["breaker /user/info open half_open 0 1500", "breaker /user/info half_open open 0 1500"]
    );
}

#[tokio::test]
async fn attempts_are_what_the_center_has_received() {
    let (rig, notes) = rig().await;
    for (round, fault) in
        [Fault::status(503), Fault::status(500), Fault::Flapping, Fault::Reset].into_iter().enumerate()
    {
        rig.center.inject_fault(fault);
        for n in 0..4 {
            rig.ask(&format!("token-{round}-{n}")).await;
        }
        rig.center.clear_faults();
        rig.advance(10);
        rig.ask(TOKEN).await;
        rig.client.batch_users(["alice"]).await.ok();
    }
    let mut attempts = 0;
    for event in notes.take() {
        if let Event::Call(call) = event {
            attempts += call.attempts as usize;
            assert_eq!(call.attempts == 0, call.outcome == CallOutcome::BreakerOpen, "{call:?}");
        }
    }
    assert_eq!(attempts, rig.center.requests().len());
}

#[tokio::test]
async fn snapshot_shows_what_is_in_flight() {
    let notes = Notes::default();
    let rig = Rig::with(|builder| builder.observer(notes.clone()).max_in_flight(2).cache_capacity(10)).await;
    rig.center.inject_fault(Fault::Hang);
    let app = rig.app();
    let waiting = tokio::spawn(async move {
        join_all((0..5).map(|n| {
            let (app, token) = (app.clone(), format!("token-{n}"));
            async move { ask(&app, &token).await }
        }))
        .await;
    });
    let load = || {
        let snapshot = rig.client.snapshot();
        (snapshot.lookups, snapshot.in_flight, snapshot.waiting)
    };
    until("the calls are made", || load() == (5, 2, 3)).await;
    waiting.abort();
    rig.center.clear_faults();
    until("they have ended", || load().0 == 0).await;
    assert_eq!(load(), (0, 0, 0));
    for n in 0..100 {
        rig.center.add_token(format!("user-{n}"), "alice");
        rig.ask(&format!("user-{n}")).await;
    }
    let snapshot = rig.client.snapshot();
    assert_eq!(snapshot.cached, rig.client.cache_len());
    assert!(snapshot.cached <= 10 && snapshot.evicted >= 90 - 10, "{snapshot:?}");
    assert_eq!(snapshot.breakers, [("/user/info", BreakerState::Closed)]);
    let last = notes.take().into_iter().rev().find_map(|event| match event {
        Event::Call(call) => Some((call.in_flight, call.waiting)),
        _ => None,
    });
    assert_eq!(last, Some((0, 0)), "after the last one, nothing is in flight");
}
