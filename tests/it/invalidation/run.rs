//! One interleaving: its steps, and what has to hold after each.

use std::time::Duration;

use aigc_auth::{Secret, UserInfo, webhook};
use axum::body::Body;
use fastrand::Rng;
use futures_util::FutureExt;
use http::Request;
use serde_json::json;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::Coverage;
use super::center::{BOBS, CREDENTIALS, Said, Standing, State};
use super::rig::{Outcome, Rig, SECRET, TASKS, alive, ask_client, ask_service};

const NEGATIVE_TTL: u64 = 5;
/// How long a credential is not asked about again after a failure.
const PAUSE: u64 = 1;
/// When a refresh is due: at random between these.
const REFRESH: [u64; 2] = [210, 270];
const TTL: u64 = 300;
const STALE_UNTIL: u64 = 600;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask {
        credential: usize,
        through_layer: bool,
    },
    /// Lets the answer to this credential go.
    Release {
        credential: usize,
    },
    /// Changes alice at the center, which says nothing of it yet.
    Change(Standing),
    /// Reports the oldest change that was not reported yet.
    Report {
        naming: Naming,
        name: &'static str,
    },
    /// Delivers the last report once more.
    Repeat,
    /// Lets the handler that has begun first end.
    Handled {
        well: bool,
    },
    Wait {
        seconds: u64,
    },
    Failing(bool),
}

#[derive(Clone, Copy, Debug)]
enum Naming {
    Number,
    Text,
    Username,
    Both,
}

/// One interleaving.
pub(super) struct Run<'a> {
    rig: &'a Rig,
    seen: &'a mut Coverage,
    story: Story,
    asked: Vec<Asked>,
    deliveries: Vec<JoinHandle<u16>>,
    /// The version up to which changes were reported.
    reported: usize,
    /// The last report as it was signed.
    last: Option<Request<String>>,
    /// No request that begins now may be given an older one.
    floor: usize,
    events: usize,
    cached: [Cached; CREDENTIALS.len()],
    failures: usize,
    /// The outcome of the last request that ended.
    outcome: Option<Outcome>,
    /// By how many seconds the clock was moved.
    now: u64,
}

/// A request under way.
struct Asked {
    credential: usize,
    floor: usize,
    at: u64,
    failures: usize,
    /// How many answers that it waited for were outdated.
    outdated: usize,
    is_cached: bool,
    outcome: JoinHandle<Outcome>,
}

/// What the client should have cached for a credential.
#[derive(Clone, Copy, Default)]
struct Cached {
    /// When its user was fetched, if no event has come since.
    user: Option<u64>,
    /// Until when it may be refused.
    refused_until: u64,
    /// Until when it is not asked about again after a failure.
    paused_until: u64,
    /// The version that the center has spoken of last: what is older was overwritten.
    version: usize,
}

/// What happened, printed when it went wrong.
struct Story {
    seed: u64,
    steps: Vec<Step>,
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("SEED={}", self.seed);
            self.steps.iter().for_each(|step| println!("    {step:?}"));
        }
    }
}

impl<'a> Run<'a> {
    pub(super) async fn play(rig: &'a Rig, seed: u64, steps: usize, seen: &'a mut Coverage) {
        let mut random = Rng::with_seed(seed);
        let mut run = Self::begin(rig, seed, random.bool(), seen);
        if random.bool() {
            run.fill_cache();
        }
        for _ in 0..steps {
            let step = run.choose(&mut random);
            run.step(step).await;
        }
        run.end().await;
    }

    fn begin(rig: &'a Rig, seed: u64, textual_id: bool, seen: &'a mut Coverage) -> Self {
        *rig.center.state() = State { textual_id, ..State::new() };
        rig.client.clear_cache();
        Self {
            rig,
            seen,
            story: Story { seed, steps: vec![] },
            asked: vec![],
            deliveries: vec![],
            reported: 0,
            last: None,
            floor: 0,
            events: 0,
            cached: Default::default(),
            failures: 0,
            outcome: None,
            now: 0,
        }
    }

    /// Begins with all users cached, as if just looked up.
    fn fill_cache(&mut self) {
        for (credential, cached) in CREDENTIALS.iter().zip(&mut self.cached) {
            let (id, name) = if *credential == CREDENTIALS[BOBS] { (8, "bob") } else { (7, "alice") };
            self.rig.client.cache_user(credential, UserInfo::builder(id, name).nickname("v0"));
            cached.user = Some(0);
        }
    }

