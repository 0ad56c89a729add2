//! The heartbeats of one service, for as long as it lives.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::config_file::ConfigFile;
use super::handle::RegistrationState;
use super::service::{Service, ServiceConfig};
use crate::backoff::Backoff;
use crate::client::AuthClient;
use crate::error::{AuthError, ErrorKind};
use crate::transport::Unreported;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A center that is back hears of the service within this: well before 180 s of silence are over.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whom the heartbeats tell what they learn.
pub(super) struct Told {
    pub(super) config: watch::Sender<ServiceConfig>,
    pub(super) state: watch::Sender<RegistrationState>,
    pub(super) file: Option<Keeping>,
}

/// A file, and whether it has the latest configuration.
pub(super) struct Keeping {
    file: ConfigFile,
    is_due: bool,
    has_failed: bool,
}

impl From<ConfigFile> for Keeping {
    fn from(file: ConfigFile) -> Self {
        Self { file, is_due: false, has_failed: false }
    }
}

/// The way to the auth center; tests have another.
pub(super) trait Center: Send + Sync + 'static {
    fn register(&self, service: &Service) -> impl Future<Output = Result<ServiceConfig, AuthError>> + Send;

    fn beat(&self, service: &Service) -> impl Future<Output = Result<ServiceConfig, AuthError>> + Send;
}

impl Center for AuthClient {
    async fn register(&self, service: &Service) -> Result<ServiceConfig, AuthError> {
        call(self, "/service/register", service).await
    }

    async fn beat(&self, service: &Service) -> Result<ServiceConfig, AuthError> {
        call(self, "/service/heartbeat", &service.heartbeat()).await
    }
}

/// Past the breaker, for a register that fails must not keep users from being looked up; the pauses are made here.
async fn call(
    client: &AuthClient,
    endpoint: &'static str,
    body: &(impl Serialize + Sync),
) -> Result<ServiceConfig, AuthError> {
    let body =
        serde_json::to_vec(body).map_err(|error| AuthError::new(ErrorKind::Internal).with_source(error))?;
    let answer = client.transport().report(endpoint, &HeaderMap::new(), body.into(), &[]).await;
    answer.map(Option::unwrap_or_default).map_err(|unreported| match unreported {
        Unreported::ForNow(error, _) => error,
        // A refusal, even if it was told by the HTTP status alone.
        Unreported::ForGood(error, code) => AuthError::new(ErrorKind::Rejected)
            .with_code(code.into())
            .with_detail(error.detail().unwrap_or_default().to_owned()),
    })
}

/// What the next call is.
enum Next {
    Register,
    Beat,
}

/// Ends when it is told to, and then between two calls.
pub(super) async fn run(
    center: impl Center,
    service: Arc<Service>,
    interval: Duration,
    told: Told,
    stop: Arc<Notify>,
) {
    // Whoever stops this drops it, and that is the last that is seen.
    let mut told = Stopped(told);
    let mut next = Next::Register;
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut pause = Duration::ZERO;
    while timeout(pause, stop.notified()).await.is_err() {
        let answer = match next {
            Next::Register => center.register(&service).await,
            Next::Beat => center.beat(&service).await,
        };
        match answer {
            Ok(config) => {
                told.0.online(&service, config).await;
                backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
                next = Next::Beat;
                pause = around(interval);
            }
            // A center that has lost its memory knows nobody, however it words that.
            Err(error) if error.kind() == ErrorKind::Rejected && matches!(next, Next::Beat) => {
                told.0.state(RegistrationState::Registering);
                tracing::info!(service = service.name, %error, "the auth center does not know the service; it registers again");
                next = Next::Register;
                pause = Duration::ZERO;
            }
            Err(error) => {
                told.0.retrying(&service, &error);
                let least = backoff.pause().max(error.retry_after().unwrap_or_default());
                // Those who were told the same do not come back together.
                pause = least.mul_f64(1.0 + fastrand::f64() * 0.1);
            }
        }
    }
}

/// Up to 10 % earlier or later, so that services which were started together do not call together.
fn around(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + fastrand::f64() * 0.2)
}

struct Stopped(Told);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.state(RegistrationState::Stopped);
    }
}

impl Told {
    async fn online(&mut self, service: &Service, config: ServiceConfig) {
        // An answer without a configuration does not take the last one away.
        if !config.value.is_null() && *self.config.borrow() != config {
            tracing::info!(service = service.name, version = %config.version, "the configuration has changed");
            self.config.send_replace(config);
            if let Some(keeping) = &mut self.file {
                keeping.is_due = true;
            }
        }
        // After the configuration, which whoever waits for this reads next.
        self.state(RegistrationState::Online);
        self.keep(service).await;
    }

    /// Tried with each heartbeat until it succeeds.
    async fn keep(&mut self, service: &Service) {
        let Some(keeping) = self.file.as_mut().filter(|keeping| keeping.is_due) else { return };
        let config = self.config.borrow().clone();
        match keeping.file.write(service, &config).await {
            Ok(()) => (keeping.is_due, keeping.has_failed) = (false, false),
            Err(error) => {
                if !std::mem::replace(&mut keeping.has_failed, true) {
                    tracing::warn!(service = service.name, %error, "the configuration cannot be kept in its file");
                }
            }
        }
    }

