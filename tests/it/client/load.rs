//! Single flight, parallel lookups, and their limits.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use aigc_auth::AuthClient;
use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::testing::Fault;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::rig::{Rig, Seen, TOKEN, ask};
use crate::support::{Counting, Stopwatch, random, until};

const MOMENT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn concurrent_cold_requests_share_one_lookup() {
    let rig = Rig::new().await;
    rig.center.delay(MOMENT);
    let app = rig.app();
    let seen = join_all((0..1000).map(|_| ask(&app, TOKEN))).await;
    assert!(seen.iter().all(|seen| *seen == Seen::user("alice")));
    assert_eq!(rig.calls(), 1);
}

/// Callers who miss the cache just before the answer is stored, on several threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_racing_the_answer_share_one_lookup() {
    let rig = Rig::new().await;
    for round in 1..=100 {
        let token = format!("token-{round}");
        rig.center.add_token(&token, "alice");
        let callers = (0..20).map(|n| {
            let (client, token) = (rig.client.clone(), token.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(n * 100)).await;
                client.user_info(&token).await
            })
        });
        for caller in join_all(callers).await {
            caller.unwrap().unwrap();
        }
        assert_eq!(rig.calls(), round);
    }
}

#[tokio::test]
async fn cancelled_first_caller_keeps_lookup() {
    let rig = Rig::new().await;
    rig.center.delay(MOMENT);
    let app = rig.app();
    let first = tokio::spawn({
        let app = app.clone();
        async move { ask(&app, TOKEN).await }
    });
    rig.arrived(1).await;
    let others = tokio::spawn(async move { join_all((0..999).map(|_| ask(&app, TOKEN))).await });
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(others.await.unwrap().iter().all(|seen| *seen == Seen::user("alice")));
    assert_eq!(rig.calls(), 1);
}

#[tokio::test]
async fn lookup_survives_timeouts_of_all_callers() {
    let rig = Rig::new().await;
    rig.center.delay(Duration::from_secs(1));
    let app = rig.app();
    // The last of them come shortly before the answer, and still cannot wait for it.
    let in_vain = join_all((0..40).map(|n| {
        let app = app.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(n * 5)).await;
            timeout(Duration::from_millis(20), ask(&app, TOKEN)).await
        }
    }))
    .await;
    assert!(in_vain.iter().all(Result::is_err));
    assert_eq!(rig.calls(), 1);

    // The lookup went on without them, and serves later requests at once.
    until("the answer is cached", || rig.client.cache_len() == 1).await;
    assert_eq!(timeout(Duration::from_millis(20), ask(&app, TOKEN)).await, Ok(Seen::user("alice")));
    assert_eq!(rig.calls(), 1);
}

#[tokio::test]
async fn concurrent_requests_share_one_failure() {
    let rig = Rig::new().await;
    rig.center.delay(MOMENT);
    rig.center.inject_fault(Fault::status(500));
    let app = rig.app();
    let seen = join_all((0..1000).map(|_| ask(&app, TOKEN))).await;
    assert!(seen.iter().all(|seen| *seen == Seen::unavailable(1)));
    assert_eq!(rig.calls(), 1);
    rig.center.clear_faults();
    rig.advance(1);
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "and it is kept for a second only");
}

