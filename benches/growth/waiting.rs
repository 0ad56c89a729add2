//! Processor time of requests that wait, together: for one lookup, each for its own, in vain. On the thread that runs all of them;
//! the center is another process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::{AuthClient, AuthLayer};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::StatusCode;
use http::header::AUTHORIZATION;
use tokio::task::JoinSet;
use tower::{Layer, Service, service_fn};

use crate::account::{account, spent};
use crate::center::{Center, token};
use crate::series::{Cost, Series};
use crate::spread::Spread;

const REQUESTS: &[u64] = &[100, 1_000, 10_000];

pub(crate) fn series() -> Vec<Series> {
    vec![
        Series {
            name: "requests that wait for one lookup",
            sizes: REQUESTS,
            cost: Cost::Other("µs of processor time", |count| together(count, &ONE)),
            bound: "each is woken once, and takes a clone of the answer",
        },
        Series {
            name: "requests that wait for a lookup each, of as many networks",
            sizes: REQUESTS,
            cost: Cost::Other("µs of processor time", |count| together(count, &EACH)),
            bound: "each is a call; turns of networks are found in log n",
        },
        Series {
            name: "requests whose wait for a slot is in vain, of as many networks",
            sizes: REQUESTS,
            cost: Cost::Other("µs of processor time", |count| together(count, &IN_VAIN)),
            bound: "each leaves its queue in log n",
        },
    ]
}

/// What requests wait for.
struct Wait {
    is_one_token: bool,
    delay: Duration,
    timeout: Duration,
}

const ONE: Wait =
    Wait { is_one_token: true, delay: Duration::from_millis(200), timeout: Duration::from_secs(60) };
const EACH: Wait =
    Wait { is_one_token: false, delay: Duration::from_millis(50), timeout: Duration::from_secs(60) };
/// The slots are taken for longer than anybody waits.
const IN_VAIN: Wait =
    Wait { is_one_token: false, delay: Duration::from_secs(3), timeout: Duration::from_secs(2) };

/// The median of some rounds.
fn together(count: u64, wait: &Wait) -> f64 {
    Spread::of((0..3).map(|_| round(count, wait))).median
}

fn round(count: u64, wait: &Wait) -> f64 {
    let mut center = Center::start(wait.delay, 10);
    let client = AuthClient::builder("app", "secret", center.url.as_str())
        .timeout(wait.timeout)
        .connect_timeout(wait.timeout)
        // Of which strangers have four fifths: all of them wait, none is turned away.
        .max_concurrent_lookups(2 * REQUESTS[REQUESTS.len() - 1] as usize);
    let client = client.build().expect("a client");
    let ok = service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let service = AuthLayer::new(client).layer(ok);
    let requests: Vec<Request> =
        (0..count).map(|n| request(n, if wait.is_one_token { 0 } else { n })).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let account = account();
    let before = spent(&account);
    let statuses = runtime.block_on(async {
        let mut waiting: JoinSet<StatusCode> = requests
            .into_iter()
            .map(|request| {
                let mut service = service.clone();
                async move { service.call(request).await.expect("infallible").status() }
            })
            .collect();
        let mut statuses = vec![];
        while let Some(status) = waiting.join_next().await {
            statuses.push(status.expect("no panic"));
        }
        statuses
    });
    let took = (spent(&account) - before) / 1e3;
    let expected = if wait.delay > wait.timeout { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    assert!(statuses.iter().all(|status| *status == expected), "all are answered {expected}");
    let calls = center.arrived().calls;
    assert!(if wait.is_one_token { calls == 1 } else { calls <= count }, "{calls} calls");
    took
}

fn request(n: u64, user: u64) -> Request {
    let mut request = Request::new(Body::empty());
    let value = format!("Bearer {}", token(user)).parse().expect("a header");
    request.headers_mut().insert(AUTHORIZATION, value);
    let address = SocketAddr::from(((n as u32 + (10 << 24)).to_be_bytes(), 40_000));
    request.extensions_mut().insert(ConnectInfo(address));
    request
}
