//! What the suite holds the layer to: instructions and allocations may grow by 3 % over what `benches/budget.txt` says.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::support::counted;

/// How much more is in the budget, and of small counts in instructions.
const GROWTH: f64 = 0.03;
const NOISE: f64 = 5.0;
/// Random keys of hashes and addresses move a count by up to 40: over the budget is what is so each time.
const ROUNDS: usize = 3;

/// A line of the table: `instructions allocations name`, each more than the case that it is compared with.
struct Line<'a> {
    name: &'a str,
    budget: Counts,
}

/// What valgrind counts of one operation.
#[derive(Clone, Copy, Default)]
struct Counts {
    instructions: f64,
    allocations: f64,
}

/// Counts a case; `None` where valgrind is not installed.
fn count(name: &str) -> Option<Counts> {
    let program = std::env::current_exe().ok()?;
    let counted = counted(&program);
    Some(Counts { instructions: counted.instructions(name)?, allocations: counted.allocations(name)? })
}

/// Counts the cases of the table, prints each beside its budget, and panics if one is over it.
pub(crate) fn check(table: &str, compared_with: impl Fn(&str) -> Option<&'static str>) {
    let lines: Vec<Line<'_>> = table.lines().filter(|line| !line.starts_with('#')).map(parse).collect();
    println!("{:<44} {:>8} {:>8} {:>7} {:>8}", "", "instr", "budget", "allocs", "budget");
    let mut over: Vec<&Line<'_>> = lines.iter().collect();
    for _ in 0..ROUNDS {
        let bases = over.iter().filter_map(|line| compared_with(line.name));
        let mut names: Vec<&str> = over.iter().map(|line| line.name).chain(bases).collect();
        names.sort_unstable();
        names.dedup();
        let counts = count_all(names);
        over.retain(|Line { name, budget }| {
            let base = compared_with(name).map_or(Counts::default(), |base| counts[base]);
            let instructions = counts[name].instructions - base.instructions;
            let allocations = counts[name].allocations - base.allocations;
            println!(
                "{name:<44} {instructions:>8.0} {:>8.0} {allocations:>7.1} {:>8.1}",
                budget.instructions, budget.allocations
            );
            instructions > budget.instructions * (1.0 + GROWTH) + NOISE
                || allocations > budget.allocations * (1.0 + GROWTH) + 0.1
        });
        if over.is_empty() {
            return;
        }
    }
    let over: Vec<&str> = over.iter().map(|line| line.name).collect();
    panic!(
        "over the budget of benches/budget.txt by more than 3 %: {}. Find what costs it (`--bench layer`, \
         docs/performance.md), or write the new figures there with the reason",
        over.join("; ")
    );
}

fn parse(line: &str) -> Line<'_> {
    let mut fields = line.splitn(3, '\t');
    let mut number =
        || fields.next().and_then(|field| field.trim().parse().ok()).expect("a number and a tab");
    let budget = Counts { instructions: number(), allocations: number() };
    Line { name: fields.next().expect("a case's name"), budget }
}

/// Two at a time, for most of it is each process's start.
fn count_all(names: Vec<&str>) -> HashMap<&str, Counts> {
    let (names, counts) = (Mutex::new(names), Mutex::new(HashMap::new()));
    let work = || {
        loop {
            let next = names.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(name) = next else { return };
            let counted = count(name).expect("valgrind counts (Debian's package of that name)");
            counts.lock().unwrap_or_else(PoisonError::into_inner).insert(name, counted);
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(work);
        work();
        other.join().expect("a count");
    });
    counts.into_inner().unwrap_or_else(PoisonError::into_inner)
}
