//! Three ways to measure one operation: nanoseconds, allocations, instructions.
//!
//! Times are medians over rounds in which all cases take turns, so that a noisy moment hits all of them; so is the ratio of two
//! cases, which is taken of each round. Allocations and instructions are counted by valgrind in processes of their own, as the
//! difference between two runs of different length.

pub(crate) mod valgrind;

use std::path::Path;
use std::time::Instant;

use valgrind::Counted;

/// One operation, and what it is called.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut()>,
}

impl Case {
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }
}

const WARM: u32 = 100;

/// Runs an operation as often as it is counted. Never inlined, for valgrind knows it by its name.
#[inline(never)]
fn counted_repeat(count: u32, operation: &mut dyn FnMut()) {
    (0..count).for_each(|_| operation());
}

/// Measures all cases and prints a table of each, less the case it is compared with.
pub(crate) fn measure(mut cases: Vec<Case>, compared_with: impl Fn(&str) -> Option<&'static str>) {
    if let Some((name, count)) = valgrind::ordered() {
        let case = cases.iter_mut().find(|case| case.name == name).expect("a case of this name");
        // The first ones find nothing in any cache.
        (0..WARM).for_each(|_| (case.run)());
        return counted_repeat(count, &mut case.run);
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test` only wants to know that it works.
        return cases.iter_mut().for_each(|case| (case.run)());
    }
    let rounds = rounds(&mut cases);
    let program = std::env::current_exe().expect("this program");
    let counted = counted(&program);
    let figures: Vec<[Option<f64>; 3]> = cases
        .iter()
        .zip(&rounds)
        .map(|(case, times)| {
            [Some(median(times.clone())), counted.instructions(case.name), counted.allocations(case.name)]
        })
        .collect();
    println!(
        "{:<36} {:>9} {:>9} {:>7}  {:>9} {:>9} {:>7}  {:>6} {:>6}",
        "", "ns", "instr", "allocs", "+ns", "+instr", "+allocs", "x ns", "x instr"
    );
    for (at, (case, figures_of)) in cases.iter().zip(&figures).enumerate() {
        let base = compared_with(case.name);
        let base = base.and_then(|name| cases.iter().position(|case| case.name == name));
        let [time, instructions, allocations] = *figures_of;
        print!("{:<36} {:>9} {:>9} {:>7}", case.name, show(time), show(instructions), show(allocations));
        if let Some(base) = base {
            let more = |at: usize| figures_of[at].zip(figures[base][at]).map(|(more, base)| more - base);
            print!("  {:>9} {:>9} {:>7}", show(more(0)), show(more(1)), show(more(2)));
            let (of_case, of_base) = (&rounds[at], &rounds[base]);
            let time = median(of_case.iter().zip(of_base).map(|(case, base)| case / base).collect());
            let instructions = figures_of[1].zip(figures[base][1]).map(|(case, base)| case / base);
            print!("  {time:>6.3} {:>7}", instructions.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")));
        }
        println!();
    }
}

fn show(count: Option<f64>) -> String {
    count.map_or("-".to_owned(), |count| format!("{count:.0}"))
}

/// The nanoseconds of each case in each round.
fn rounds(cases: &mut [Case]) -> Vec<Vec<f64>> {
    const ROUNDS: usize = 61;
    const PER_ROUND: u32 = 4_000;
    let mut rounds = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for round in 0..ROUNDS + 5 {
        for (case, times) in cases.iter_mut().zip(&mut rounds) {
            let started = Instant::now();
            (0..PER_ROUND).for_each(|_| (case.run)());
            // The first rounds warm up.
            if round >= 5 {
                times.push(started.elapsed().as_nanos() as f64 / f64::from(PER_ROUND));
            }
        }
    }
    rounds
}

/// Counts operations of this program.
pub(crate) fn counted(program: &Path) -> Counted<'_> {
    Counted { valgrind: &["valgrind"], program, arguments: &[], times: [200, 1_200] }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
