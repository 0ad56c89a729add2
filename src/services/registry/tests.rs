//! The heartbeat loop with scripted answers, under a paused clock: which calls it makes and when, and what it publishes.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::addresses::Refresh;
use super::config_file::ConfigFile;
use super::heartbeat::{self, RegistryClient};
use super::state::StatePublisher;
use super::stores::Stores;
use super::{Registration, RegistrationState, Service, ServiceConfig};
use crate::ports::observer::Watch;
use crate::types::error::{AuthError, ErrorKind};

const INTERVAL: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

type Answer = Result<ServiceConfig, AuthError>;

/// The time of a call, its name, and the state at that time.
type Call = (Duration, &'static str, RegistrationState);

/// Answers with the scripted answers in turn, and never after the last one.
struct Script {
    started: Instant,
    answers: Mutex<VecDeque<Answer>>,
    latency: Duration,
    calls: Mutex<Vec<Call>>,
    /// The addresses of each call.
    ips: Mutex<Vec<Vec<String>>>,
    state: watch::Receiver<RegistrationState>,
}

impl Script {
    async fn call(&self, name: &'static str, service: &Service) -> Answer {
        self.ips.lock().unwrap().push(service.ips.clone());
        self.calls.lock().unwrap().push((self.started.elapsed(), name, *self.state.borrow()));
        sleep(self.latency).await;
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(answer) => answer,
            None => pending().await,
        }
    }
}

impl RegistryClient for Arc<Script> {
    async fn register(&self, service: &Service) -> Answer {
        self.call("register", service).await
    }

    async fn heartbeat(&self, service: &Service) -> Answer {
        self.call("heartbeat", service).await
    }
}

/// Addresses that stay as they are.
pub(super) struct Unchanged;

impl Refresh for Unchanged {
    async fn refresh(&mut self) -> Option<Vec<String>> {
        None
    }
}

struct Rig {
    script: Arc<Script>,
    publisher: Option<StatePublisher>,
    config: watch::Receiver<ServiceConfig>,
    state: watch::Receiver<RegistrationState>,
    stop: Arc<Notify>,
    service: watch::Receiver<Arc<Service>>,
}

impl Rig {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let (config_sender, config) = watch::channel(ServiceConfig::default());
        let (state_sender, state) = watch::channel(RegistrationState::Registering);
        let script = Script {
            started: Instant::now(),
            answers: Mutex::new(answers.into_iter().collect()),
            latency: Duration::ZERO,
            calls: Mutex::default(),
            ips: Mutex::default(),
            state: state.clone(),
        };
        let (service_sender, service) =
            watch::channel(Arc::new(Registration::builder("orders").ips([]).service().unwrap()));
        let publisher = Some(StatePublisher::new(
            service_sender,
            config_sender,
            state_sender,
            Stores::default(),
            Watch::default(),
        ));
        Self { script: Arc::new(script), publisher, config, state, stop: Arc::default(), service }
    }

    fn latency(mut self, latency: Duration) -> Self {
        Arc::get_mut(&mut self.script).unwrap().latency = latency;
        self
    }

    fn run(&mut self) -> impl Future<Output = ()> + use<> {
        self.run_with(Unchanged)
    }

    fn run_with<R: Refresh>(&mut self, addresses: R) -> impl Future<Output = ()> + use<R> {
        let publisher = self.publisher.take().unwrap();
        heartbeat::run(self.script.clone(), addresses, INTERVAL, publisher, self.stop.clone())
    }

    /// Runs to the end of the script, and returns the calls.
    async fn calls(&mut self) -> Vec<Call> {
        assert!(timeout(100 * HOUR, self.run()).await.is_err(), "ended without a stop");
        assert!(self.script.answers.lock().unwrap().is_empty());
        self.script.calls.lock().unwrap().clone()
    }
}

fn config(version: u64) -> ServiceConfig {
    ServiceConfig { value: json!({ "n": version }), version: json!(version) }
}

fn unavailable() -> Answer {
    Err(ErrorKind::Unavailable.into())
}

fn rejected(code: i64) -> Answer {
    Err(AuthError::new(ErrorKind::Rejected).with_code(code))
}

fn states(calls: &[Call]) -> Vec<(&'static str, RegistrationState)> {
    calls.iter().map(|(_, name, state)| (*name, *state)).collect()
}

fn pauses(calls: &[Call]) -> Vec<f64> {
    calls.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs_f64()).collect()
}

