//! One history: what happens, and what requests are given meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aigc_auth::testing;
use fastrand::Rng;
use tokio::task::JoinSet;

use super::model::{Acknowledged, Findings, Served};
use super::replica::BOUND;
use super::rig::{Kind, REPLICAS, Rig, Seats, ask, tell};
use crate::support::until_async;

const USERS: usize = 2;
const LENGTH: Duration = Duration::from_millis(2_500);
/// Between two requests to a replica.
const PACE: Duration = Duration::from_millis(25);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Target {
    Redis,
    Path(usize),
    Replica(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Killed,
    /// SIGSTOP.
    Paused,
    Flushed,
    Cut,
    /// Nothing arrives, and neither side notices.
    Mute,
    /// The same for the connection that listens alone.
    Deaf,
}

pub(super) struct History<'a> {
    rig: &'a mut Rig,
    random: Rng,
    users: Arc<[String; USERS]>,
    started: Instant,
    /// What is out of order, and until when.
    broken: HashMap<Target, (Fault, Instant)>,
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    telling: JoinSet<()>,
    story: Story,
}

/// What happened, printed when it went wrong.
struct Story {
    seed: u64,
    lines: Vec<String>,
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print();
        }
    }
}

impl Story {
    fn print(&self) {
        println!("SEED={}", self.seed);
        self.lines.iter().for_each(|line| println!("    {line}"));
    }
}

impl<'a> History<'a> {
    pub(super) async fn play(rig: &'a mut Rig, seed: u64, number: u64) -> Findings {
        // Users of its own: nothing is left of other histories.
        let users: [String; USERS] = std::array::from_fn(|user| format!("{:?}-{number}-{user}", rig.kind));
        for name in &users {
            rig.center.add_user(testing::user(name.as_str()).nickname("v0"));
            rig.center.add_token(token(name), name);
        }
        let mut history = Self {
            rig,
            random: Rng::with_seed(seed),
            users: Arc::new(users),
            started: Instant::now(),
            broken: HashMap::new(),
            acknowledged: Arc::default(),
            telling: JoinSet::new(),
            story: Story { seed, lines: vec![] },
        };
        let asking = history.start_asking();
        let faults = history.happen().await;
        history.repair_all().await;
        // What has not been acknowledged is told until it is.
        let telling = async { while history.telling.join_next().await.is_some() {} };
        let told = tokio::time::timeout(Duration::from_secs(20), telling).await;
        assert!(told.is_ok(), "a change is not acknowledged 20 s after everything was repaired");
        tokio::time::sleep(BOUND + Duration::from_millis(200)).await;
        let served = asking.stop().await;
        history.check_end().await;
        history.rig.check_rules().await;
        let mut findings = Findings { histories: 1, faults, ..Findings::default() };
        findings.judge(&served, &history.acknowledged.lock().unwrap());
        if !findings.violations.is_empty() {
            findings.violations.insert(0, format!("SEED={seed}"));
            history.story.print();
        }
        findings
    }

    /// Lets things happen, for a while. Returns how many faults there were.
    async fn happen(&mut self) -> usize {
        let mut versions = [0; USERS];
        let mut faults = 0;
        while self.started.elapsed() < LENGTH {
            tokio::time::sleep(Duration::from_millis(self.random.u64(5..150))).await;
            self.repair(Instant::now()).await;
            if self.random.u32(..100) < 45 {
                let user = self.random.usize(..USERS);
                versions[user] += 1;
                self.change(user, versions[user]);
            } else {
                faults += usize::from(self.fault().await);
            }
        }
        faults
    }

    /// Changes a user at the center, which tells one replica after the other until one of them acknowledges it.
    fn change(&mut self, user: usize, version: usize) {
        let name = self.users[user].clone();
        self.note(&format!("user {user} is version {version}"));
        self.rig.center.update_user(&name, |user| user.nickname(format!("v{version}")));
        let (seats, acknowledged) = (self.rig.seats.clone(), self.acknowledged.clone());
        let mut random = Rng::with_seed(self.random.u64(..));
        self.telling.spawn(async move {
            loop {
                let replica = random.usize(..REPLICAS);
                let seat = seats.lock().unwrap()[replica];
                if let Some(address) = seat.address
                    && let Some(200) = tell(address, "user.updated", &name, version).await
                {
                    let at = Instant::now();
                    let one = Acknowledged { at, replica, life: seat.life, user, version };
                    return acknowledged.lock().unwrap().push(one);
                }
                tokio::time::sleep(Duration::from_millis(random.u64(20..120))).await;
            }
        });
    }

