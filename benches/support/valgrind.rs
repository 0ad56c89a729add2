//! Instructions and allocations of an operation, counted by valgrind in processes of their own, as the difference between two
//! runs of different length.

use std::path::Path;
use std::process::{Command, Output};

/// The environment variable that tells a process under valgrind what to run: `name=count`.
const COUNTED: &str = "BENCH_COUNTED";

/// What this process is to run, and how often, where it runs under valgrind.
pub(crate) fn ordered() -> Option<(String, u32)> {
    let counted = std::env::var(COUNTED).ok()?;
    let (name, count) = counted.rsplit_once('=').expect("name=count");
    Some((name.to_owned(), count.parse().expect("a number")))
}

/// A program that runs an operation as it is [`ordered`] to.
pub(crate) struct Counted<'a> {
    /// How valgrind is called.
    pub(crate) valgrind: &'a [&'a str],
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [&'a str],
    /// The lengths of the two runs.
    pub(crate) times: [u32; 2],
}

impl Counted<'_> {
    /// Instructions of one operation; `None` where valgrind is not installed.
    pub(crate) fn instructions(&self, name: &str) -> Option<f64> {
        self.each(name, &["--tool=callgrind", "--callgrind-out-file=/dev/null"], |output| {
            find(&output.stderr, |line| line.split_once("Collected : ")?.1.trim().parse().ok())
        })
    }

    /// Allocations of one operation.
    pub(crate) fn allocations(&self, name: &str) -> Option<f64> {
        self.each(name, &["--tool=memcheck", "--leak-check=no"], |output| {
            find(&output.stderr, |line| {
                let allocs = line.split_once("total heap usage: ")?.1.split(' ').next()?;
                allocs.replace(',', "").parse().ok()
            })
        })
    }

    fn each(&self, name: &str, tool: &[&str], count: impl Fn(&Output) -> Option<f64>) -> Option<f64> {
        let run = |times: u32| count(&self.run(name, tool, times)?);
        let [few, many] = self.times;
        Some((run(many)? - run(few)?) / f64::from(many - few))
    }

    pub(crate) fn run(&self, name: &str, tool: &[&str], times: u32) -> Option<Output> {
        let (valgrind, more) = self.valgrind.split_first()?;
        let mut command = Command::new(valgrind);
        command.args(more).args(tool).arg(self.program).args(self.arguments);
        let output = command.env(COUNTED, format!("{name}={times}")).output().ok()?;
        // What ends early is cheap.
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        Some(output)
    }
}

fn find(output: &[u8], count: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    String::from_utf8_lossy(output).lines().find_map(count)
}
