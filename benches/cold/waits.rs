//! What callers wait for at an auth center that takes 50 ms.
//!
//! Client and center share the process, so the times are those of both.

use std::time::{Duration, Instant};

use aigc_auth::AuthClient;
use aigc_auth::testing::{self, AuthCenter};

const ROUNDS: usize = 21;

fn client(center: &AuthCenter) -> AuthClient {
    AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().expect("a client")
}

/// How long a hundred callers take, each with a token of its own.
async fn distinct(center: &AuthCenter) -> Duration {
    let client = client(center);
    let started = Instant::now();
    let callers: Vec<_> = (0..100)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.user_info(&format!("token-{n}")).await.map(drop) })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no panic").expect("a known token");
    }
    started.elapsed()
}

/// How many calls a thousand callers with one token make, how long they take, and the longest but 1 % of what others
/// with a known token wait meanwhile.
async fn shared(center: &AuthCenter) -> (usize, Duration, Duration) {
    let client = client(center);
    client.cache_user("known", testing::user("known"));
    center.clear_requests();
    let started = Instant::now();
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.user_info("token-0").await.map(drop) })
        })
        .collect();
    let mut others = Vec::new();
    while callers.iter().any(|caller| !caller.is_finished()) {
        let asked = Instant::now();
        // In a task of its own: to be scheduled is part of the wait.
        let client = client.clone();
        let other = tokio::spawn(async move { client.user_info("known").await.map(drop) });
        other.await.expect("no panic").expect("a known token");
        others.push(asked.elapsed());
    }
    let took = started.elapsed();
    others.sort();
    (center.calls("/user/info"), took, others[others.len() * 99 / 100])
}

pub(crate) fn measure(is_bench: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let center = AuthCenter::start().await;
        for n in 0..100 {
            center.add_user(testing::user(format!("user-{n}")));
            center.add_token(format!("token-{n}"), format!("user-{n}"));
        }
        center.delay(Duration::from_millis(50));
        let rounds = if is_bench { ROUNDS } else { 1 };
        let mut times = Vec::new();
        for _ in 0..rounds {
            times.push(distinct(&center).await);
        }
        times.sort();
        println!("100 tokens, 100 callers: {:.1?}, at worst {:.1?}", times[rounds / 2], times[rounds - 1]);
        let (calls, took, others) = shared(&center).await;
        println!("1 token, 1,000 callers: {calls} call, {took:.1?}; others wait {others:.1?} (99 %)");
    });
}
