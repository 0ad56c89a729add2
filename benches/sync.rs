//! Pushes of 100,000 users, beside the reference client's of 2,000, to one auth center in a process of its own:
//! `cargo bench -p aigc-auth-benches --bench sync`. Linux only: memory and processor time are read from `/proc`.
//!
//! Three processes: the center, this crate's push, and the reference client, for which `AIGC_AUTH_REFERENCE_PYTHON` names
//! a Python that has it (`tests/run.sh` installs it). The two take turns, and medians are compared, for others use the
//! machine, too. Each chunk's checkpoint is synced to the disk: a slow disk shows.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use aigc_auth::AuthClient;
use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    AllUsers, LegacyStore, LegacyUser, NewPassword, PasswordPolicy, PushOptions, StoreError, SyncConfig,
    SyncMode, UserSync,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

/// What a process of this bench is there for: `center`, or `push` to the center at `CENTER`.
const ROLE: &str = "BENCH_SYNC_ROLE";
const CENTER: &str = "BENCH_SYNC_CENTER";
const USERS: &str = "BENCH_SYNC_USERS";
const ROUND: &str = "BENCH_SYNC_ROUND";

/// So many users, each made when it is read, and the round that they are for.
struct Generated(u64, String);

impl LegacyStore for Generated {
    async fn find(&self, _: &str, _: &Value) -> Result<Option<LegacyUser>, StoreError> {
        Ok(None)
    }

    async fn create(&self, _: LegacyUser, _: NewPassword) -> Result<(), StoreError> {
        Err("not asked for".into())
    }

    async fn update(&self, _: &str, _: &Value, _: LegacyUser) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn remove(&self, _: &str, _: &Value) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn all(&self, after: Option<Value>) -> AllUsers {
        let first = after.and_then(|after| after.as_u64()).unwrap_or_default() + 1;
        let round = self.1.clone();
        let user = move |number: u64| {
            let user = LegacyUser::from_iter([
                ("username", format!("user-{round}-{number}")),
                ("email", format!("user-{number}@example.com")),
                ("nickname", format!("用户 {number}")),
                ("phone", format!("138{number:08}")),
                ("company", "Example Inc.".to_owned()),
                ("department", format!("Department {}", number % 50)),
            ]);
            Ok((json!(number), user))
        };
        stream::iter(first..=self.0).map(user).boxed()
    }
}

fn is_bench() -> bool {
    // `cargo test` only wants to know that it works.
    std::env::args().any(|argument| argument == "--bench")
}

/// A process of this bench, which ends when its standard input does, or earlier.
fn process(role: &str, variables: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this bench"));
    command.env(ROLE, role).envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process")
}

/// Serves until standard input ends.
async fn center() {
    let center = AuthCenter::start().await;
    println!("{}", center.url());
    let read = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(read).await.expect("no panic").expect("the end");
}

/// Pushes all users twice, and tells how long it took and what it cost, the first time and the second.
async fn push() {
    let variable = |name| std::env::var(name).expect(name);
    let users = variable(USERS).parse().expect("a number");
    let client = AuthClient::builder("test-app", "test-secret", variable(CENTER)).build().expect("a client");
    let config = SyncConfig::new().mode(SyncMode::LegacyToAuth);
    let config = config.password_policy(PasswordPolicy::unified("first password"));
    let sync =
        UserSync::new(client, Generated(users, variable(ROUND)), config).expect("a mapping of the username");
    let file = std::env::temp_dir().join(format!("aigc-auth-bench-{}.json", std::process::id()));
    for is_first in [true, false] {
        let (before, spent) = (memory("VmRSS:"), processor(Path::new("/proc/self")));
        let started = Instant::now();
        let summary = sync.push_all(PushOptions::new().checkpoint(&file)).finish().await.expect("a push");
        let took = started.elapsed();
        let expected = if is_first { (users, 0) } else { (0, users) };
        assert_eq!((summary.created, summary.skipped), expected, "{summary:?}");
        let grown = memory("VmHWM:").saturating_sub(before);
        let spent = processor(Path::new("/proc/self")) - spent;
        println!("{}", json!({"seconds": took.as_secs_f64(), "grown": grown, "spent": spent}));
    }
    std::fs::remove_file(file).expect("a checkpoint");
}