#[tokio::test]
async fn distinct_tokens_are_looked_up_in_parallel() {
    let rig = Rig::new().await;
    let tokens: Vec<_> = (0..100).map(|n| format!("token-{n}")).collect();
    for token in &tokens {
        rig.center.add_token(token, "alice");
    }
    rig.center.delay(MOMENT);
    let app = rig.app();
    let start = Stopwatch::start();
    let seen = join_all(tokens.iter().map(|token| ask(&app, token))).await;
    let took = start.elapsed();
    println!("100 tokens at a center of 50 ms: {took:?}");
    assert!(seen.iter().all(|seen| *seen == Seen::user("alice")));
    assert_eq!(rig.calls(), 100);
    // One after the other would take 5 s.
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn invalid_token_is_looked_up_once_per_negative_ttl() {
    let rig = Rig::new().await;
    let app = rig.app();
    for (n, calls) in [(10_000, 1), (100, 2)] {
        for _ in 0..n {
            assert_eq!(ask(&app, "nobody-has-it").await, Seen::invalid_token());
        }
        assert_eq!(rig.calls(), calls);
        rig.advance(5);
    }
}

/// As many as sockets allow in a second or two; a million is left to the tests of the cache.
#[tokio::test]
async fn random_tokens_do_not_evict_users() {
    const TOKENS: usize = 5_000;
    let mut random = random();
    let rig = Rig::new().await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    let app = rig.app();
    let random = (0..TOKENS).map(|_| format!("{:016x}", random.u64(..)));
    let refused = stream::iter(random).map(|token| {
        let app = app.clone();
        async move { ask(&app, &token).await == Seen::invalid_token() }
    });
    assert!(refused.buffer_unordered(64).all(std::future::ready).await);
    assert_eq!(rig.calls(), 1 + TOKENS);
    assert_eq!(rig.client.cache_len(), 1, "refusals evict no user");
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    assert_eq!(rig.calls(), 1 + TOKENS, "alice is still cached");
}

#[tokio::test]
async fn lookups_over_limit_are_503() {
    let rig = Rig::with(|builder| builder.max_concurrent_lookups(10).timeout(Duration::from_secs(1))).await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    rig.center.clear_requests();
    rig.center.inject_fault(Fault::Hang);
    let app = rig.app();
    let waiting = tokio::spawn(async move {
        join_all((0..7).map(|n| {
            let app = app.clone();
            async move { ask(&app, &format!("token-{n}")).await }
        }))
        .await
    });
    // Four fifths of them are for strangers, and one of those for those of another network.
    rig.arrived(7).await;
    let start = Stopwatch::start();
    let error = rig.client.user_info("one-too-many").await.unwrap_err();
    assert_eq!(
        error.detail(),
        Some("at capacity: too many lookups are in flight (`max_concurrent_lookups`)")
    );
    assert_eq!(rig.ask("one-too-many").await, Seen::unavailable(1));
    assert!(start.elapsed() < Duration::from_millis(300), "at once");
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"), "a cached user needs none");
    assert_eq!(rig.calls(), 7);
    assert!(waiting.await.unwrap().iter().all(|seen| seen.status == 503));
}

/// Four fifths are for strangers: the rest is for users who are known. One network leaves a fifth of those to the next.
#[tokio::test]
async fn at_most_256_calls_are_in_flight_205_for_strangers_164_of_one_network() {
    for (networks, most) in [(300, 205), (1, 164)] {
        let rig = Rig::new().await;
        rig.center.inject_fault(Fault::Hang);
        for n in 0..300 {
            let client = rig.client.clone();
            let address = Ipv4Addr::from_bits(0xcb00_7100 + n % networks);
            let request = RequestContext::builder().client_ip(address.into()).build();
            let lookup = async move { client.user_info(&format!("token-{n}")).await };
            tokio::spawn(lookup.in_context(request));
        }
        rig.arrived(most).await;
        tokio::time::sleep(MOMENT).await;
        assert_eq!(rig.calls(), most, "{networks} networks");
    }
}

#[tokio::test]
async fn calls_over_max_in_flight_wait() {
    let rig = Rig::with(|builder| builder.max_in_flight(8)).await;
    rig.center.delay(Duration::from_millis(10));
    let app = rig.app();
    let tokens: Vec<_> = (0..40).map(|n| format!("token-{n}")).collect();
    tokens.iter().for_each(|token| rig.center.add_token(token, "alice"));
    let start = Instant::now();
    let seen = join_all(tokens.iter().map(|token| ask(&app, token))).await;
    assert!(seen.iter().all(|seen| *seen == Seen::user("alice")));
    assert!(start.elapsed() >= Duration::from_millis(50), "five rounds of 10 ms");
}

#[tokio::test]
async fn dropping_last_client_cancels_lookups() {
    let (sender, mut ended) = mpsc::unbounded_channel();
    let silent = Counting::start(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut request = Vec::new();
            // Until the other side closes.
            let _ = stream.read_to_end(&mut request).await;
            let _ = sender.send(request);
        }
    })
    .await;
    let client = AuthClient::builder("app", "secret", silent.url()).build().unwrap();
    let copy = client.clone();
    let caller = tokio::spawn(async move { copy.user_info("token").await });
    until("the lookup arrives", || silent.connections() == 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert!(timeout(MOMENT, ended.recv()).await.is_err(), "it goes on without its caller");
    drop(client);
    let request = timeout(Duration::from_secs(2), ended.recv()).await;
    let request = request.expect("it ends long before its timeout of 5 s").unwrap();
    assert!(request.starts_with(b"POST /sdk/user/info HTTP/1.1\r\n"));
}

