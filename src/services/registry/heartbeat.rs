//! The heartbeat loop of one service.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::HeaderMap;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::addresses::Refresh;
use super::service::{Service, ServiceConfig};
use super::state::{RegistrationState, StatePublisher};
use crate::ports::observer::RegistryChange;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::spelling::Record;
use crate::upstream::api_client::SendError;
use crate::util::backoff::Backoff;
use crate::verifiers::client::AuthClient;

const MIN_PAUSE: Duration = Duration::from_secs(1);
/// The longest time between the end of an outage and the next call: well below the 180 s of silence after which an instance
/// counts as offline.
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The calls of the register at the auth center. A trait, so that tests can script the answers.
pub(super) trait RegistryClient: Send + Sync + 'static {
    fn register(&self, service: &Service) -> impl Future<Output = Result<ServiceConfig, AuthError>> + Send;

    fn heartbeat(&self, service: &Service) -> impl Future<Output = Result<ServiceConfig, AuthError>> + Send;
}

impl RegistryClient for AuthClient {
    async fn register(&self, service: &Service) -> Result<ServiceConfig, AuthError> {
        call(self, "/service/register", service).await
    }

    async fn heartbeat(&self, service: &Service) -> Result<ServiceConfig, AuthError> {
        call(self, "/service/heartbeat", &service.heartbeat_body()).await
    }
}

/// Makes one attempt, which the circuit breaker does not count: a failing register must not keep users from being verified.
/// The retries are those of [`run`].
async fn call(
    client: &AuthClient,
    endpoint: &'static str,
    body: &(impl Serialize + Sync),
) -> Result<ServiceConfig, AuthError> {
    let body =
        serde_json::to_vec(body).map_err(|error| AuthError::new(ErrorKind::Internal).with_source(error))?;
    let answer = client.api().report(endpoint, &HeaderMap::new(), body.into(), &[]).await;
    let config = answer.map(|config: Option<Record<ServiceConfig>>| config.unwrap_or_default().0);
    config.map_err(|error| match error {
        SendError::Transient(error, _) => error,
        // Rejected, even if only the HTTP status says so.
        SendError::Permanent(error, code) => AuthError::new(ErrorKind::Rejected)
            .with_code(code.into())
            .with_detail(error.detail().unwrap_or_default().to_owned()),
    })
}

#[derive(Clone, Copy)]
enum NextCall {
    Register,
    Heartbeat,
}

impl NextCall {
    fn succeeded(self) -> RegistryChange {
        match self {
            Self::Register => RegistryChange::Registered,
            Self::Heartbeat => RegistryChange::Heartbeat,
        }
    }
}

/// Registers the service and sends its heartbeats until `stop` is notified. Stops between two calls, never during one.
pub(super) async fn run(
    client: impl RegistryClient,
    mut addresses: impl Refresh,
    interval: Duration,
    publisher: StatePublisher,
    stop: Arc<Notify>,
) {
    let mut guard = StopGuard(publisher);
    let publisher = &mut guard.0;
    let mut next = NextCall::Register;
    let mut backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
    let mut pause = Duration::ZERO;
    publisher.recall().await;
    while timeout(pause, stop.notified()).await.is_err() {
        if let Some(ips) = addresses.refresh().await {
            publisher.set_addresses(ips);
        }
        let service = publisher.service();
        let answer = match next {
            NextCall::Register => {
                // Before the call, since it may arrive even if this loop is aborted.
                let was_present = publisher.is_present.swap(true, Ordering::Relaxed);
                let answer = client.register(&service).await;
                if !was_present && answer.as_ref().is_err_and(has_no_effect) {
                    publisher.is_present.store(false, Ordering::Relaxed);
                }
                answer
            }
            NextCall::Heartbeat => client.heartbeat(&service).await,
        };
        match answer {
            Ok(config) => {
                publisher.online(config).await;
                publisher.tell(next.succeeded(), None);
                backoff = Backoff::new(MIN_PAUSE, MAX_PAUSE);
                next = NextCall::Heartbeat;
                pause = jittered(interval);
            }
            // Any rejection of a heartbeat: the auth center may have lost its data, and has no fixed code for that.
            Err(error) if error.kind() == ErrorKind::Rejected && matches!(next, NextCall::Heartbeat) => {
                publisher.set(RegistrationState::Registering);
                publisher.tell(RegistryChange::Failed, Some(&error));
                tracing::info!(service = service.name, %error, "the heartbeat was rejected; registering again");
                next = NextCall::Register;
                pause = Duration::ZERO;
            }
            Err(error) => {
                publisher.retrying(&error);
                publisher.tell(RegistryChange::Failed, Some(&error));
                publisher.recall().await;
                let least = backoff.pause().max(error.retry_after().unwrap_or_default());
                // Jitter, so that services with the same `Retry-After` do not call at the same time.
                pause = least.mul_f64(1.0 + fastrand::f64() * 0.1);
            }
        }
    }
}

/// Returns whether a call that failed has certainly changed nothing: it was rejected, or there was no connection.
fn has_no_effect(error: &AuthError) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<reqwest::Error>());
    match error.kind() {
        ErrorKind::Rejected => !(500..600).contains(&error.code()),
        _ => cause.is_some_and(reqwest::Error::is_connect),
    }
}