#[track_caller]
fn assert_between(pauses: &[f64], expected: &[(f64, f64)]) {
    assert_eq!(pauses.len(), expected.len(), "{pauses:?}");
    for (pause, (least, most)) in pauses.iter().zip(expected) {
        // tokio's timer has a resolution of 1 ms.
        assert!(*least <= pause + 0.001 && *pause <= most + 0.002, "{pauses:?}, not {expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_decide_next_call_and_state() {
    use RegistrationState::*;
    for (what, answers, expected) in [
        (
            "no failure",
            vec![Ok(config(1)), Ok(config(1))],
            vec![("register", Registering), ("heartbeat", Online), ("heartbeat", Online)],
        ),
        (
            "unavailable at the start",
            vec![unavailable(), unavailable(), Ok(config(1))],
            vec![
                ("register", Registering),
                ("register", Retrying),
                ("register", Retrying),
                ("heartbeat", Online),
            ],
        ),
        (
            "rejected at the start",
            vec![rejected(400), Ok(config(1))],
            vec![("register", Registering), ("register", Retrying), ("heartbeat", Online)],
        ),
        (
            "unavailable later: heartbeats are retried",
            vec![Ok(config(1)), unavailable(), unavailable(), Ok(config(1))],
            vec![
                ("register", Registering),
                ("heartbeat", Online),
                ("heartbeat", Retrying),
                ("heartbeat", Retrying),
                ("heartbeat", Online),
            ],
        ),
        (
            "heartbeats rejected with different codes, then unavailable",
            vec![Ok(config(1)), rejected(40401), unavailable(), Ok(config(1)), rejected(-1), Ok(config(1))],
            vec![
                ("register", Registering),
                ("heartbeat", Online),
                ("register", Registering),
                ("register", Retrying),
                ("heartbeat", Online),
                ("register", Registering),
                ("heartbeat", Online),
            ],
        ),
    ] {
        let mut rig = Rig::new(answers);
        assert_eq!(states(&rig.calls().await), expected, "{what}");
        assert_eq!((&*rig.config.borrow(), *rig.state.borrow()), (&config(1), Stopped), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_double_to_30_s_and_start_over_after_a_success() {
    let mut answers: Vec<_> = (0..8).map(|_| unavailable()).collect();
    answers.extend([Ok(config(1)), unavailable(), rejected(404), Ok(config(1))]);
    let calls = Rig::new(answers).calls().await;
    let growing = [(1.0, 1.1), (1.0, 2.2), (2.0, 4.4), (4.0, 8.8), (8.0, 17.6)];
    let longest = [(15.0, 33.0); 3];
    let after = [(54.0, 66.0), (1.0, 1.1), (0.0, 0.0), (54.0, 66.0)];
    assert_between(&pauses(&calls), &[&growing[..], &longest, &after].concat());
}

#[tokio::test(start_paused = true)]
async fn retry_after_lengthens_the_pause() {
    let retry_after = |seconds| {
        let error = AuthError::new(ErrorKind::Unavailable);
        Err(error.with_retry_after(Duration::from_secs(seconds)))
    };
    let answers = [retry_after(60), retry_after(10), retry_after(1), Ok(config(1))];
    let calls = Rig::new(answers).calls().await;
    assert_between(&pauses(&calls), &[(60.0, 66.0), (10.0, 11.0), (2.0, 4.4), (54.0, 66.0)]);
}

/// Services that were started together, or got the same `Retry-After`, do not call at the same time.
#[tokio::test(start_paused = true)]
async fn heartbeats_and_retries_have_jitter() {
    let heartbeats = pauses(&Rig::new((0..300).map(|_| Ok(config(1)))).calls().await);
    let failures = |_| [Ok(config(1)), unavailable()];
    let retries = Rig::new((0..300).flat_map(failures)).calls().await;
    let retries: Vec<_> = pauses(&retries).into_iter().skip(1).step_by(2).collect();
    for (pauses, least, most) in [(heartbeats, 54.0, 66.0), (retries, 1.0, 1.1)] {
        let tenth = (most - least) / 10.0;
        for (start, end) in [(least, least + tenth), (most - tenth, most)] {
            assert!(pauses.iter().any(|pause| (start..=end).contains(pause)), "{start}..{end}: {pauses:?}");
        }
        assert_between(&pauses, &vec![(least, most); pauses.len()]);
    }
}

#[tokio::test(start_paused = true)]
async fn configuration_is_published_once_and_never_removed() {
    let empty = ServiceConfig { version: json!(9), ..ServiceConfig::default() };
    let newer = ServiceConfig { version: json!(2), ..config(1) };
    let answers = [
        Ok(config(1)),
        Ok(config(1)),
        Ok(empty),
        unavailable(),
        rejected(404),
        Ok(newer.clone()),
        Ok(config(3)),
    ];
    let mut rig = Rig::new(answers);
    let mut changes = rig.config.clone();
    let published = tokio::spawn(async move {
        let mut configs = vec![];
        while changes.changed().await.is_ok() {
            configs.push(changes.borrow_and_update().clone());
        }
        configs
    });
    rig.calls().await;
    assert_eq!(published.await.unwrap(), [config(1), newer, config(3)]);
}

#[tokio::test(start_paused = true)]
async fn configuration_is_published_before_online() {
    let mut rig = Rig::new([Ok(config(1))]);
    let (mut state, published) = (rig.state.clone(), rig.config.clone());
    let run = tokio::spawn(rig.run());
    state.wait_for(|state| *state == RegistrationState::Online).await.unwrap();
    assert_eq!(*published.borrow(), config(1));
    run.abort();
}

/// The addresses of a machine as they change; `None` while they cannot be listed.
struct Changing(VecDeque<Option<&'static str>>);

impl Refresh for Changing {
    async fn refresh(&mut self) -> Option<Vec<String>> {
        // As long as a slow resolver takes.
        sleep(Duration::from_secs(1)).await;
        self.0.pop_front().flatten().map(|ip| vec![ip.to_owned()])
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_has_the_addresses_of_its_time() {
    let answers = [Ok(config(1)), unavailable(), Ok(config(1)), rejected(404), Ok(config(1)), Ok(config(1))];
    let mut rig = Rig::new(answers);
    let seen = [
        Some("10.0.0.1"),
        Some("10.0.0.2"),
        None,
        Some("10.0.0.2"),
        Some("2001:db8::1"),
        None,
        Some("10.0.0.3"),
    ];
    let run = rig.run_with(Changing(seen.into()));
    assert!(timeout(HOUR, run).await.is_err());
    let sent: Vec<_> = rig.script.ips.lock().unwrap().concat();
    let expected = ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2", "2001:db8::1", "2001:db8::1", "10.0.0.3"];
    assert_eq!(sent, expected);
    assert_eq!(rig.service.borrow().ips, ["10.0.0.3"], "the last ones are published");
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_the_call_in_flight() {
    let second = Duration::from_secs(1);
    for (what, calls, after, remaining) in [
        ("before the first", 0, 0, 0),
        ("during one", 1, 1, 2),
        ("in the pause after it", 1, 10, 0),
        ("during a heartbeat", 2, 1, 2),
    ] {
        let mut rig = Rig::new((0..5).map(|_| Ok(config(1)))).latency(3 * second);
        let (run, stop, script) = (rig.run(), rig.stop.clone(), rig.script.clone());
        let stopping = async {
            while script.calls.lock().unwrap().len() < calls {
                sleep(Duration::from_millis(1)).await;
            }
            sleep(after * second).await;
            stop.notify_one();
            Instant::now()
        };
        // In this order, so that a loop that is stopped before its start makes no call.
        let (stopped, ()) = tokio::join!(stopping, run);
        let late = stopped.elapsed().saturating_sub(remaining * second);
        assert!(
            stopped.elapsed() + second / 100 >= remaining * second && late < second / 100,
            "{what}: {late:?}"
        );
        assert_eq!(script.calls.lock().unwrap().len(), calls, "{what}");
        assert_eq!(*rig.state.borrow(), RegistrationState::Stopped, "{what}");
    }
}

/// The configuration is published although it cannot be written; the file gets it as soon as it can.
#[tokio::test(start_paused = true)]
async fn failed_write_is_retried_with_each_heartbeat() {
    let directory = std::env::temp_dir().join(format!("aigc-auth-registry-{}", std::process::id()));
    let path = directory.join("config.json");
    let mut rig = Rig::new((0..9).map(|_| Ok(config(7))));
    rig.publisher.as_mut().unwrap().stores.file = Some(ConfigFile::new(path.clone()).into());
    let run = tokio::spawn(rig.run());
    rig.config.changed().await.unwrap();
    assert_eq!(*rig.config.borrow(), config(7));
    sleep(INTERVAL / 2).await;
    assert!(!path.exists(), "written without its directory");
    std::fs::create_dir_all(&directory).unwrap();
    sleep(INTERVAL * 2).await;
    let stored: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    sleep(INTERVAL * 3).await;
    assert!(!path.exists(), "written again without a change");
    std::fs::remove_dir_all(directory).unwrap();
    let expected =
        json!({ "name": "orders", "environment": "pro", "config": { "n": 7 }, "config_version": 7 });
    assert_eq!(stored, expected);
    run.abort();
}