/// A call that would have less than a quarter of its time left is not made.
#[tokio::test]
async fn wait_for_a_place_leaves_time_for_the_call() {
    let rig = Rig::with(|builder| builder.max_in_flight(1).timeout(Duration::from_secs(1))).await;
    rig.center.inject_fault(Fault::Hang);
    let client = rig.client.clone();
    let first = tokio::spawn(async move { client.user_info("first").await });
    rig.arrived(1).await;
    let (start, ran) = (Instant::now(), Stopwatch::start());
    let error = rig.client.user_info("second").await.unwrap_err();
    assert!(error.to_string().contains("at capacity"), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
    assert!(ran.elapsed() < Duration::from_millis(950), "{:?}", ran.elapsed());
    assert_eq!(rig.calls(), 1);
    first.await.unwrap().unwrap_err();
}

/// What had little time for itself says nothing of the auth center.
#[tokio::test]
async fn timeout_after_a_long_wait_opens_no_circuit() {
    let rig = Rig::with(|builder| builder.max_in_flight(10).timeout(Duration::from_secs(1))).await;
    rig.center.delay(Duration::from_millis(600));
    let first = (0..8).map(|n| (format!("first-{n}"), Duration::ZERO));
    let second = (0..5).map(|n| (format!("second-{n}"), Duration::from_millis(50)));
    rig.center.inject_fault_on("/user/info", Fault::status(500));
    let errors = join_all(first.chain(second).map(|(token, after)| {
        let client = rig.client.clone();
        async move {
            tokio::time::sleep(after).await;
            client.user_info(&token).await.unwrap_err().to_string()
        }
    }))
    .await;
    let timeouts = errors.iter().filter(|error| error.contains("no answer in time")).count();
    assert!(timeouts >= 5, "{errors:?}");
    rig.center.clear_faults();
    rig.center.delay(Duration::ZERO);
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
}

/// Refreshes, for which nobody waits, leave half of the places and lookups to those for which somebody does.
#[tokio::test]
async fn refresh_waits_for_half_load() {
    type Limit = fn(aigc_auth::AuthClientBuilder) -> aigc_auth::AuthClientBuilder;
    let limits: [Limit; 2] =
        [|builder| builder.max_in_flight(2), |builder| builder.max_concurrent_lookups(2)];
    for limit in limits {
        let rig = Rig::with(|builder| limit(builder).timeout(Duration::from_millis(500))).await;
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
        rig.advance(280);
        rig.center.inject_fault_for("hangs", Fault::Hang);
        let client = rig.client.clone();
        let hanging = tokio::spawn(async move { client.user_info("hangs").await });
        rig.arrived(2).await;
        assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
        tokio::time::sleep(MOMENT).await;
        assert_eq!(rig.calls(), 2, "busy");
        hanging.await.unwrap().unwrap_err();
        until("alice is refreshed", || {
            futures_util::FutureExt::now_or_never(rig.ask(TOKEN));
            rig.calls() == 3
        })
        .await;
    }
}

/// The runtime of whoever asked first is shut down: the others look up anew.
#[test]
fn lookup_outlives_the_runtime_of_its_first_caller() {
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (center, first, second) = (runtime(), runtime(), runtime());
    let rig = center.block_on(Rig::new());
    rig.center.delay(Duration::from_millis(300));
    let client = rig.client.clone();
    first.spawn(async move { client.user_info(TOKEN).await });
    center.block_on(rig.arrived(1));
    let client = rig.client.clone();
    let joined = second.spawn(async move { client.user_info(TOKEN).await });
    std::thread::sleep(MOMENT);
    first.shutdown_background();
    let user = second.block_on(joined).unwrap().unwrap();
    assert_eq!((user.username(), rig.calls()), ("alice", 2));
}
