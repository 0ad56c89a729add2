//! Whoever has no account, or one bad token, takes nothing from the others.

use std::time::{Duration, Instant};

use aigc_auth::testing::Fault;
use futures_util::future::join_all;
use test_support::crowd::{Asked, Flood, accepted, bad_answers, bursts, one_bad_token};
use tokio::time::timeout;

use crate::support::random;
use crate::support::rig::{Rig, Seen, TOKEN, ask};

const LATENCY: Duration = Duration::from_millis(100);

/// Says how many there were, and how long they waited.
fn all_accepted(what: &str, asked: &[Asked]) {
    let slowest = asked.iter().map(|asked| asked.took).max().unwrap();
    println!("{what}: {} of {} accepted, the slowest after {slowest:.0?}", accepted(asked), asked.len());
    assert_eq!(accepted(asked), asked.len(), "{what}: {asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_token_keeps_nobody_out() {
    let every = Duration::from_millis(50);
    let answers = bad_answers().map(|(what, answer)| async move {
        all_accepted(what, &one_bad_token(Some(answer), Duration::ZERO, every).await);
    });
    join_all(answers).await;
}

/// Each of them another, such as those that a web application firewall resets for what is written in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_of_bad_tokens_keep_nobody_out() {
    for answer in [Fault::status(500), Fault::Reset] {
        let what = format!("bursts of {answer:?}");
        all_accepted(&what, &bursts(Some(answer), Duration::ZERO, 2).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_from_one_address_keeps_nobody_out() {
    let flood = Flood { latency: LATENCY, addresses: 1, seed: random().u64(..) };
    all_accepted("first requests beside one address", &flood.first_requests(60).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_from_a_thousand_addresses_keeps_no_known_user_out() {
    let flood = Flood { latency: LATENCY, addresses: 1_000, seed: random().u64(..) };
    // Without stale answers, each has to be looked up again.
    let (looked_up, stale) = tokio::join!(
        flood.known_users(120, Duration::ZERO),
        flood.known_users(120, Duration::from_secs(300))
    );
    all_accepted("known users, looked up each time", &looked_up);
    all_accepted("known users, stale if need be", &stale);
}

/// All places are taken, by other users who are known: who cannot be looked up now is served as in an outage.
#[tokio::test]
async fn user_within_the_grace_is_served_at_capacity() {
    let rig = Rig::with(|builder| builder.max_concurrent_lookups(5)).await;
    let tokens: Vec<_> = (0..5).map(|n| format!("token-{n}")).collect();
    for token in &tokens {
        rig.center.add_token(token, "alice");
        rig.ask(token).await;
    }
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.advance(300);
    rig.center.inject_fault(Fault::Hang);
    let app = rig.app();
    let waiting = join_all(tokens.iter().map(|token| ask(&app, token)));
    let mut waiting = std::pin::pin!(waiting);
    assert!(timeout(Duration::from_millis(100), &mut waiting).await.is_err());
    let start = Instant::now();
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    assert_eq!(rig.ask("somebody else").await.status, 401, "no token at all");
    assert_eq!(rig.ask("somebody-else").await, Seen::unavailable(1));
    assert!(start.elapsed() < Duration::from_secs(1), "at once");
    assert_eq!(rig.calls(), 6 + 5, "without a lookup");
}