/// In KiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The processor's seconds that a process has had, of which a second has a hundred ticks.
fn processor(process: &Path) -> f64 {
    let stat = std::fs::read_to_string(process.join("stat")).expect("Linux");
    // After the name, which may be anything: user and system time are the 12th and 13th.
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks") / 100.0).sum()
}

/// Users per second of the reference client; `None`, with a note, where it is not installed.
fn reference(url: &str, users: u64, round: usize) -> Option<f64> {
    let Some(python) = std::env::var_os("AIGC_AUTH_REFERENCE_PYTHON").map(PathBuf::from) else {
        println!("no reference client: AIGC_AUTH_REFERENCE_PYTHON is not set; tests/run.sh installs it");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/push_users.py");
    let mut command = Command::new(python);
    command.args(["-s", "-B", "-X", "utf8"]).arg(script).env_clear();
    command.env("AUTH_CENTER_URL", url).env("USERS", users.to_string()).env("ROUND", round.to_string());
    let output = command.stderr(Stdio::inherit()).output().expect("the reference's Python");
    assert!(output.status.success(), "{}", output.status);
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&said["success"], &said["failed"]), (&json!(users), &json!(0)), "{said}");
    Some(users as f64 / said["seconds"].as_f64().expect("seconds"))
}

fn main() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match std::env::var(ROLE).as_deref() {
        Ok("center") => return runtime().block_on(center()),
        Ok(_) => return runtime().block_on(push()),
        Err(_) => {}
    }
    let (users, theirs, rounds) = if is_bench() { (100_000, 2_000, 5) } else { (500, 20, 1) };
    let mut center = process("center", &[]);
    let mut url = String::new();
    BufReader::new(center.stdout.take().expect("piped")).read_line(&mut url).expect("a URL");
    let url = url.trim();
    let account = PathBuf::from(format!("/proc/{}", center.id()));

    let [mut reference_rates, mut new_rates, mut known_rates] = [const { Vec::new() }; 3];
    let (mut most, mut here, mut there) = (0.0_f64, 0.0, 0.0);
    for round in 0..rounds {
        reference_rates.extend(reference(url, theirs, round));
        let before = processor(&account);
        let variables = [(CENTER, url), (USERS, &users.to_string()), (ROUND, &round.to_string())];
        let output = process("push", &variables).wait_with_output().expect("its output");
        assert!(output.status.success(), "{}", output.status);
        there += processor(&account) - before;
        let lines = String::from_utf8(output.stdout).expect("text");
        for (line, rates) in lines.lines().zip([&mut new_rates, &mut known_rates]) {
            let said: Value = serde_json::from_str(line).expect("JSON");
            let number = |name: &str| said[name].as_f64().expect("a number");
            rates.push(users as f64 / number("seconds"));
            most = most.max(number("grown") / 1_024.0);
            here += number("spent");
        }
    }
    drop(center.stdin.take());
    center.wait().expect("it ends");

    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    };
    let new = median(&mut new_rates).expect("a push");
    let known = median(&mut known_rates).expect("a push");
    println!("{users} users: {new:.0} users/s if they are new, {known:.0} users/s if they are known");
    println!("memory: {most:.1} MiB more at most");
    println!("processor time of {} pushes: {here:.2} s here, {there:.2} s at the center", 2 * rounds);
    if let Some(reference) = median(&mut reference_rates) {
        println!("the reference client, {theirs} new users: {reference:.0} users/s");
        println!("ratio: {:.0}, in the worst pair of rounds {:.0}", new / reference, {
            new_rates[0] / reference_rates[reference_rates.len() - 1]
        });
    }
    assert!(most < 64.0, "the memory is not bounded");
}