/// Adds a jitter of up to 10 % in either direction, so that services that were started together do not call together.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + fastrand::f64() * 0.2)
}

/// Publishes `Stopped` when the loop ends, also when its task is aborted.
struct StopGuard(StatePublisher);

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.set(RegistrationState::Stopped);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::sync::watch;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::ports::observer::Watch;
    use crate::services::registry::Registration;
    use crate::services::registry::stores::Stores;
    use crate::services::registry::tests::Unchanged;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// After a longer silence, the auth center takes an instance as offline.
    const MAX_SILENCE: Duration = Duration::from_secs(180);

    struct Outage {
        start: Duration,
        end: Duration,
        /// Whether the auth center loses its data.
        loses_data: bool,
    }

    /// An auth center with random outages.
    struct SimulatedCenter {
        started: Instant,
        outages: Vec<Outage>,
        /// When calls of the service succeeded.
        calls: Mutex<Vec<Duration>>,
        random: Mutex<fastrand::Rng>,
    }

    impl SimulatedCenter {
        fn new(random: &mut fastrand::Rng) -> Self {
            let mut outages = Vec::new();
            let mut at = Duration::from_secs(random.u64(0..30));
            while at < DAY {
                let longest = [10, 200, 2 * 60 * 60][random.usize(..3)];
                let end = at + Duration::from_secs(random.u64(1..=longest));
                outages.push(Outage { start: at, end, loses_data: random.bool() });
                at = end + Duration::from_secs(random.u64(1..3 * 60 * 60));
            }
            let started = Instant::now();
            Self { started, outages, calls: Mutex::default(), random: Mutex::new(random.fork()) }
        }

        fn is_down(&self, at: Duration) -> bool {
            self.outages.iter().any(|outage| (outage.start..outage.end).contains(&at))
        }

        /// Whether the service, whose last call was at `last`, is still registered.
        fn is_registered(&self, last: Duration, now: Duration) -> bool {
            !self.outages.iter().any(|outage| outage.loses_data && (last..now).contains(&outage.start))
        }

        async fn call(&self, call: NextCall) -> Result<ServiceConfig, AuthError> {
            let latency = self.random.lock().unwrap().u64(1..5_000);
            if self.is_down(self.started.elapsed()) {
                // Refused at once, or after a timeout.
                sleep(Duration::from_millis(latency)).await;
                let error = AuthError::from(ErrorKind::Unavailable);
                let retry_after = self.random.lock().unwrap().u64(0..120);
                return Err(if retry_after <= 60 {
                    error.with_retry_after(Duration::from_secs(retry_after))
                } else {
                    error
                });
            }
            sleep(Duration::from_millis(latency / 10)).await;
            let now = self.started.elapsed();
            let mut calls = self.calls.lock().unwrap();
            let is_registered = calls.last().is_some_and(|last| self.is_registered(*last, now));
            if matches!(call, NextCall::Heartbeat) && !is_registered {
                return Err(AuthError::new(ErrorKind::Rejected).with_code(404));
            }
            calls.push(now);
            Ok(ServiceConfig { value: json!({ "n": calls.len() / 100 }), version: json!(calls.len() / 100) })
        }
    }

    impl RegistryClient for Arc<SimulatedCenter> {
        async fn register(&self, _: &Service) -> Result<ServiceConfig, AuthError> {
            self.call(NextCall::Register).await
        }

        async fn heartbeat(&self, _: &Service) -> Result<ServiceConfig, AuthError> {
            self.call(NextCall::Heartbeat).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn day_with_outages_leaves_no_silence_while_the_center_is_up() {
        let given = test_support::seed::given();
        for round in 0..20 {
            let seed = given.unwrap_or_else(|| fastrand::u64(..));
            println!("round {round}: SEED={seed}");
            let mut random = fastrand::Rng::with_seed(seed);
            let center = Arc::new(SimulatedCenter::new(&mut random));
            let service = Arc::new(Registration::builder("orders").service().unwrap());
            let (config, configs) = watch::channel(ServiceConfig::default());
            let (state, states) = watch::channel(RegistrationState::Registering);
            let publisher = StatePublisher::new(
                watch::Sender::new(service),
                config,
                state,
                Stores::default(),
                Watch::default(),
            );
            let heartbeats =
                run(center.clone(), Unchanged, Duration::from_secs(60), publisher, Arc::default());
            assert!(tokio::time::timeout(DAY, heartbeats).await.is_err(), "ended without a stop");
            assert_eq!(*states.borrow(), RegistrationState::Stopped);

            // Silence counts only while the center is up, and from the end of its last outage on.
            let calls = center.calls.lock().unwrap();
            let mut last = Duration::ZERO;
            for at in calls.iter().copied().chain([DAY]) {
                let ended = center.outages.iter().filter(|outage| outage.start < at).map(|outage| outage.end);
                let since = ended.max().unwrap_or_default().max(last);
                let silence = at.saturating_sub(since);
                assert!(silence <= MAX_SILENCE, "silent for {silence:?} until {at:?}");
                last = at;
            }
            assert!(calls.len() > 300, "{}", calls.len());
            assert_eq!(configs.borrow().version, json!(calls.len() / 100));
        }
    }
}
