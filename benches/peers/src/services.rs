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
use crate::wrk;

const ROUNDS: usize = 5;
/// Seconds; a service is started anew for each round, so that nothing is left of the last one.
const WARM: u32 = 1;
const LOAD: u32 = 4;
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
    /// Which part of the core the service took.
    pub(crate) busy: Vec<f64>,
    /// Usage records that the auth center got meanwhile, a request.
    pub(crate) records: Vec<f64>,
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
        let [per_second, median, p99, processor, busy, records] = [const { vec![] }; 6];
        let arguments = arguments.iter().map(|argument| argument.to_path_buf()).collect();
        let program = program.to_owned();
        Self { kind, program, arguments, per_second, median, p99, processor, busy, records }
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

    fn round(&mut self, center: &Center, room: &Path, token: &str) {
        let service = self.start(center, room);
        wrk::run(service.address, token, WARM);
        center.take_records();
        let (before, started) = (ticks(&service.child), Instant::now());
        let load = wrk::run(service.address, token, LOAD);
        let (spent, elapsed) = ((ticks(&service.child) - before) / TICKS, started.elapsed().as_secs_f64());
        self.per_second.push(load.per_second);
        self.median.push(load.median);
        self.p99.push(load.p99);
        self.processor.push(spent * 1e6 / load.requests);
        self.busy.push(spent / elapsed);
        self.records.push(center.take_records() as f64 / load.requests);
    }
}

/// Ticks of the processor that the process has had, all its threads together.
fn ticks(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("the service runs");
    // The name, in parentheses, may have any character.
    let fields = stat.rsplit_once(')').expect("a name").1;
    fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().expect("ticks")).sum()
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
