//! What users lose to strangers: `cargo bench -p aigc-auth-benches --bench strangers`.
//!
//! Users are new to the service unless it says otherwise. Service, client and center share the process.

use std::time::Duration;

use aigc_auth::testing::Fault;
use test_support::crowd::{Asked, Flood, accepted, bad_answers, bursts, one_bad_token};

const LATENCY: Duration = Duration::from_millis(50);
const FLOOD: Duration = Duration::from_millis(200);

/// Prints how many were accepted, and how long those waited in proportion to a quiet time.
fn print(what: &str, asked: &[Asked], quiet: &[Asked]) {
    let [median, slow] = times(asked);
    let [quiet_median, quiet_slow] = times(quiet);
    println!(
        "{what:<42} {:>5} of {:<5} {median:>9.1?} {:>5.2} {slow:>9.1?} {:>5.2}",
        accepted(asked),
        asked.len(),
        median.as_secs_f64() / quiet_median.as_secs_f64(),
        slow.as_secs_f64() / quiet_slow.as_secs_f64(),
    );
}

/// The median, and the longest but 1 %.
fn times(asked: &[Asked]) -> [Duration; 2] {
    let mut times: Vec<_> = asked.iter().map(|asked| asked.took).collect();
    times.sort();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}

async fn measure(seed: u64) {
    println!(
        "seed {seed}\n{:<42} {:>14} {:>9} {:>5} {:>9} {:>5}",
        "", "accepted", "median", "x", "99 %", "x"
    );
    // 10 requests a second with the bad token, and 5 users a second.
    let every = Duration::from_millis(200);
    let quiet = one_bad_token(None, LATENCY, every).await;
    print("nobody else", &quiet, &quiet);
    for (what, answer) in bad_answers() {
        let asked = one_bad_token(Some(answer), LATENCY, every).await;
        print(&format!("a token that is answered {what}"), &asked, &quiet);
    }
    let quiet = bursts(None, LATENCY, 10).await;
    print("nobody else, 50 users a second", &quiet, &quiet);
    print(
        "bursts of 10 tokens that are answered 500",
        &bursts(Some(Fault::status(500)), LATENCY, 10).await,
        &quiet,
    );
    let flood = |addresses| Flood { latency: FLOOD, addresses, seed };
    let quiet = flood(0).first_requests(140).await;
    print("nobody else, a center at 200 ms", &quiet, &quiet);
    print("random tokens of 1 address, 3 x capacity", &flood(1).first_requests(140).await, &quiet);
    print("... of 1,000 addresses", &flood(1_000).first_requests(140).await, &quiet);
    let known = flood(0).known_users(280, Duration::ZERO).await;
    print("nobody else, known users", &known, &known);
    print("... of 1,000 addresses", &flood(1_000).known_users(280, Duration::ZERO).await, &known);
    let busy = flood(0).busy_users(400).await;
    print("nobody else, known users in 10 of 16 places", &busy, &busy);
    print("... of 1,000 addresses", &flood(1_000).busy_users(400).await, &busy);
    let stale = flood(1_000).known_users(280, Duration::from_secs(300)).await;
    print("... of 1,000, users within the grace", &stale, &known);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let seed = std::env::var("SEED").map_or(14, |seed| seed.parse().expect("SEED: a number"));
    if std::env::args().any(|argument| argument == "--bench") {
        runtime.block_on(measure(seed));
    } else {
        // `cargo test` only wants to know that it works.
        let flood = Flood { latency: Duration::from_millis(10), addresses: 1, seed };
        let asked = runtime.block_on(flood.first_requests(10));
        print("random tokens of 1 address", &asked, &asked);
    }
}
