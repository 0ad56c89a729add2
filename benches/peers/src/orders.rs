//! The other end of a worker's pipes.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The core of what is measured.
pub(crate) const MEASURED: &str = "0";
/// The core of what measures.
pub(crate) const MEASURING: &str = "1";

/// A worker of one version of axum and one revision of this crate; it ends with its standard input.
pub(crate) struct Worker {
    pub(crate) program: PathBuf,
    pub(crate) kind: &'static str,
    /// The revision, where it is not this one.
    pub(crate) baseline: Option<String>,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A case that listens.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    pub(crate) account: String,
    pub(crate) credential: String,
}

/// A program that runs on one core only.
pub(crate) fn pinned(core: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(core).arg(program);
    command
}

impl Worker {
    pub(crate) fn start(program: &Path, kind: &'static str, material: &Path, baseline: Option<&str>) -> Self {
        let mut child = pinned(MEASURED, program)
            .args(["worker", kind])
            .arg(material)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset, of Debian's util-linux, starts a worker");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            program: program.to_owned(),
            kind,
            baseline: baseline.map(str::to_owned),
            child,
            orders,
            answers,
        }
    }

    fn order(&mut self, order: &str) -> String {
        let orders = self.orders.as_mut().expect("until the end");
        writeln!(orders, "{order}").expect("the worker reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the worker answers");
        assert!(!answer.is_empty(), "the worker of {} ended at: {order}", self.kind);
        answer.trim_end().to_owned()
    }

    /// Nanoseconds of a request.
    pub(crate) fn run(&mut self, case: &str, count: u32) -> f64 {
        self.order(&format!("run {case} {count}")).parse::<f64>().expect("nanoseconds") / f64::from(count)
    }

    pub(crate) fn serve(&mut self, case: &str) -> Listening {
        let answer = self.order(&format!("serve {case}"));
        let mut words = answer.splitn(3, ' ');
        let mut word = || words.next().expect("three words").to_owned();
        Listening { address: word().parse().expect("an address"), account: word(), credential: word() }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}