    /// Breaks something, unless it is broken already.
    async fn fault(&mut self) -> bool {
        let replica = self.random.usize(..REPLICAS);
        let processes = self.rig.kind == Kind::Processes;
        let (target, fault, longest) = match self.random.u32(..10) {
            0 => (Target::Redis, Fault::Killed, 600),
            1 => (Target::Redis, Fault::Paused, 1_500),
            2 => (Target::Redis, Fault::Flushed, 1),
            3 => (Target::Path(replica), Fault::Cut, 1),
            4 | 5 => (Target::Path(replica), Fault::Mute, 2_000),
            6 | 7 => (Target::Path(replica), Fault::Deaf, 3_000),
            8 if processes => (Target::Replica(replica), Fault::Paused, 2_000),
            _ => (Target::Replica(replica), Fault::Killed, 300),
        };
        if self.broken.contains_key(&target) {
            return false;
        }
        let lasts = Duration::from_millis(self.random.u64(..longest));
        self.note(&format!("{target:?} is {fault:?} for {lasts:?}"));
        match (target, fault) {
            (Target::Redis, Fault::Killed) => self.rig.redis.kill().await,
            (Target::Redis, Fault::Paused) => self.rig.redis.signal("STOP"),
            (Target::Redis, _) => self.rig.redis.run(&["FLUSHALL"]).await,
            (Target::Path(path), Fault::Cut) => self.rig.paths[path].cut(),
            (Target::Path(path), Fault::Mute) => self.rig.paths[path].set_mute(true),
            (Target::Path(path), _) => self.rig.paths[path].set_deaf(true),
            (Target::Replica(replica), Fault::Paused) => self.rig.signal_replica(replica, "STOP"),
            (Target::Replica(replica), _) => self.rig.kill_replica(replica),
        }
        self.broken.insert(target, (fault, Instant::now() + lasts));
        true
    }

    /// Repairs what has been broken for long enough.
    async fn repair(&mut self, now: Instant) {
        let due: Vec<_> = self.broken.extract_if(|_, (_, until)| *until <= now).collect();
        for (target, (fault, _)) in due {
            self.note(&format!("{target:?} is no longer {fault:?}"));
            match (target, fault) {
                (Target::Redis, Fault::Killed) => self.rig.redis.start_again().await,
                (Target::Redis, Fault::Paused) => self.rig.redis.signal("CONT"),
                (Target::Path(path), Fault::Mute) => self.rig.paths[path].set_mute(false),
                (Target::Path(path), Fault::Deaf) => self.rig.paths[path].set_deaf(false),
                (Target::Replica(replica), Fault::Paused) => self.rig.signal_replica(replica, "CONT"),
                (Target::Replica(replica), _) => self.rig.start_replica(replica).await,
                _ => {}
            }
        }
    }

    async fn repair_all(&mut self) {
        self.repair(Instant::now() + Duration::from_secs(60)).await;
    }

    /// After everything is repaired, everybody gets the newest.
    async fn check_end(&self) {
        for replica in 0..REPLICAS {
            let address = self.rig.seats.lock().unwrap()[replica].address.unwrap();
            for name in self.users.iter() {
                let all = self.rig.center.users();
                let user = all.iter().find(|user| user.username() == name).unwrap();
                let newest: usize = user.nickname().unwrap()[1..].parse().unwrap();
                until_async("the newest version is served", async || {
                    ask(address, &token(name)).await == Some(Ok(newest))
                })
                .await;
            }
        }
    }

    fn note(&mut self, what: &str) {
        let at = self.started.elapsed().as_millis();
        self.story.lines.push(format!("{at:>5} ms {what}"));
    }

    /// Sends requests to each replica, all the time.
    fn start_asking(&self) -> Asking {
        let mut asking = Asking { tasks: JoinSet::new(), served: Arc::default() };
        for replica in 0..REPLICAS {
            let (users, seats, served) = (self.users.clone(), self.rig.seats.clone(), asking.served.clone());
            asking.tasks.spawn(ask_always(replica, users, seats, served));
        }
        asking
    }
}

struct Asking {
    tasks: JoinSet<()>,
    served: Arc<Mutex<Vec<Served>>>,
}

impl Asking {
    async fn stop(mut self) -> Vec<Served> {
        self.tasks.shutdown().await;
        std::mem::take(&mut *self.served.lock().unwrap())
    }
}

async fn ask_always(
    replica: usize,
    users: Arc<[String; USERS]>,
    seats: Seats,
    served: Arc<Mutex<Vec<Served>>>,
) {
    for user in (0..USERS).cycle() {
        let seat = seats.lock().unwrap()[replica];
        let at = Instant::now();
        if let Some(address) = seat.address
            && let Some(Ok(version)) = ask(address, &token(&users[user])).await
        {
            served.lock().unwrap().push(Served { at, replica, life: seat.life, user, version });
        }
        tokio::time::sleep(PACE).await;
    }
}

fn token(username: &str) -> String {
    format!("token-of-{username}")
}
