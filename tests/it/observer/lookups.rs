use std::time::Duration;

use aigc_auth::client::SyncUser;
use aigc_auth::impersonation::UserDirectory;
use aigc_auth::observer::{Event, LookupAnswer};
use aigc_auth::testing::Fault;
use futures_util::future::join_all;

use super::support::Notes;
use crate::support::rig::{KEY, Rig, TOKEN, ask};
use crate::support::until;

fn is_answer(event: &Event, answer: LookupAnswer) -> bool {
    matches!(event, Event::Lookup(lookup) if lookup.answer == answer)
}

async fn rig() -> (Rig, Notes) {
    let notes = Notes::default();
    (Rig::with(|builder| builder.observer(notes.clone()).max_concurrent_lookups(5)).await, notes)
}

/// Without those of calls.
fn of_lookups(notes: &Notes) -> Vec<String> {
    notes
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("lookup") || line.starts_with("refresh"))
        .collect()
}

#[tokio::test]
async fn each_answer_is_told_once() {
    let (rig, notes) = rig().await;
    rig.ask(TOKEN).await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token called"]);
    rig.ask(TOKEN).await;
    rig.client.user_info(TOKEN).await.unwrap();
    assert_eq!(of_lookups(&notes), ["lookup auth_center token hit"; 2]);

    rig.ask("nobody").await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token called invalid_credential"]);
    rig.ask("nobody").await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token negative invalid_credential"]);

    rig.ask(KEY).await;
    rig.ask(KEY).await;
    assert_eq!(
        of_lookups(&notes),
        ["lookup auth_center access_key called", "lookup auth_center access_key hit"]
    );

    rig.client.find_user(&7.into()).await.unwrap();
    assert_eq!(of_lookups(&notes), ["lookup auth_center user_id called"]);

    // Shortly before the TTL is over, users are looked up in the background.
    rig.advance(299);
    rig.ask(TOKEN).await;
    until("the refresh ends", || notes.count(|event| matches!(event, Event::Refresh(_))) > 0).await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token hit", "refresh auth_center token"]);
    rig.ask(TOKEN).await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token hit"]);

    rig.center.inject_fault(Fault::status(500));
    rig.advance(299);
    rig.ask(TOKEN).await;
    until("the refresh fails", || notes.count(|event| matches!(event, Event::Refresh(_))) > 0).await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token hit", "refresh auth_center token unavailable"]);
    rig.advance(2);
    rig.ask(TOKEN).await;
    assert_eq!(of_lookups(&notes), ["lookup auth_center token stale unavailable"]);
    rig.ask("another").await;
    rig.ask("another").await;
    assert_eq!(
        of_lookups(&notes),
        ["lookup auth_center token called unavailable", "lookup auth_center token paused unavailable"]
    );
}

#[tokio::test]
async fn callers_who_wait_share_fill_up_and_leave() {
    let (rig, notes) = rig().await;
    rig.center.inject_fault(Fault::Hang);
    let app = rig.app();
    let waiting = tokio::spawn(async move {
        join_all((0..3).map(|_| ask(&app, TOKEN))).await;
    });
    rig.arrived(1).await;
    // Each from the same network, which may have four of the five lookups.
    let app = rig.app();
    let others = tokio::spawn(async move {
        join_all((0..9).map(|n| {
            let (app, token) = (app.clone(), format!("other-{n}"));
            async move { ask(&app, &token).await }
        }))
        .await;
    });
    let at_capacity = || notes.count(|event| is_answer(event, LookupAnswer::AtCapacity));
    until("the others are refused", || at_capacity() > 0).await;
    let refused = at_capacity();
    assert!((5..9).contains(&refused), "{refused}");
    others.abort();
    assert!(others.await.unwrap_err().is_cancelled());
    let abandoned = || notes.count(|event| is_answer(event, LookupAnswer::Abandoned));
    assert_eq!(abandoned() + at_capacity(), 9, "each of them, once");
    rig.center.clear_faults();
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(abandoned() + at_capacity(), 12);
}

#[tokio::test]
async fn one_of_those_who_wait_has_called() {
    let (rig, notes) = rig().await;
    let app = rig.app();
    join_all((0..100).map(|_| ask(&app, TOKEN))).await;
    let count = |answer| notes.count(|event| is_answer(event, answer));
    assert_eq!(count(LookupAnswer::Called), 1);
    assert_eq!(count(LookupAnswer::Coalesced) + count(LookupAnswer::Hit), 99);
    assert_eq!(rig.calls(), 1);
}

#[tokio::test]
async fn sums_are_those_of_caller_and_center() {
    let (rig, notes) = rig().await;
    let mut asked = 0;
    for round in 0..40_u64 {
        for n in 0..5 {
            let token = if n == 0 { "unknown".to_owned() } else { format!("token-{n}") };
            if n > 0 {
                rig.center.add_token(&*token, "alice");
            }
            rig.ask(&token).await;
            asked += 1;
        }
        rig.advance(round % 7 * 11);
    }
    let refreshes = |notes: &Notes| notes.count(|event| matches!(event, Event::Refresh(_)));
    let called = || notes.count(|event| is_answer(event, LookupAnswer::Called));
    until("the refreshes end", || called() + refreshes(&notes) == rig.calls()).await;
    assert!(refreshes(&notes) > 0);
    assert_eq!(notes.count(|event| matches!(event, Event::Lookup(_))), asked);
    let refused = notes.count(|event| matches!(event, Event::Refused(_)));
    assert_eq!(refused, 40, "the unknown one, each time");
}

#[tokio::test]
async fn latency_is_that_of_the_caller() {
    let (rig, notes) = rig().await;
    let delay = Duration::from_millis(50);
    rig.center.inject_fault(Fault::SlowBytes(delay));
    rig.client.user_info(TOKEN).await.ok();
    let took = |event: &Event| match event {
        Event::Lookup(lookup) => Some(lookup.took),
        _ => None,
    };
    let slow = notes.take().iter().find_map(took).unwrap();
    assert!(slow >= delay, "{slow:?}");
    rig.center.clear_faults();
    rig.ask(TOKEN).await;
    rig.ask(TOKEN).await;
    let hit = notes.take().iter().rev().find_map(took).unwrap();
    assert_eq!(hit, Duration::ZERO);
}

/// Calls about nobody's credential are no lookups.
#[tokio::test]
async fn other_calls_are_no_lookups() {
    let (rig, notes) = rig().await;
    let user = SyncUser::with_password("bob", "first password");
    rig.client.sync_user(&user, http::HeaderMap::new()).await.unwrap();
    assert_eq!(of_lookups(&notes), [""; 0]);
}
