//! The heartbeats by scripts, under a paused clock: what is called when, and what is told of it.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::beat::{self, Center, Told};
use super::config_file::ConfigFile;
use super::{Registration, RegistrationState, Service, ServiceConfig};
use crate::error::{AuthError, ErrorKind};

const INTERVAL: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

type Answer = Result<ServiceConfig, AuthError>;

/// When a call was made, which, and where the registration stood.
type Called = (Duration, &'static str, RegistrationState);

/// Answers by a script, and after its end never.
struct Script {
    started: Instant,
    answers: Mutex<VecDeque<Answer>>,
    slowness: Duration,
    called: Mutex<Vec<Called>>,
    state: watch::Receiver<RegistrationState>,
}

impl Script {
    async fn call(&self, which: &'static str) -> Answer {
        self.called.lock().unwrap().push((self.started.elapsed(), which, *self.state.borrow()));
        sleep(self.slowness).await;
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(answer) => answer,
            None => pending().await,
        }
    }
}

impl Center for Arc<Script> {
    async fn register(&self, _: &Service) -> Answer {
        self.call("register").await
    }

    async fn beat(&self, _: &Service) -> Answer {
        self.call("beat").await
    }
}

struct Rig {
    script: Arc<Script>,
    told: Option<Told>,
    config: watch::Receiver<ServiceConfig>,
    state: watch::Receiver<RegistrationState>,
    stop: Arc<Notify>,
}

impl Rig {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let (config_sender, config) = watch::channel(ServiceConfig::default());
        let (state_sender, state) = watch::channel(RegistrationState::Registering);
        let script = Script {
            started: Instant::now(),
            answers: Mutex::new(answers.into_iter().collect()),
            slowness: Duration::ZERO,
            called: Mutex::default(),
            state: state.clone(),
        };
        let told = Told { config: config_sender, state: state_sender, file: None };
        Self { script: Arc::new(script), told: Some(told), config, state, stop: Arc::default() }
    }

    fn slow(mut self, slowness: Duration) -> Self {
        Arc::get_mut(&mut self.script).unwrap().slowness = slowness;
        self
    }

    fn run(&mut self) -> impl Future<Output = ()> + use<> {
        let service = Arc::new(Registration::builder("orders").service().unwrap());
        beat::run(self.script.clone(), service, INTERVAL, self.told.take().unwrap(), self.stop.clone())
    }

    /// What was called until the script ended.
    async fn called(&mut self) -> Vec<Called> {
        assert!(timeout(100 * HOUR, self.run()).await.is_err(), "it does not end by itself");
        assert!(self.script.answers.lock().unwrap().is_empty());
        self.script.called.lock().unwrap().clone()
    }
}

fn config(version: u64) -> ServiceConfig {
    ServiceConfig { value: json!({ "n": version }), version: json!(version) }
}

fn down() -> Answer {
    Err(ErrorKind::Unavailable.into())
}

fn refused(code: i64) -> Answer {
    Err(AuthError::new(ErrorKind::Rejected).with_code(code))
}

fn words(called: &[Called]) -> Vec<(&'static str, RegistrationState)> {
    called.iter().map(|(_, which, state)| (*which, *state)).collect()
}

fn pauses(called: &[Called]) -> Vec<f64> {
    called.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs_f64()).collect()
}

