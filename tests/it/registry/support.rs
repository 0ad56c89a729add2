//! What the tests of registered services start from.

use std::time::{Duration, Instant};

use aigc_auth::registry::{Registration, RegistrationBuilder, RegistrationState};
use aigc_auth::testing::AuthCenter;
use serde_json::Value;
pub(crate) use test_support::process::{Directory, PATIENCE};
use tokio::time::timeout;

use crate::support::client;

/// More than the time between two heartbeats.
pub(crate) const A_HEARTBEAT: Duration = Duration::from_secs(67);

/// `orders` at port 8000 of 10.0.0.1.
pub(crate) fn orders() -> RegistrationBuilder {
    Registration::builder("orders").port(8000).ips(["10.0.0.1".parse().unwrap()])
}

pub(crate) async fn is(handle: &Registration, state: RegistrationState) {
    let mut states = handle.state_changes();
    let reached = timeout(PATIENCE, states.wait_for(|now| *now == state)).await;
    assert!(reached.is_ok_and(|reached| reached.is_ok()), "{handle:?} is never {state:?}");
}

pub(crate) async fn online(registration: RegistrationBuilder, center: &AuthCenter) -> Registration {
    let handle = registration.start(&client(center)).unwrap();
    is(&handle, RegistrationState::Online).await;
    handle
}

/// So much time passes at once, while nothing is under way.
pub(crate) async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Lets the time of heartbeats pass, one after another, until it is so. One may not be due yet where its task was late to
/// begin its pause, or is given up where its answer is slow; there are as many as it takes.
pub(crate) async fn heartbeats_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        pass(A_HEARTBEAT).await;
        let passed = Instant::now();
        while passed.elapsed() < PATIENCE / 30 {
            if so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    panic!("in vain: {what}");
}

/// The bodies of the requests to this endpoint, oldest first.
pub(crate) fn bodies(center: &AuthCenter, endpoint: &str) -> Vec<Value> {
    let requests = center.requests();
    requests.into_iter().filter(|request| request.endpoint == endpoint).map(|request| request.body).collect()
}
