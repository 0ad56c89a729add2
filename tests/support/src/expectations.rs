//! What is expected of other people's software, a line each in the report of the laboratory (`tests/lab/run.sh`). Outside of that,
//! nothing is written; what is not as expected fails the test either way.

use std::env;
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

/// The file of lines. `tests/lab/run.sh` sets it, and reads them by `tests/lab/report.py`.
const FILE: &str = "AIGC_AUTH_EXPECTATIONS";

/// Whether there is a report, for what would only be asked for its sake.
pub fn are_reported() -> bool {
    env::var_os(FILE).is_some()
}

/// Writes a line below the test that runs, by the name of its thread. `with` is the software, `found` what it did.
fn write(with: &str, what: &str, found: &str, is_met: bool) {
    let Some(file) = env::var_os(FILE) else { return };
    let test = thread::current().name().unwrap_or_default().to_owned();
    let line = json!({ "test": test, "with": with, "what": what, "found": found, "met": is_met });
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    // In one piece: other tests write, too.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What is as expected, which the caller has checked.
pub fn met(with: &str, what: &str, found: &str) {
    write(with, what, found, true);
}

/// Panics unless both are equal, for what the next step depends on.
#[track_caller]
pub fn expect<T: Debug + PartialEq + ?Sized>(with: &str, what: &str, found: &T, expected: &T) {
    let is_met = found == expected;
    write(with, what, &shown(found, expected), is_met);
    assert!(is_met, "{with}: {what}: {}", shown(found, expected));
}

fn shown<T: Debug + PartialEq + ?Sized>(found: &T, expected: &T) -> String {
    if found == expected { format!("{found:?}") } else { format!("{found:?}, expected {expected:?}") }
}

/// Expectations that do not depend on each other: the rest is tried as well, and those that are not met fail the test when this is
/// dropped.
#[derive(Default)]
pub struct Rows {
    with: String,
    unmet: Vec<String>,
}

impl Rows {
    /// Which software those that follow are about.
    pub fn with(&mut self, with: impl Into<String>) {
        self.with = with.into();
    }

    pub fn expect<T: Debug + PartialEq + ?Sized>(&mut self, what: &str, found: &T, expected: &T) {
        let is_met = found == expected;
        write(&self.with, what, &shown(found, expected), is_met);
        if !is_met {
            self.unmet.push(format!("{}: {what}: {}", self.with, shown(found, expected)));
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert!(self.unmet.is_empty(), "\n{}", self.unmet.join("\n"));
        }
    }
}

/// One of several with which a test is run, such as a version: the test is its expectation, which is met if this is dropped in no panic.
pub struct Turn {
    with: String,
    has_begun: AtomicBool,
}

impl Turn {
    pub fn of(with: impl Into<String>) -> Self {
        Self { with: with.into(), has_begun: AtomicBool::new(false) }
    }

    /// Those whose turn does not come, since one before has failed, have no line.
    pub fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.has_begun.load(Ordering::Relaxed) {
            let is_met = !thread::panicking();
            write(&self.with, "", if is_met { "" } else { "it has failed" }, is_met);
        }
    }
}
