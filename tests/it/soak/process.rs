//! The process of a service, as the system sees it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use test_support::http::get;
use test_support::process::{Directory, PATIENCE, line_with};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::service::{CONNECTIONS, SERVICE, Settings, object};
use crate::support::test_process;

/// A service, which ends when this is dropped.
pub(super) struct Process {
    pub(super) address: SocketAddr,
    pub(super) id: u32,
    process: Child,
    /// It ends with this.
    input: Mutex<Option<ChildStdin>>,
    lines: Lines<BufReader<ChildStdout>>,
    directory: Directory,
}

/// What a process has open and running.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) threads: usize,
    pub(super) tasks: usize,
    /// Descriptors, by what they are of.
    pub(super) open: BTreeMap<String, usize>,
}

impl Process {
    /// Starts it, with a directory of its own in place of that of the settings.
    pub(super) async fn start(settings: Settings) -> Self {
        let directory = Directory::new("soak");
        let settings = Settings { directory: directory.0.display().to_string(), ..settings };
        let log = File::create(directory.0.join("log")).unwrap();
        let module = module_path!().replace("process", "service");
        let mut command = Command::from(test_process(&module, "child_is_the_service"));
        command.env(SERVICE, serde_json::to_string(&settings).unwrap()).kill_on_drop(true);
        // Of glibc: with an arena for each thread, what is free in one is of no use to another, and memory wanders.
        command.env("MALLOC_ARENA_MAX", "2");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = line_with(&mut lines, "listening on ").await;
        let address = line.split_once("listening on ").unwrap().1.parse().unwrap();
        let (id, input) = (process.id().unwrap(), Mutex::new(process.stdin.take()));
        Self { address, id, process, input, lines, directory }
    }

    /// How many KiB of its own it has in memory.
    pub(super) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(super) async fn vitals(&self) -> Value {
        object(&get(self.address, "/vitals", &[]).await.body)
    }

    /// What it holds. The connection that asks about its tasks is none of it.
    pub(super) async fn held(&self, ports: &[(&'static str, u16)]) -> Held {
        let tasks = usize::try_from(self.vitals().await["tasks"].as_u64().unwrap()).unwrap() - 1;
        let threads = fs::read_dir(format!("/proc/{}/task", self.id)).unwrap().count();
        Held { threads, tasks, open: self.open(ports) }
    }

    fn open(&self, ports: &[(&'static str, u16)]) -> BTreeMap<String, usize> {
        let sockets = self.sockets();
        let mut open = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{}/fd", self.id)).unwrap().flatten() {
            // One that was closed meanwhile.
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.display().to_string();
            let kind = match target.split_once(":[") {
                Some(("socket", inode)) => match sockets.get(inode.trim_end_matches(']')) {
                    Some(Socket { local, remote: 0, .. }) if *local == self.address.port() => "listener",
                    Some(Socket { local, .. }) if *local == self.address.port() => "callers",
                    Some(Socket { remote, .. }) => {
                        let known = ports.iter().find(|(_, port)| port == remote);
                        known.map_or(if *remote == self.address.port() { "itself" } else { "others" }, |it| {
                            it.0
                        })
                    }
                    None => "sockets",
                },
                Some((kind, _)) => kind,
                None => "files",
            };
            *open.entry(kind.to_owned()).or_default() += 1;
        }
        open
    }

    /// The TCP sockets of this network, by inode.
    fn sockets(&self) -> BTreeMap<String, Socket> {
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.id)).unwrap();
        let port = |address: &str| u16::from_str_radix(address.split_once(':').unwrap().1, 16).unwrap();
        let row = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            (fields[9].to_owned(), Socket { local: port(fields[1]), remote: port(fields[2]) })
        };
        table.lines().skip(1).map(row).collect()
    }

    pub(super) fn tell_to_end(&self) {
        drop(self.input.lock().unwrap().take());
    }

    /// Waits for its end. Returns what it counted.
    pub(super) async fn end(mut self) -> Value {
        self.tell_to_end();
        let line = line_with(&mut self.lines, "ended ").await;
        let ended = object(line.split_once("ended ").unwrap().1);
        let status = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        let log = self.log();
        assert!(status.success() && !log.contains("panicked"), "{status}: {log}");
        ended
    }

    /// What it wrote on its standard error.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.directory.0.join("log")).unwrap_or_default()
    }
}

struct Socket {
    local: u16,
    remote: u16,
}

impl Held {
    /// What this has more of than that.
    pub(super) fn beyond(&self, before: &Self) -> Vec<String> {
        let mut more = vec![];
        let mut compare = |what: &str, now: usize, then: usize| {
            if now > then {
                more.push(format!("{what}: {then} -> {now}"));
            }
        };
        compare("threads", self.threads, before.threads);
        compare("tasks", self.tasks, before.tasks);
        for (kind, count) in &self.open {
            // A pool keeps what it has opened: when all of it was in use at once is up to the callers.
            let pooled = if kind == "postgres" { POOLED } else { 0 };
            compare(kind, *count, before.open.get(kind).copied().unwrap_or_default().max(pooled));
        }
        more
    }
}

/// Connections to PostgreSQL, of two pools.
const POOLED: usize = 2 * CONNECTIONS as usize;

/// Between two looks at a process.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