#[track_caller]
fn are_between(pauses: &[f64], expected: &[(f64, f64)]) {
    assert_eq!(pauses.len(), expected.len(), "{pauses:?}");
    for (pause, (least, most)) in pauses.iter().zip(expected) {
        // The timer's wheel turns by milliseconds.
        assert!(*least <= pause + 0.001 && *pause <= most + 0.002, "{pauses:?}, not {expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_and_states() {
    use RegistrationState::*;
    for (what, answers, expected) in [
        (
            "all is well",
            vec![Ok(config(1)), Ok(config(1))],
            vec![("register", Registering), ("beat", Online), ("beat", Online)],
        ),
        (
            "down at the start",
            vec![down(), down(), Ok(config(1))],
            vec![("register", Registering), ("register", Retrying), ("register", Retrying), ("beat", Online)],
        ),
        (
            "refused at the start",
            vec![refused(400), Ok(config(1))],
            vec![("register", Registering), ("register", Retrying), ("beat", Online)],
        ),
        (
            "down later: a heartbeat may do",
            vec![Ok(config(1)), down(), down(), Ok(config(1))],
            vec![
                ("register", Registering),
                ("beat", Online),
                ("beat", Retrying),
                ("beat", Retrying),
                ("beat", Online),
            ],
        ),
        (
            "forgotten, however it is worded, and down when told of it",
            vec![Ok(config(1)), refused(40401), down(), Ok(config(1)), refused(-1), Ok(config(1))],
            vec![
                ("register", Registering),
                ("beat", Online),
                ("register", Registering),
                ("register", Retrying),
                ("beat", Online),
                ("register", Registering),
                ("beat", Online),
            ],
        ),
    ] {
        let mut rig = Rig::new(answers);
        assert_eq!(words(&rig.called().await), expected, "{what}");
        assert_eq!((&*rig.config.borrow(), *rig.state.borrow()), (&config(1), Stopped), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_to_half_a_minute_and_begin_anew() {
    let mut answers: Vec<_> = (0..8).map(|_| down()).collect();
    answers.extend([Ok(config(1)), down(), refused(404), Ok(config(1))]);
    let called = Rig::new(answers).called().await;
    let growing = [(1.0, 1.1), (1.0, 2.2), (2.0, 4.4), (4.0, 8.8), (8.0, 17.6)];
    let longest = [(15.0, 33.0); 3];
    let after = [(54.0, 66.0), (1.0, 1.1), (0.0, 0.0), (54.0, 66.0)];
    are_between(&pauses(&called), &[&growing[..], &longest, &after].concat());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_asked_for_is_made() {
    let asks = |seconds| {
        let error = AuthError::new(ErrorKind::Unavailable);
        Err(error.with_retry_after(Duration::from_secs(seconds)))
    };
    let called = Rig::new([asks(60), asks(10), asks(1), Ok(config(1))]).called().await;
    are_between(&pauses(&called), &[(60.0, 66.0), (10.0, 11.0), (2.0, 4.4), (54.0, 66.0)]);
}

/// Services that were started together, or told the same, come back one after another.
#[tokio::test(start_paused = true)]
async fn no_two_services_call_at_once() {
    let beats = pauses(&Rig::new((0..300).map(|_| Ok(config(1)))).called().await);
    let failures = |_| [Ok(config(1)), down()];
    let retries = Rig::new((0..300).flat_map(failures)).called().await;
    let retries: Vec<_> = pauses(&retries).into_iter().skip(1).step_by(2).collect();
    for (pauses, least, most) in [(beats, 54.0, 66.0), (retries, 1.0, 1.1)] {
        let tenth = (most - least) / 10.0;
        for (start, end) in [(least, least + tenth), (most - tenth, most)] {
            assert!(pauses.iter().any(|pause| (start..=end).contains(pause)), "{start}..{end}: {pauses:?}");
        }
        are_between(&pauses, &vec![(least, most); pauses.len()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_configuration_is_told_once_and_never_taken_away() {
    let nothing = ServiceConfig { version: json!(9), ..ServiceConfig::default() };
    let newer = ServiceConfig { version: json!(2), ..config(1) };
    let answers =
        [Ok(config(1)), Ok(config(1)), Ok(nothing), down(), refused(404), Ok(newer.clone()), Ok(config(3))];
    let mut rig = Rig::new(answers);
    let mut changes = rig.config.clone();
    let journal = tokio::spawn(async move {
        let mut told = vec![];
        while changes.changed().await.is_ok() {
            told.push(changes.borrow_and_update().clone());
        }
        told
    });
    rig.called().await;
    assert_eq!(journal.await.unwrap(), [config(1), newer, config(3)]);
}

#[tokio::test(start_paused = true)]
async fn who_is_told_online_finds_the_configuration() {
    let mut rig = Rig::new([Ok(config(1))]);
    let (mut state, config_then) = (rig.state.clone(), rig.config.clone());
    let run = tokio::spawn(rig.run());
    state.wait_for(|state| *state == RegistrationState::Online).await.unwrap();
    assert_eq!(*config_then.borrow(), config(1));
    run.abort();
}

#[tokio::test(start_paused = true)]
async fn it_stops_between_two_calls() {
    let second = Duration::from_secs(1);
    for (what, calls, after, lasts) in [
        ("before the first", 0, 0, 0),
        ("during one", 1, 1, 2),
        ("in the pause after it", 1, 10, 0),
        ("during a heartbeat", 2, 1, 2),
    ] {
        let mut rig = Rig::new((0..5).map(|_| Ok(config(1)))).slow(3 * second);
        let (run, stop, script) = (rig.run(), rig.stop.clone(), rig.script.clone());
        let stopping = async {
            while script.called.lock().unwrap().len() < calls {
                sleep(Duration::from_millis(1)).await;
            }
            sleep(after * second).await;
            stop.notify_one();
            Instant::now()
        };
        // In this order, so that what is stopped before it begins does not begin.
        let (stopped, ()) = tokio::join!(stopping, run);
        let late = stopped.elapsed().saturating_sub(lasts * second);
        assert!(
            stopped.elapsed() + second / 100 >= lasts * second && late < second / 100,
            "{what}: {late:?}"
        );
        assert_eq!(script.called.lock().unwrap().len(), calls, "{what}");
        assert_eq!(*rig.state.borrow(), RegistrationState::Stopped, "{what}");
    }
}

/// Whatever hinders the file, the service has its configuration, and the file gets it once that is over.
#[tokio::test(start_paused = true)]
async fn a_file_that_cannot_be_written_is_tried_again_with_each_heartbeat() {
    let directory = std::env::temp_dir().join(format!("aigc-auth-registry-{}", std::process::id()));
    let path = directory.join("config.json");
    let mut rig = Rig::new((0..9).map(|_| Ok(config(7))));
    rig.told.as_mut().unwrap().file = Some(ConfigFile::new(path.clone()).into());
    let run = tokio::spawn(rig.run());
    rig.config.changed().await.unwrap();
    assert_eq!(*rig.config.borrow(), config(7));
    sleep(INTERVAL / 2).await;
    assert!(!path.exists(), "there is no directory");
    std::fs::create_dir_all(&directory).unwrap();
    sleep(INTERVAL * 2).await;
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    sleep(INTERVAL * 3).await;
    assert!(!path.exists(), "it is written once, and not with each heartbeat");
    std::fs::remove_dir_all(directory).unwrap();
    let expected =
        json!({ "name": "orders", "environment": "pro", "config": { "n": 7 }, "config_version": 7 });
    assert_eq!(kept, expected);
    run.abort();
}
