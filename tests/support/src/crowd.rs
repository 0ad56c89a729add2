//! Users and strangers who ask one service at the same time, and what becomes of the users.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::{AuthClient, AuthClientBuilder, AuthLayer};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use http::{Request, StatusCode};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tower::ServiceExt;

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub status: StatusCode,
    pub took: Duration,
}

/// How many of these requests were accepted.
pub fn accepted(asked: &[Asked]) -> usize {
    asked.iter().filter(|asked| asked.status == StatusCode::OK).count()
}

/// How many requests of strangers arrive at a time, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub at_once: usize,
    pub every: Duration,
}

/// What an auth center may say about one token that says nothing about the next.
pub fn bad_answers() -> [(&'static str, Fault); 6] {
    let doubled = r#"{"code":0,"code":0,"message":"success","data":{"id":7,"username":"alice"}}"#;
    let deep = format!(r#"{{"code":0,"message":"success","data":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    [
        ("500", Fault::status(500)),
        ("HTML", Fault::Html),
        ("doubled key", Fault::Body(doubled.into())),
        ("deep JSON", Fault::Body(deep.into())),
        ("429", Fault::too_many_requests(60)),
        ("reset", Fault::Reset),
    ]
}

/// A center, and a service behind the layer without a socket of its own.
pub struct Crowd {
    pub center: AuthCenter,
    app: Router,
    tasks: Vec<AbortHandle>,
}

impl Crowd {
    /// With so many users, who were never here before.
    pub async fn new(users: usize, configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder) -> Self {
        let center = AuthCenter::start().await;
        for n in 0..users {
            center.add_user(testing::user(format!("user-{n}")));
            center.add_token(user(n), format!("user-{n}"));
        }
        let builder = AuthClient::builder(center.app_id(), center.app_secret(), center.url());
        let layer = AuthLayer::new(configure(builder).build().unwrap());
        Self { center, app: Router::new().route("/", get(|| async {})).layer(layer), tasks: vec![] }
    }

    /// Lets strangers ask until this is dropped: the `n`-th request has this token and comes from this address.
    pub fn flood(
        &mut self,
        pace: Pace,
        mut stranger: impl FnMut(usize) -> (String, IpAddr) + Send + 'static,
    ) {
        let app = self.app.clone();
        let task = async move {
            let (mut requests, mut ticks) = (JoinSet::new(), ticks(pace.every));
            for n in 0.. {
                if n % pace.at_once == 0 {
                    ticks.tick().await;
                    while requests.try_join_next().is_some() {}
                }
                let (token, address) = stranger(n);
                requests.spawn(ask(&app, &token, address));
            }
        };
        self.tasks.push(tokio::spawn(task).abort_handle());
    }

    /// Lets users ask, one after the other: the `n`-th request has the token of this user. Each user has an address.
    pub async fn ask(
        &self,
        requests: usize,
        every: Duration,
        user_of: impl Fn(usize) -> usize,
    ) -> Vec<Asked> {
        let (mut asked, mut ticks) = (JoinSet::new(), ticks(every));
        for n in 0..requests {
            ticks.tick().await;
            let number = user_of(n);
            let octets = u16::try_from(number).unwrap().to_be_bytes();
            asked.spawn(ask(&self.app, &user(number), Ipv4Addr::new(198, 51, octets[0], octets[1]).into()));
        }
        asked.join_all().await
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

fn user(n: usize) -> String {
    format!("token-of-user-{n}")
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

fn ask(app: &Router, token: &str, address: IpAddr) -> impl Future<Output = Asked> + Send + 'static {
    let request = Request::get("/")
        .header("authorization", format!("Bearer {token}"))
        .extension(ConnectInfo(SocketAddr::new(address, 40_000)));
    let asked = app.clone().oneshot(request.body(Body::empty()).unwrap());
    async move {
        let start = Instant::now();
        let status = asked.await.unwrap().status();
        Asked { status, took: start.elapsed() }
    }
}

/// 36 users, each with a first request, beside one token that the center answers so.
pub async fn one_bad_token(answer: Option<Fault>, latency: Duration, every: Duration) -> Vec<Asked> {
    let mut crowd = Crowd::new(36, |builder| builder).await;
    crowd.center.delay(latency);
    if let Some(answer) = answer {
        crowd.center.inject_fault_for("bad", answer);
        let pace = Pace { at_once: 1, every: every / 2 };
        crowd.flood(pace, |_| ("bad".to_owned(), Ipv4Addr::new(203, 0, 113, 7).into()));
        // Before the users come, it has failed often enough to open a breaker.
        tokio::time::sleep(every * 4).await;
    }
    crowd.ask(36, every, |n| n).await
}

/// 50 users a second, each with a first request, beside bursts of 10 tokens each 200 ms that the center answers so.
pub async fn bursts(answer: Option<Fault>, latency: Duration, seconds: usize) -> Vec<Asked> {
    let users = 50 * seconds;
    let mut crowd = Crowd::new(users, |builder| builder).await;
    crowd.center.delay(latency);
    if let Some(answer) = answer {
        for n in 0..100 * seconds {
            crowd.center.inject_fault_for(format!("bad-{n}"), answer.clone());
        }
        let pace = Pace { at_once: 10, every: Duration::from_millis(200) };
        crowd.flood(pace, |n| (format!("bad-{n}"), Ipv4Addr::new(203, 0, 113, 7).into()));
    }
    crowd.ask(users, Duration::from_millis(20), |n| n).await
}

/// A center of this latency whose capacity strangers exceed three times over, with random tokens from so many addresses.
///
/// The client has 16 places and 625 lookups, in the proportion of the defaults, so that 12.5 latencies are 200 lookups.
pub struct Flood {
    pub latency: Duration,
    pub addresses: u32,
    pub seed: u64,
}

impl Flood {
    /// A service that was asked by the first `known` of its users before the strangers came.
    async fn start(
        &self,
        users: usize,
        known: usize,
        configure: impl Fn(AuthClientBuilder) -> AuthClientBuilder,
    ) -> Crowd {
        let timeout = self.latency * 25;
        let configure = |builder: AuthClientBuilder| {
            configure(builder.max_in_flight(16).max_concurrent_lookups(625).timeout(timeout))
        };
        let mut crowd = Crowd::new(users, configure).await;
        crowd.ask(known, Duration::from_millis(1), |n| n).await;
        crowd.center.delay(self.latency);
        if self.addresses > 0 {
            let mut random = fastrand::Rng::with_seed(self.seed);
            let addresses: Arc<[u32]> = (0..self.addresses).map(|_| random.u32(..)).collect();
            // 16 are served in one latency.
            let pace = Pace { at_once: 12, every: self.latency / 4 };
            crowd.flood(pace, move |_| {
                let address = addresses[random.usize(..addresses.len())];
                (format!("random-{:x}", random.u128(..)), Ipv4Addr::from_bits(address).into())
            });
        }
        crowd
    }

    /// Users who were never here before, each with one request: two in each latency.
    pub async fn first_requests(&self, users: usize) -> Vec<Asked> {
        let crowd = self.start(users, 0, |builder| builder).await;
        crowd.ask(users, self.latency / 2, |n| n).await
    }

    /// The same ten users all the time, whose cached answers last for one latency, and stale ones for `stale`.
    pub async fn known_users(&self, requests: usize, stale: Duration) -> Vec<Asked> {
        let ttl = self.latency;
        let crowd = self.start(10, 10, |builder| builder.cache_ttl(ttl).stale_if_error(stale)).await;
        crowd.ask(requests, self.latency / 4, |n| n % 10).await
    }

    /// Four hundred known users, none of whom is cached: together they need 10 of the 16 places all the time.
    pub async fn busy_users(&self, requests: usize) -> Vec<Asked> {
        let configure = |builder: AuthClientBuilder| {
            builder.cache_ttl(Duration::from_millis(1)).stale_if_error(Duration::ZERO)
        };
        let crowd = self.start(400, 400, configure).await;
        crowd.ask(requests, self.latency / 10, |n| n % 400).await
    }
}