    fn choose(&self, random: &mut Rng) -> Step {
        let state = self.rig.center.state();
        let handling = !self.rig.handling.lock().unwrap().is_empty();
        let ask =
            Step::Ask { credential: random.usize(..CREDENTIALS.len()), through_layer: random.u8(..4) == 0 };
        match random.u8(..100) {
            30..52 if !state.held.is_empty() => {
                Step::Release { credential: state.held[random.usize(..state.held.len())].credential }
            }
            52..62 => Step::Change(match random.u8(..6) {
                0 => Standing::Disabled,
                1 => Standing::Deleted,
                _ => Standing::Active,
            }),
            62..76 if self.reported < state.version() => {
                let naming = [Naming::Number, Naming::Text, Naming::Username, Naming::Both];
                let name = match state.alice[self.reported + 1] {
                    Standing::Active => "user.updated",
                    Standing::Deleted => "user.deleted",
                    Standing::Disabled => {
                        ["user.updated", "user.disabled", "user.login", "user.created"][random.usize(..4)]
                    }
                };
                Step::Report { naming: naming[random.usize(..4)], name }
            }
            76..78 if self.last.is_some() => Step::Repeat,
            78..84 if handling => Step::Handled { well: random.u8(..4) > 0 },
            84..93 => Step::Wait { seconds: [1, NEGATIVE_TTL, REFRESH[1], TTL][random.usize(..4)] },
            93..97 => Step::Failing(!state.failing),
            _ => ask,
        }
    }

    async fn step(&mut self, step: Step) {
        self.story.steps.push(step);
        let arrivals = self.rig.center.state().arrivals;
        match step {
            Step::Ask { credential, through_layer } => self.ask(credential, through_layer).await,
            Step::Release { credential } => self.release(credential).await,
            Step::Change(standing) => self.rig.center.state().alice.push(standing),
            Step::Report { naming, name } => {
                self.reported += 1;
                let report = self.report(naming, name);
                self.deliver(report).await;
            }
            Step::Repeat => {
                let last = self.last.clone().expect("a report to repeat");
                self.deliver(last).await;
            }
            Step::Handled { well } => {
                let end = self.rig.handling.lock().unwrap().remove(0);
                end.send(well).unwrap();
                self.settle().await;
            }
            Step::Wait { seconds } => {
                self.now += seconds;
                self.rig.clock.advance(Duration::from_secs(seconds));
            }
            Step::Failing(failing) => self.rig.center.state().failing = failing,
        }
        let arrived = self.rig.center.state().arrivals - arrivals;
        assert!(arrived <= 1, "one lookup a credential");
    }

    async fn ask(&mut self, credential: usize, through_layer: bool) {
        let (at, cached) = (self.now, self.cached[credential].user);
        let is_cached = cached.is_some_and(|fetched| at < fetched + TTL);
        let arrivals = self.rig.center.state().arrivals;
        let (app, client, text) = (self.rig.app.clone(), self.rig.client.clone(), CREDENTIALS[credential]);
        let outcome = tokio::spawn(async move {
            if through_layer { ask_service(app, text).await } else { ask_client(client, text).await }
        });
        let (floor, failures) = (self.floor, self.failures);
        let floor = if credential == BOBS { 0 } else { floor.max(self.cached[credential].version) };
        self.asked.push(Asked { credential, floor, at, failures, outdated: 0, is_cached, outcome });
        if credential != BOBS && !self.rig.handling.lock().unwrap().is_empty() {
            self.seen.while_handling += 1;
        }
        let waiting = self.asked.len() - 1;
        self.settle().await;
        if is_cached {
            assert_eq!(self.asked.len(), waiting, "a cached user does not wait");
            let asked = self.rig.center.state().arrivals - arrivals;
            if cached.is_some_and(|fetched| at < fetched + REFRESH[0]) {
                assert_eq!(asked, 0, "and is not looked up");
                self.seen.cached_and_fresh += 1;
            } else {
                self.seen.refreshes += asked;
            }
        }
    }

    async fn release(&mut self, credential: usize) {
        let held = {
            let held = &mut self.rig.center.state().held;
            let Some(at) = held.iter().position(|held| held.credential == credential) else { return };
            held.remove(at)
        };
        let now = self.now;
        let is_outdated = credential != BOBS && held.events < self.events;
        let cached = &mut self.cached[credential];
        match held.said {
            Said::User(_) if is_outdated => {
                self.seen.outdated_in_flight += 1;
                let waiting = self.asked.iter_mut().filter(|asked| asked.credential == credential);
                waiting.for_each(|asked| asked.outdated += 1);
            }
            Said::User(_) => *cached = Cached { user: Some(now), version: held.version, ..*cached },
            Said::Refusal => {
                let refused_until = now + NEGATIVE_TTL;
                *cached = Cached { user: None, refused_until, version: held.version, ..*cached };
                self.seen.refused_in_flight += usize::from(is_outdated);
            }
            Said::Nothing => {
                self.failures += 1;
                cached.paused_until = now + PAUSE;
            }
        }
        let (said, entries) = (held.said, self.rig.client.cache_len());
        let arrivals = self.rig.center.state().arrivals;
        held.release();
        self.settle().await;
        match said {
            Said::User(_) if is_outdated => {
                assert!(self.rig.client.cache_len() <= entries, "an outdated answer was cached");
            }
            Said::Nothing => {
                assert_eq!(self.rig.center.state().arrivals, arrivals, "a failing center is left alone");
            }
            _ => {}
        }
    }

