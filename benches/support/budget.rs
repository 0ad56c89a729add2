//! What the suite holds the layer to: instructions and allocations may grow by 3 % over what `benches/budget.txt` says.
//!
//! Valgrind shows every program the same processor, but what a compiler or the C library makes of the code changes with their
//! versions: the table says of which it is, and of others nothing is held to it. Of axum's, it has the bare router: it is counted in
//! the same run, and the budget grows and shrinks with it.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::profile;
use super::support::counted;

/// How much more is in the budget, and of small counts in instructions.
const GROWTH: f64 = 0.03;
const NOISE: f64 = 5.0;
/// How far the bare router may be from the table's, before that says nothing any more.
const DRIFT: f64 = 0.03;
/// Random keys of hashes move a count a little: over the budget is what is so each time.
const ROUNDS: usize = 3;

/// The line of the table that says what it was counted with.
const COUNTED_WITH: &str = "# counted with ";

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

impl Counts {
    fn less(self, other: Self) -> Self {
        Self {
            instructions: self.instructions - other.instructions,
            allocations: self.allocations - other.allocations,
        }
    }

    fn is_over(self, budget: Self) -> bool {
        self.instructions > budget.instructions * (1.0 + GROWTH) + NOISE
            || self.allocations > budget.allocations * (1.0 + GROWTH) + 0.1
    }

    fn show(self, name: &str, budget: Self) {
        println!(
            "{name:<44} {:>8.0} {:>8.0} {:>7.1} {:>8.1}{}",
            self.instructions,
            budget.instructions,
            self.allocations,
            budget.allocations,
            if self.is_over(budget) { "  over" } else { "" }
        );
    }
}

/// Counts a case; `None` where valgrind is not installed.
fn count(name: &str) -> Option<Counts> {
    let program = std::env::current_exe().ok()?;
    let counted = counted(&program);
    let (instructions, allocations) = profile::instructions_and_allocations(&counted, name)?;
    Some(Counts { instructions, allocations })
}

/// What counts depend on beside this code; `None` where valgrind, or what tells it, is missing.
fn counting_with() -> Option<String> {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    };
    #[cfg(target_arch = "x86_64")]
    let processor = if std::arch::is_x86_feature_detected!("avx2") { "AVX2" } else { "no AVX2" };
    #[cfg(not(target_arch = "x86_64"))]
    let processor = std::env::consts::ARCH;
    let (compiler, library) = (said("rustc", "--version")?, said("getconf", "GNU_LIBC_VERSION")?);
    Some(format!("{compiler}, {library}, {}, {processor}", said("valgrind", "--version")?))
}

/// By how much the bare router's instructions differ from the table's; `None` if too far from them.
fn scale(bare: Counts, of_table: Counts) -> Option<f64> {
    let scale = bare.instructions / of_table.instructions;
    ((scale - 1.0).abs() <= DRIFT).then_some(scale)
}

/// Counts the cases of the table, prints each beside its budget, and panics if one is over it.
///
/// `bare` is the line that the others are scaled by. The case `dearer.0` is that of `dearer.1` with a tenth more to do: unless that
/// is found to be over the budget, nothing would be.
pub(crate) fn check(
    table: &str,
    compared_with: impl Fn(&str) -> Option<&'static str>,
    bare: &'static str,
    dearer: (&'static str, &'static str),
) {
    let of_table = table.lines().find_map(|line| line.strip_prefix(COUNTED_WITH)).expect("in the table");
    let here = counting_with().expect("valgrind (Debian's package of that name), rustc and getconf");
    if here != of_table {
        // Shown all the same; whoever changes a version writes new figures.
        println!("not held: benches/budget.txt was counted with {of_table}, and this is {here}");
    }
    let is_held = here == of_table;
    let lines: Vec<Line<'_>> = table.lines().filter(|line| !line.starts_with('#')).map(parse).collect();
    let budget_of =
        |name| lines.iter().find(|line| line.name == name).map(|line| line.budget).expect("in the table");
    println!("{:<44} {:>8} {:>8} {:>7} {:>8}", "", "instr", "budget", "allocs", "budget");
    let mut over: Vec<&Line<'_>> = lines.iter().filter(|line| line.name != bare).collect();
    for round in 0..ROUNDS {
        let bases = over.iter().filter_map(|line| compared_with(line.name));
        let mut names: Vec<&str> = over.iter().map(|line| line.name).chain(bases).chain([bare]).collect();
        if round == 0 {
            names.push(dearer.0);
        }
        names.sort_unstable();
        names.dedup();
        let counts = count_all(names);
        let more =
            |name| counts[name].less(compared_with(name).map_or(Counts::default(), |base| counts[base]));
        let found = scale(counts[bare], budget_of(bare));
        let Some(scale) = found.or((!is_held).then_some(1.0)) else {
            panic!(
                "the bare router takes {:.0} instructions here and {:.0} in benches/budget.txt, so that the rest of it says \
                 nothing: another compiler or axum. Write new figures there (`--bench layer`), with what they were before",
                counts[bare].instructions,
                budget_of(bare).instructions
            )
        };
        let scaled = |budget: Counts| Counts { instructions: budget.instructions * scale, ..budget };
        if round == 0 {
            counts[bare].show(bare, budget_of(bare));
            // As if today's figures were the budget.
            let (dear, today) = (more(dearer.0), more(dearer.1));
            let times = dear.instructions / today.instructions;
            assert!(
                dear.is_over(today) && times < 1.2,
                "{:.0} instructions in place of {:.0} are not found to be over: this check finds nothing",
                dear.instructions,
                today.instructions
            );
        }
        over.retain(|Line { name, budget }| {
            let (counts, budget) = (more(name), scaled(*budget));
            counts.show(name, budget);
            counts.is_over(budget)
        });
        if over.is_empty() || !is_held {
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

/// What is over a budget, and what is not.
pub(crate) fn check_itself() {
    profile::check_itself();
    let of = |instructions, allocations| Counts { instructions, allocations };
    let budget = of(1_000.0, 2.0);
    for (counts, is_over) in [
        (of(0.0, 0.0), false),
        (of(1_000.0, 2.0), false),
        (of(1_035.0, 2.0), false),
        (of(1_036.0, 2.0), true),
        (of(500.0, 3.0), true),
        (of(f64::INFINITY, 0.0), true),
    ] {
        let Counts { instructions, allocations } = counts;
        assert_eq!(counts.is_over(budget), is_over, "{instructions}, {allocations}");
    }
    let scale_of = |bare| scale(of(bare, 14.0), of(5_000.0, 14.0));
    for (bare, expected) in
        [(5_000.0, Some(1.0)), (5_100.0, Some(1.02)), (4_900.0, Some(0.98)), (5_200.0, None)]
    {
        assert_eq!(scale_of(bare), expected);
    }
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
