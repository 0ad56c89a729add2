//! What is fuzzed: plain functions that panic on a fault. `fuzz_targets/` gives them to libFuzzer, `tests/it/fuzzed.rs` runs
//! them over the corpus.

use std::future::Future;
use std::sync::{LazyLock, Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};

mod credentials;
mod envelope;
mod exclusions;
mod key_set;
mod retry_after;
mod spool;
mod token;
mod users;
mod webhook;

/// A target: its name, which its corpus has, too; the function; how many mutations the suite runs.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    /// Of the suite.
    #[allow(dead_code)]
    pub(crate) mutations: usize,
}

pub(crate) const TARGETS: [Target; 9] = [
    Target { name: "credentials", run: credentials::run, mutations: 4_000 },
    Target { name: "envelope", run: envelope::run, mutations: 20_000 },
    Target { name: "exclusions", run: exclusions::run, mutations: 4_000 },
    Target { name: "key_set", run: key_set::run, mutations: 1_000 },
    Target { name: "retry_after", run: retry_after::run, mutations: 20_000 },
    Target { name: "spool", run: spool::run, mutations: 30 },
    Target { name: "token", run: token::run, mutations: 2_000 },
    Target { name: "users", run: users::run, mutations: 4_000 },
    Target { name: "webhook", run: webhook::run, mutations: 2_000 },
];

/// One runtime for all inputs. What waits in it from one input to the next, as servers do, goes on with the next.
fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Mutex<Runtime>> =
        LazyLock::new(|| Mutex::new(Builder::new_current_thread().enable_all().build().unwrap()));
    RUNTIME.lock().unwrap_or_else(PoisonError::into_inner).block_on(future)
}