    fn retrying(&self, service: &Service, error: &AuthError) {
        // Once per outage.
        if *self.state.borrow() != RegistrationState::Retrying {
            tracing::warn!(service = service.name, %error, "the service cannot reach its register; it tries again");
        }
        self.state(RegistrationState::Retrying);
    }

    fn state(&self, state: RegistrationState) {
        self.state.send_if_modified(|current| std::mem::replace(current, state) != state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::registry::Registration;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// An instance that is silent for longer is offline.
    const SILENCE: Duration = Duration::from_secs(180);

    /// A center with outages, some of which cost it its memory.
    struct Simulated {
        started: Instant,
        /// From when until when it is down, and whether it forgets.
        outages: Vec<(Duration, Duration, bool)>,
        /// When it last heard of the service, and knows it.
        heard: Mutex<Vec<Duration>>,
        random: Mutex<fastrand::Rng>,
    }

    impl Simulated {
        fn new(random: &mut fastrand::Rng) -> Self {
            let mut outages = Vec::new();
            let mut at = Duration::from_secs(random.u64(0..30));
            while at < DAY {
                let longest = [10, 200, 2 * 60 * 60][random.usize(..3)];
                let until = at + Duration::from_secs(random.u64(1..=longest));
                outages.push((at, until, random.bool()));
                at = until + Duration::from_secs(random.u64(1..3 * 60 * 60));
            }
            let started = Instant::now();
            Self { started, outages, heard: Mutex::default(), random: Mutex::new(random.fork()) }
        }

        fn is_down(&self, at: Duration) -> bool {
            self.outages.iter().any(|(from, until, _)| (*from..*until).contains(&at))
        }

        /// Whether it knows a service that it has heard of at that time.
        fn remembers(&self, heard: Duration, now: Duration) -> bool {
            !self.outages.iter().any(|(from, _, forgets)| *forgets && (heard..now).contains(from))
        }

        async fn call(&self, registers: bool) -> Result<ServiceConfig, AuthError> {
            let slowness = self.random.lock().unwrap().u64(1..5_000);
            if self.is_down(self.started.elapsed()) {
                // Refused at once, or after a timeout.
                sleep(Duration::from_millis(slowness)).await;
                let error = AuthError::from(ErrorKind::Unavailable);
                let asked = self.random.lock().unwrap().u64(0..120);
                return Err(if asked <= 60 {
                    error.with_retry_after(Duration::from_secs(asked))
                } else {
                    error
                });
            }
            sleep(Duration::from_millis(slowness / 10)).await;
            let now = self.started.elapsed();
            let mut heard = self.heard.lock().unwrap();
            if !registers && !heard.last().is_some_and(|last| self.remembers(*last, now)) {
                return Err(AuthError::new(ErrorKind::Rejected).with_code(404));
            }
            heard.push(now);
            Ok(ServiceConfig { value: json!({ "n": heard.len() / 100 }), version: json!(heard.len() / 100) })
        }
    }

    impl Center for Arc<Simulated> {
        async fn register(&self, _: &Service) -> Result<ServiceConfig, AuthError> {
            self.call(true).await
        }

        async fn beat(&self, _: &Service) -> Result<ServiceConfig, AuthError> {
            self.call(false).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_with_outages() {
        let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        for round in 0..20 {
            let seed = given.unwrap_or_else(|| fastrand::u64(..));
            println!("round {round}: SEED={seed}");
            let mut random = fastrand::Rng::with_seed(seed);
            let center = Arc::new(Simulated::new(&mut random));
            let service = Arc::new(Registration::builder("orders").service().unwrap());
            let (config, configs) = watch::channel(ServiceConfig::default());
            let (state, states) = watch::channel(RegistrationState::Registering);
            let told = Told { config, state, file: None };
            let beats = run(center.clone(), service, Duration::from_secs(60), told, Arc::default());
            assert!(tokio::time::timeout(DAY, beats).await.is_err(), "it never ends by itself");
            assert_eq!(*states.borrow(), RegistrationState::Stopped);

            // The silence that is the service's fault: not while the center was down, and from its return on.
            let heard = center.heard.lock().unwrap();
            let mut last = Duration::ZERO;
            for at in heard.iter().copied().chain([DAY]) {
                let up_since =
                    center.outages.iter().filter(|(from, ..)| *from < at).map(|(_, until, _)| *until);
                let since = up_since.max().unwrap_or_default().max(last);
                let silent = at.saturating_sub(since);
                assert!(silent <= SILENCE, "silent for {silent:?} until {at:?}");
                last = at;
            }
            assert!(heard.len() > 300, "{}", heard.len());
            assert_eq!(configs.borrow().version, json!(heard.len() / 100));
        }
    }
}