    fn report(&self, naming: Naming, name: &str) -> Request<String> {
        let mut data = match naming {
            Naming::Number => json!({"id": 7}),
            Naming::Text => json!({"id": "7"}),
            Naming::Username => json!({"username": "alice"}),
            Naming::Both => json!({"id": 7, "username": "alice"}),
        };
        if self.rig.center.state().alice[self.reported] == Standing::Disabled {
            data["status"] = json!("disabled");
        }
        data["version"] = json!(format!("{} of {}", self.reported, self.story.seed));
        let body = json!({ "event": name, "data": data }).to_string();
        let signature = webhook::sign(body.as_bytes(), &Secret::from(SECRET));
        Request::post("/webhook/auth").header("x-webhook-signature", signature).body(body).unwrap()
    }

    async fn deliver(&mut self, report: Request<String>) {
        self.last = Some(report.clone());
        self.events += 1;
        self.rig.center.state().events = self.events;
        self.cached[..BOBS].iter_mut().for_each(|cached| cached.user = None);
        let app = self.rig.app.clone();
        self.deliveries.push(tokio::spawn(async move {
            app.oneshot(report.map(Body::from)).await.unwrap().status().as_u16()
        }));
        self.settle().await;
        self.floor = self.reported;
        self.seen.events += 1;
    }

    /// Runs until all tasks wait for the test, and checks the requests that have ended.
    async fn settle(&mut self) {
        self.rig.turn_until(|| self.is_quiet()).await;
        for asked in self.asked.extract_if(.., |asked| asked.outcome.is_finished()).collect::<Vec<_>>() {
            self.check(asked);
        }
        for delivery in self.deliveries.extract_if(.., |delivery| delivery.is_finished()) {
            let status = delivery.now_or_never().unwrap().unwrap();
            assert!(matches!(status, 200 | 500), "{status}");
        }
    }

    /// Whether no task can go on: each task either waits for an answer that is held or for the end of a handler
    /// that has begun, or waits for such a task.
    fn is_quiet(&self) -> bool {
        let state = self.rig.center.state();
        let is_held = |asked: &Asked| state.held.iter().any(|held| held.credential == asked.credential);
        let waiting = self.asked.iter().filter(|asked| !asked.outcome.is_finished());
        let delivering = self.deliveries.iter().filter(|delivery| !delivery.is_finished()).count();
        let handling = self.rig.handling.lock().unwrap().len();
        waiting.clone().all(is_held)
            && (delivering == 0 || handling > 0)
            && alive() == TASKS + waiting.count() + state.held.len() + delivering + handling
    }

    fn check(&mut self, asked: Asked) {
        let outcome = asked.outcome.now_or_never().unwrap().unwrap();
        let (now, cached) = (self.now, self.cached[asked.credential]);
        match outcome {
            Outcome::User(version) => {
                assert!(version >= asked.floor, "given version {version} after {} was reported", asked.floor);
                let standing = self.rig.center.state().alice[version];
                assert!(asked.credential == BOBS || standing == Standing::Active);
                self.seen.users += 1;
                self.seen.served_stale +=
                    usize::from(cached.user.is_some_and(|fetched| now >= fetched + TTL));
            }
            Outcome::Refused => {
                assert!(asked.at < cached.refused_until, "refused for no reason");
                self.seen.refusals += 1;
            }
            Outcome::Unavailable => {
                let failed = self.failures > asked.failures || asked.at < cached.paused_until;
                assert!(failed || asked.outdated >= 3, "unavailable for no reason");
                let is_cached = cached.user.is_some_and(|fetched| now < fetched + STALE_UNTIL);
                assert!(!is_cached, "the user was still cached");
                self.seen.unavailable += 1;
            }
        }
        assert!(!asked.is_cached || matches!(outcome, Outcome::User(_)), "cached, and {outcome:?}");
        self.outcome = Some(outcome);
    }

    /// Sets everything right, and sees that all is well then.
    async fn end(mut self) {
        self.step(Step::Failing(false)).await;
        while self.reported < self.rig.center.state().version() {
            self.step(Step::Report { naming: Naming::Both, name: "user.updated" }).await;
        }
        while !self.rig.handling.lock().unwrap().is_empty() {
            self.step(Step::Handled { well: true }).await;
        }
        self.release_all().await;
        assert!(self.asked.is_empty() && self.deliveries.is_empty(), "a request hangs");
        // By then the negative TTL is over, and the circuit breaker lets a call through.
        self.step(Step::Wait { seconds: NEGATIVE_TTL }).await;
        let credential = self.floor % BOBS;
        self.step(Step::Ask { credential, through_layer: false }).await;
        self.release_all().await;
        let expected = {
            let state = self.rig.center.state();
            match state.alice[state.version()] {
                Standing::Active => Outcome::User(state.version()),
                Standing::Disabled | Standing::Deleted => Outcome::Refused,
            }
        };
        assert_eq!(self.outcome, Some(expected));
        if self.failures > 0 {
            // A call that succeeds, so that the next interleaving begins with a clean slate.
            self.rig.client.clear_cache();
            self.cached = Default::default();
            self.step(Step::Ask { credential: BOBS, through_layer: false }).await;
            self.release_all().await;
        }
    }

    async fn release_all(&mut self) {
        loop {
            let Some(credential) = self.rig.center.state().held.first().map(|held| held.credential) else {
                return;
            };
            self.step(Step::Release { credential }).await;
        }
    }
}
