//! Strangers with random tokens, beside users who are billed: no record of a user is lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aigc_auth::stats::{Spool, StatsCollector};
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::{AuthClient, AuthLayer};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tower::ServiceExt;

use crate::stats::support::SOON;
use crate::support::{client, random, until};

const REPORT: &str = "/stats/report/batch";

/// A center with twenty users, and a service without a socket of its own.
struct Flooded {
    center: AuthCenter,
    client: AuthClient,
}

impl Flooded {
    async fn new() -> Self {
        let center = AuthCenter::start().await;
        for n in 0..20 {
            center.add_user(testing::user(format!("user-{n}")));
            center.add_token(format!("token-{n}"), format!("user-{n}"));
        }
        Self { client: client(&center), center }
    }

    fn app(&self, stats: &StatsCollector) -> Router {
        let layer = AuthLayer::new(self.client.clone()).with_stats(stats.clone());
        Router::new().route("/{n}", get(|| async {})).layer(layer)
    }

    /// How many records of users the center has.
    fn billed(&self) -> usize {
        self.center.stats().iter().filter(|record| record["status_code"] == 200).count()
    }
}

fn request(path: &str, token: &str, user_agent: &str) -> Request<Body> {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    request.header("user-agent", user_agent).body(Body::empty()).unwrap()
}

/// What becomes of a stranger's request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stranger {
    /// It is refused.
    Waits,
    /// They hang up before the answer, so that it cannot be said whose token it was.
    HangsUp,
}

/// 400 random tokens a second beside 60 requests a second of users, at a center that takes 50 ms for each call.
async fn flood(stranger: Stranger) {
    // 4 s, or 25 s.
    let ticks = std::env::var("AIGC_AUTH_LONG").map_or(80, |_| 500);
    let mut dice = random();
    let flooded = Flooded::new().await;
    flooded.center.delay(Duration::from_millis(50));
    let stats = StatsCollector::start(&flooded.client);
    let app = flooded.app(&stats);
    for n in 0..20 {
        let known = app.clone().oneshot(request("/0", &format!("token-{n}"), "curl")).await.unwrap();
        assert_eq!(known.status(), 200);
    }
    let (mut requests, mut accepted) = (JoinSet::new(), 20);
    // 20 strangers and 3 users each 50 ms.
    let mut tick = interval(Duration::from_millis(50));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..ticks {
        tick.tick().await;
        for _ in 0..20 {
            let guess = request("/1", &format!("{:032x}", dice.u128(..)), "curl");
            let answer = app.clone().oneshot(guess);
            requests.spawn(async move {
                match stranger {
                    Stranger::Waits => answer.await.unwrap().status() != 401,
                    Stranger::HangsUp => timeout(Duration::from_millis(5), answer).await.is_err(),
                }
            });
        }
        for user in 0..3 {
            let token = format!("token-{}", (3 * n + user) % 20);
            let answer = app.clone().oneshot(request("/2", &token, "curl")).await.unwrap();
            accepted += usize::from(answer.status() == 200);
        }
    }
    let unanswered = requests.join_all().await.into_iter().filter(|is_unanswered| *is_unanswered).count();
    let counts = stats.shutdown(Duration::from_secs(30)).await;
    assert_eq!(accepted, 20 + 3 * ticks, "users are known");
    let billed = flooded.billed();
    println!("{stranger:?}: {billed} of {accepted} billed, {counts:?}");
    assert_eq!(billed, accepted, "{stranger:?}: {counts:?}");
    if stranger == Stranger::Waits {
        // On a busy machine, the center may be late with some.
        let at_most = (accepted + unanswered) as u64;
        assert!(counts.recorded <= at_most, "a token that nobody has leaves no record: {counts:?}");
    } else {
        assert!(counts.recorded > (accepted + 10 * ticks) as u64, "{counts:?}");
    }
}

#[tokio::test]
async fn random_tokens_push_out_no_record() {
    flood(Stranger::Waits).await;
}

#[tokio::test]
async fn random_tokens_whose_callers_hang_up_push_out_no_record() {
    flood(Stranger::HangsUp).await;
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("aigc-auth-flood-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// 500 records of users are on a disk of 5 MiB while no record can be delivered; then come 40 random tokens with 200 KiB
/// of `User-Agent` each.
async fn flood_of_disk(directory: &Path, lookups: Option<Fault>) {
    let mut dice = random();
    let flooded = Flooded::new().await;
    flooded.center.inject_fault_on(REPORT, Fault::status(503));
    let spool = Spool::builder(directory).max_bytes(5 * 1024 * 1024).build(&flooded.client).await.unwrap();
    let stats = StatsCollector::builder().spool(spool).start(&flooded.client);
    let app = flooded.app(&stats);
    for n in 0..500 {
        let path = format!("/{n}");
        let answer = app.clone().oneshot(request(&path, &format!("token-{}", n % 20), "curl")).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(stats.flush(SOON).await.spooled, 500);
    let refusal = if lookups.is_some() { 503 } else { 401 };
    if let Some(fault) = lookups {
        flooded.center.inject_fault_on("/user/info", fault);
    }
    let user_agent = "x".repeat(200 * 1024);
    for _ in 0..40 {
        let guess = request("/1", &format!("{:032x}", dice.u128(..)), &user_agent);
        assert_eq!(app.clone().oneshot(guess).await.unwrap().status(), refusal);
    }
    // A tenth of the bytes in memory is not enough for all of them.
    let counts = stats.flush(SOON).await;
    let strangers = if refusal == 503 { counts.spooled - 500 } else { 0 };
    assert!(counts.recorded == counts.spooled + counts.dropped && counts.dropped < 20, "{counts:?}");
    flooded.center.clear_faults();
    until("all records of users are delivered", || flooded.billed() == 500).await;
    let counts = stats.shutdown(SOON).await;
    println!("lookups answered {refusal}: {} of 500 billed, {counts:?}", flooded.billed());
    assert_eq!((flooded.billed(), counts.delivered, counts.spooled), (500, 500 + strangers, 0));
}

#[tokio::test]
async fn random_tokens_push_out_no_record_on_disk() {
    for (name, lookups) in [("refused", None), ("unavailable", Some(Fault::status(503)))] {
        let directory = Directory::new(name);
        flood_of_disk(&directory.0, lookups).await;
    }
}
