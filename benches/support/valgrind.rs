//! Instructions and allocations of an operation, counted by valgrind in processes of their own, as the difference between two
//! runs of different length.

use std::collections::HashMap;
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

    /// Instructions of one operation but for those of the C library's allocator: how far it has to look for a block depends on what
    /// a program has freed since its start, and so changes with each build.
    /// Of one run, and of what runs within [`repeat`]: a start differs by some thousands, as seeds are random.
    pub(crate) fn instructions_without_allocator(&self, name: &str) -> Option<f64> {
        let [_, times] = self.times;
        let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/stdout", "--toggle-collect=*::repeat"];
        let output = self.run(name, &tool, times)?;
        let sum = outside_of_allocator(&String::from_utf8_lossy(&output.stdout));
        (sum > 0).then(|| sum as f64 / f64::from(times))
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

    fn run(&self, name: &str, tool: &[&str], times: u32) -> Option<Output> {
        let (valgrind, more) = self.valgrind.split_first()?;
        let mut command = Command::new(valgrind);
        command.args(more).args(tool).arg(self.program).args(self.arguments);
        command.env(COUNTED, format!("{name}={times}")).output().ok()
    }
}

/// Runs an operation as often as it is counted. Never inlined, for valgrind knows it by its name.
#[inline(never)]
pub(crate) fn repeat(count: u32, operation: &mut dyn FnMut()) {
    (0..count).for_each(|_| operation());
}

fn find(output: &[u8], count: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    String::from_utf8_lossy(output).lines().find_map(count)
}

/// The functions of glibc's allocator, without what follows a dot in their names.
const ALLOCATOR: [&str; 10] = [
    "_int_free",
    "_int_malloc",
    "_int_realloc",
    "calloc",
    "free",
    "malloc",
    "malloc_consolidate",
    "realloc",
    "sysmalloc",
    "unlink_chunk",
];

/// Sums the costs of a profile in callgrind's format, in which a name stands beside its number where it comes for the first time.
/// <https://valgrind.org/docs/manual/cl-format.html>
fn outside_of_allocator(profile: &str) -> u64 {
    let mut is_allocators: HashMap<&str, bool> = HashMap::new();
    let (mut sum, mut is_in_it, mut is_called) = (0, false, false);
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            if !name.is_empty() {
                let name = name.split(['.', '\'', '@']).next().unwrap_or(name);
                is_allocators.insert(number, ALLOCATOR.contains(&name));
            }
            if line.starts_with("fn=") {
                is_in_it = is_allocators.get(number).copied().unwrap_or(false);
            }
        } else if line.starts_with("calls=") {
            is_called = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // The line after a call is what the other function took.
            if !std::mem::take(&mut is_called) && !is_in_it {
                sum += line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
            }
        }
    }
    sum
}

/// Of a profile in which `main` takes 7 by itself, and calls `malloc`, which calls `_int_malloc`.
pub(crate) fn check_itself() {
    let profile = "events: Ir\nsummary: 612\n\nfn=(1) main\n16 4\n+1 3\ncfi=(2) malloc.c\ncfn=(2) malloc\ncalls=1 5\n* 605\n\n\
        fn=(2)\n20 5\ncfn=(3) _int_malloc.constprop.0\ncalls=1 9\n* 600\n\nfn=(3)\n9 600\n\nfn=(4) mallocs\n- 1\n";
    assert_eq!(outside_of_allocator(profile), 8);
}
