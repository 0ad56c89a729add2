//! Whoever has no account, or one bad token, takes nothing from the others.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use aigc_auth::testing::Fault;
use futures_util::future::join_all;
use test_support::crowd::{Asked, Crowd, Flood, Pace, accepted, bad_answers, bursts, one_bad_token};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::support::rig::{Rig, Seen, TOKEN, ask};
use crate::support::{Stopwatch, random};

/// A crowd alone takes half of the machine, and has to be served in time: one of them at a time.
static ONE_CROWD: Mutex<()> = Mutex::const_new(());

/// The latency of a center that this machine serves while strangers exceed its capacity, busy as it is: 100 ms, or what a hundred lookups
/// without any take now. All else of a flood is in proportion to it.
async fn latency() -> Duration {
    const LOOKUPS: u32 = 100;
    let crowd = Crowd::new(LOOKUPS as usize, |builder| builder.timeout(Duration::from_secs(60))).await;
    let start = Instant::now();
    let asked = crowd.ask(LOOKUPS as usize, Duration::from_nanos(1), |n| n).await;
    let took = start.elapsed();
    all_accepted("lookups without latency", &asked);
    took.max(Duration::from_millis(100))
}

/// Says how many there were, and how long they waited.
fn all_accepted(what: &str, asked: &[Asked]) {
    let slowest = asked.iter().map(|asked| asked.took).max().unwrap();
    println!("{what}: {} of {} accepted, the slowest after {slowest:.0?}", accepted(asked), asked.len());
    assert_eq!(accepted(asked), asked.len(), "{what}: {asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_token_keeps_nobody_out() {
    let _crowd = ONE_CROWD.lock().await;
    let every = Duration::from_millis(50);
    let answers = bad_answers().map(|(what, answer)| async move {
        all_accepted(what, &one_bad_token(Some(answer), Duration::ZERO, every).await);
    });
    join_all(answers).await;
}

/// Each of them another, such as those that a web application firewall resets for what is written in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_of_bad_tokens_keep_nobody_out() {
    let _crowd = ONE_CROWD.lock().await;
    for answer in [Fault::status(500), Fault::Reset] {
        let what = format!("bursts of {answer:?}");
        all_accepted(&what, &bursts(Some(answer), Duration::ZERO, 2).await);
    }
}

/// Tokens that one address sends, each of them another: so many at once, how often, and what the center says of them.
async fn beside_bad_tokens(pace: Pace, answer: Fault, users: usize, every: Duration) -> Vec<Asked> {
    let mut crowd = Crowd::new(users, |builder| builder.timeout(Duration::from_secs(2))).await;
    for n in 0..1_000 {
        crowd.center.inject_fault_for(format!("bad-{n}"), answer.clone());
    }
    crowd.flood(pace, |n| (format!("bad-{}", n % 1_000), Ipv4Addr::new(203, 0, 113, 7).into()));
    // Before the users come, enough have failed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    crowd.ask(users, every, |n| n).await
}

/// A gateway that refuses what one client sends, or an answer that never comes, is no outage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_tokens_of_one_address_keep_nobody_out() {
    let _crowd = ONE_CROWD.lock().await;
    let twenty = Pace { at_once: 1, every: Duration::from_millis(50) };
    let bursts = Pace { at_once: 6, every: Duration::from_secs(1) };
    let once = Pace { at_once: 300, every: Duration::from_secs(60) };
    let cases = [
        ("503, 20 a second", twenty, Fault::status(503)),
        ("429, 20 a second", twenty, Fault::too_many_requests(60)),
        ("503, 6 each second", bursts, Fault::status(503)),
        ("none, 6 each second", bursts, Fault::Hang),
        ("none, 20 a second", twenty, Fault::Hang),
        ("none, 300 at once", once, Fault::Hang),
    ];
    let cases = cases.map(|(what, pace, answer)| async move {
        all_accepted(what, &beside_bad_tokens(pace, answer, 30, Duration::from_millis(100)).await);
    });
    join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_from_one_address_keeps_nobody_out() {
    let _crowd = ONE_CROWD.lock().await;
    let flood = Flood { latency: latency().await, addresses: 1, seed: random().u64(..) };
    all_accepted("first requests beside one address", &flood.first_requests(60).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_from_a_thousand_addresses_keeps_no_known_user_out() {
    let _crowd = ONE_CROWD.lock().await;
    let flood = Flood { latency: latency().await, addresses: 1_000, seed: random().u64(..) };
    // Without stale answers, each has to be looked up again.
    let (looked_up, stale) = tokio::join!(
        flood.known_users(120, Duration::ZERO),
        flood.known_users(120, Duration::from_secs(300))
    );
    all_accepted("known users, looked up each time", &looked_up);
    all_accepted("known users, stale if need be", &stale);
}

/// Known users who need more than half of all places, looked up each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_known_users_go_before_a_thousand_addresses() {
    let _crowd = ONE_CROWD.lock().await;
    let flood = Flood { latency: latency().await, addresses: 1_000, seed: random().u64(..) };
    all_accepted("many known users", &flood.busy_users(300).await);
}

/// Whoever has lost their access is a stranger again.
#[tokio::test]
async fn rejected_tokens_are_strangers_again() {
    let rig = Rig::with(|builder| builder.max_concurrent_lookups(10)).await;
    let tokens: Vec<_> = (0..10).map(|n| format!("token-{n}")).collect();
    for token in &tokens {
        rig.center.add_token(token, "alice");
        assert_eq!(rig.ask(token).await, Seen::user("alice"));
        rig.center.revoke_token(token);
    }
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.advance(600);
    let app = rig.app();
    assert!(
        join_all(tokens.iter().map(|token| ask(&app, token))).await.iter().all(|seen| seen.status == 401)
    );
    rig.advance(5);
    rig.center.inject_fault(Fault::Hang);
    let waiting = join_all(tokens.iter().map(|token| ask(&app, token)));
    let mut waiting = std::pin::pin!(waiting);
    assert!(timeout(Duration::from_millis(100), &mut waiting).await.is_err());
    rig.center.clear_faults();
    let alice = timeout(Duration::from_secs(1), rig.ask(TOKEN)).await;
    assert_eq!(alice, Ok(Seen::user("alice")), "there is a place for who is known");
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
    let start = Stopwatch::start();
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    assert_eq!(rig.ask("somebody else").await.status, 401, "no token at all");
    assert_eq!(rig.ask("somebody-else").await, Seen::unavailable(1));
    assert!(start.elapsed() < Duration::from_secs(1), "at once");
    assert_eq!(rig.calls(), 6 + 5, "without a lookup");
}
