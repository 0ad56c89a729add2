//! Unseen tokens: `cargo bench -p aigc-auth-benches --bench cold`. Linux only: processor time and memory are read from `/proc`.
//!
//! An argument is the name of the one part that is wanted: `waits`, `processor`, `bursts` or `restart`.

#[path = "../support/account.rs"]
mod account;
#[path = "../support/asking.rs"]
mod asking;
mod bursts;
#[path = "../support/center.rs"]
mod center;
mod processor;
#[path = "../support/resident.rs"]
mod resident;
mod restart;
#[path = "../support/spread.rs"]
mod spread;
#[path = "../support/valgrind.rs"]
#[allow(dead_code, reason = "allocations are not counted here")]
mod valgrind;
mod waits;

/// A part of the bench, by its name. Told whether this is a bench, and no test.
type Part = (&'static str, fn(bool));

fn main() {
    if center::serve_if_told() {
        return;
    }
    if let Some((name, count)) = valgrind::ordered() {
        return processor::run(&name, count);
    }
    // `cargo test` only wants to know that it works.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let parts: [Part; 4] = [
        ("waits", waits::measure),
        ("processor", processor::measure),
        ("bursts", bursts::measure),
        ("restart", restart::measure),
    ];
    let is_named = |name: &str| std::env::args().any(|argument| argument == name);
    let all = !parts.iter().any(|(name, _)| is_named(name));
    for (_, measure) in parts.iter().filter(|(name, _)| all || is_named(name)) {
        measure(is_bench);
    }
}
