//! One request in the process: time, in rounds in which all cases take turns; instructions and allocations, by valgrind.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::orders::Worker;
use crate::table::{PEERS, Peer, Place};
use crate::valgrind::Counted;

const ROUNDS: usize = 201;
/// How long a case runs in a round, in nanoseconds.
const SLICE: f64 = 2e6;

/// What was seen of a case.
pub(crate) struct Measured {
    pub(crate) peer: &'static Peer,
    /// Which worker has it.
    pub(crate) worker: usize,
    /// Nanoseconds a request, by rounds.
    pub(crate) rounds: Vec<f64>,
    pub(crate) instructions: Option<f64>,
    pub(crate) allocations: Option<f64>,
}

/// The cases of all workers but those of one place; of another revision those of this crate, and its bare router.
pub(crate) fn cases(workers: &[Worker], but: Place) -> Vec<Measured> {
    let of_worker = |(at, worker): (usize, &Worker)| {
        let is_other = worker.baseline.is_some();
        let has = |peer: &&Peer| {
            peer.kind == worker.kind && peer.place != but && (!is_other || peer.is_ours() || peer.is_bare())
        };
        let new = |peer| Measured { peer, worker: at, rounds: vec![], instructions: None, allocations: None };
        PEERS.iter().filter(has).map(new).collect::<Vec<_>>()
    };
    workers.iter().enumerate().flat_map(of_worker).collect()
}

pub(crate) fn measure(workers: &mut [Worker], is_check: bool) -> Vec<Measured> {
    let mut cases = cases(workers, Place::Loopback);
    let counts: Vec<u32> = cases
        .iter()
        .map(|case| {
            let worker = &mut workers[case.worker];
            worker.run(case.peer.name, if is_check { 1 } else { 64 });
            // The first run has warmed up.
            if is_check { 1 } else { (SLICE / worker.run(case.peer.name, 64)).clamp(8.0, 4_000.0) as u32 }
        })
        .collect();
    for round in 0..if is_check { 1 } else { ROUNDS } {
        // There and back, so that nobody always follows the same neighbour.
        let order: Vec<usize> =
            if round % 2 == 0 { (0..cases.len()).collect() } else { (0..cases.len()).rev().collect() };
        for at in order {
            let case = &mut cases[at];
            case.rounds.push(workers[case.worker].run(case.peer.name, counts[at]));
        }
    }
    cases
}

/// Counts what valgrind can. Load does not matter to it, so that all cores count.
pub(crate) fn count(cases: &mut [Measured], workers: &[Worker], material: &Path) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).max(2);
    let all = format!("0-{}", cores - 1);
    let material = material.to_str().expect("a path that is text");
    let next = AtomicUsize::new(0);
    let counted: Vec<(usize, Option<f64>, Option<f64>)> = std::thread::scope(|scope| {
        let count = || {
            let mut counted = vec![];
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(case) = cases.get(at) else { return counted };
                let worker = &workers[case.worker];
                // Signatures take so many instructions that a few runs say enough.
                let is_long = case.rounds.iter().copied().fold(f64::INFINITY, f64::min) > 8_000.0;
                let counted_by = Counted {
                    valgrind: &["taskset", "--cpu-list", &all, "valgrind"],
                    program: &worker.program,
                    arguments: &["worker", worker.kind, material],
                    times: if is_long { [10, 40] } else { [200, 1_200] },
                };
                let name = case.peer.name;
                counted.push((at, counted_by.instructions(name), counted_by.allocations(name)));
            }
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(count)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("counted")).collect()
    });
    for (at, instructions, allocations) in counted {
        (cases[at].instructions, cases[at].allocations) = (instructions, allocations);
    }
}
