//! Whole services over loopback, usage records on: `examples/full_service`, and the reference SDK under uvicorn. Each has a core,
//! and the load generator and the auth center share another.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::center::Center;
use crate::options::Options;
use crate::orders::{MEASURED, pinned};
use crate::spread::Spread;
use crate::wrk;

const ROUNDS: usize = 5;
/// Seconds; a service is started anew for each round, so that nothing is left of the last one.
const WARM: u32 = 1;
const LOAD: u32 = 4;
/// Which part of its core a service has to have had for a round to count: with less, other work of the machine was measured, or the
/// load.
pub(crate) const ENOUGH: f64 = 0.9;
/// How often a round that does not count is done again. The one with most of its core stays.
const AGAIN: usize = 3;
/// Ticks a second of the kernel's accounts.
const TICKS: f64 = 100.0;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Baseline,
    Sdk,
}

/// A service, by rounds.
pub(crate) struct Service {
    pub(crate) kind: Kind,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    pub(crate) per_second: Vec<f64>,
    pub(crate) median: Vec<f64>,
    pub(crate) p99: Vec<f64>,
    /// Microseconds of the processor a request.
    pub(crate) processor: Vec<f64>,
    /// Which part of its core the service took, and which part of theirs `wrk` and the auth center.
    pub(crate) busy: Vec<f64>,
    pub(crate) load_busy: Vec<f64>,
    /// Usage records that the auth center got meanwhile, a request.
    pub(crate) records: Vec<f64>,
}

/// What was seen of a service in a round.
struct Round {
    load: wrk::Load,
    processor: f64,
    busy: f64,
    load_busy: f64,
    records: f64,
}

struct Running {
    child: Child,
    address: SocketAddr,
    /// Held open, for the lines that the service prints later.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn new(kind: Kind, program: &Path, arguments: &[&Path]) -> Self {
        let [per_second, median, p99, processor, busy, load_busy, records] = [const { vec![] }; 7];
        let arguments = arguments.iter().map(|argument| argument.to_path_buf()).collect();
        let program = program.to_owned();
        Self { kind, program, arguments, per_second, median, p99, processor, busy, load_busy, records }
    }

    fn start(&self, center: &Center, room: &Path) -> Running {
        let mut command: Command = pinned(MEASURED, &self.program);
        let mut child = command
            .args(&self.arguments)
            .current_dir(room)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .envs([("AIGC_AUTH_APP_ID", "app"), ("AIGC_AUTH_APP_SECRET", "secret"), ("BIND", "127.0.0.1:0")])
            .env("AIGC_AUTH_BASE_URL", &center.url)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let listening = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("listening on http://").and_then(|address| address.parse().ok())
        });
        Running { child, address: listening.expect("the service says where it listens"), _lines: lines }
    }

    fn try_round(&self, center: &Center, room: &Path, token: &str) -> Round {
        let service = self.start(center, room);
        wrk::run(service.address, token, WARM);
        center.take_records();
        let read = || [ticks(service.child.id()), ticks(std::process::id())];
        let (before, started) = (read(), Instant::now());
        let load = wrk::run(service.address, token, LOAD);
        let (after, elapsed) = (read(), started.elapsed().as_secs_f64());
        let [spent, load_spent] = [0, 1].map(|of| (after[of] - before[of]) / TICKS);
        Round {
            processor: spent * 1e6 / load.requests,
            busy: spent / elapsed,
            load_busy: load_spent / elapsed,
            records: center.take_records() as f64 / load.requests,
            load,
        }
    }

    fn round(&mut self, center: &Center, room: &Path, token: &str) {
        let mut round = self.try_round(center, room, token);
        for _ in 0..AGAIN {
            if round.busy >= ENOUGH {
                break;
            }
            let again = self.try_round(center, room, token);
            if again.busy > round.busy {
                round = again;
            }
        }
        self.per_second.push(round.load.per_second);
        self.median.push(round.load.median);
        self.p99.push(round.load.p99);
        self.processor.push(round.processor);
        self.busy.push(round.busy);
        self.load_busy.push(round.load_busy);
        self.records.push(round.records);
    }

    /// Whether it had its core in the rounds that the median is of.
    pub(crate) fn counts(&self) -> bool {
        Spread::of(self.busy.iter().copied()).median >= ENOUGH
    }
}

/// Ticks of the processor that a process has had: all its threads together, and those of its children that have ended.
fn ticks(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // The name, in parentheses, may have any character.
    let fields = stat.rsplit_once(')').expect("a name").1;
    fields.split_whitespace().skip(11).take(4).map(|field| field.parse::<f64>().expect("ticks")).sum()
}

/// `None` if they were not asked for.
pub(crate) fn measure(options: &Options, center: &Center, token: &str) -> Option<Vec<Service>> {
    let ours = Service::new(Kind::Ours, options.full_service.as_ref()?, &[]);
    let sdk = Service::new(Kind::Sdk, options.sdk_python.as_ref()?, &[&options.sdk_service]);
    let other =
        options.baseline.as_ref().map(|baseline| Service::new(Kind::Baseline, &baseline.full_service, &[]));
    let mut services: Vec<Service> = [ours, sdk].into_iter().chain(other).collect();
    for _ in 0..ROUNDS {
        services.iter_mut().for_each(|service| service.round(center, &options.room, token));
    }
    Some(services)
}
