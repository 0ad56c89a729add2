//! Instructions of an operation but for those of the C library's allocator, and how often it is called: how far it has to look for a
//! block depends on what a program has freed since its start, and so changes with each build.

use std::collections::HashMap;

use super::support::valgrind::Counted;

/// Instructions of one operation outside of the allocator, and allocations. Instructions are of one run and within
/// `support::counted_repeat`: a start differs by some thousands, as seeds are random. `None` where valgrind is not installed.
pub(crate) fn instructions_and_allocations(counted: &Counted<'_>, name: &str) -> Option<(f64, f64)> {
    let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/stdout", "--toggle-collect=*::counted_repeat"];
    let run = |times: u32| {
        let output = counted.run(name, &tool, times)?;
        let sums = outside_of_allocator(&String::from_utf8_lossy(&output.stdout));
        (sums.0 > 0).then_some(sums)
    };
    let [few, many] = counted.times;
    // Calls are counted before that function, too.
    let (of_few, of_many) = (run(few)?, run(many)?);
    let allocations = (of_many.1 as f64 - of_few.1 as f64) / f64::from(many - few);
    Some((of_many.0 as f64 / f64::from(many), allocations))
}

/// The functions of glibc's allocator, without what follows a dot in their names.
const ALLOCATOR: [&str; 15] = [
    "_int_free",
    "_int_malloc",
    "_int_memalign",
    "_int_realloc",
    "_mid_memalign",
    "aligned_alloc",
    "alloc_perturb",
    "calloc",
    "free",
    "malloc",
    "malloc_consolidate",
    "posix_memalign",
    "realloc",
    "sysmalloc",
    "unlink_chunk",
];

/// Of these, what gives memory.
const ALLOCATING: [&str; 5] = ["aligned_alloc", "calloc", "malloc", "posix_memalign", "realloc"];

/// Sums the costs of a profile in callgrind's format, and the calls that allocate, in which a name stands beside its number where it comes
/// for the first time. <https://valgrind.org/docs/manual/cl-format.html>
fn outside_of_allocator(profile: &str) -> (u64, u64) {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let (mut sum, mut calls, mut is_in_it, mut is_called, mut callee) = (0, 0, false, false, "");
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            if !name.is_empty() {
                names.insert(number, name.split(['.', '\'', '@']).next().unwrap_or(name));
            }
            let name = names.get(number).copied().unwrap_or_default();
            if line.starts_with("fn=") {
                is_in_it = ALLOCATOR.contains(&name);
            } else {
                callee = name;
            }
        } else if let Some(called) = line.strip_prefix("calls=") {
            is_called = true;
            if !is_in_it && ALLOCATING.contains(&callee) {
                calls += called.split(' ').next().and_then(|calls| calls.parse::<u64>().ok()).unwrap_or(0);
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // The line after a call is what the other function took.
            if !std::mem::take(&mut is_called) && !is_in_it {
                sum += line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
            }
        }
    }
    (sum, calls)
}

/// Of a profile in which `main` takes 7 by itself, and calls `malloc` three times, which calls `_int_malloc`.
pub(crate) fn check_itself() {
    let profile = "events: Ir\nsummary: 612\n\nfn=(1) main\n16 4\n+1 3\ncfi=(2) malloc.c\ncfn=(2) malloc\ncalls=3 5\n* 605\n\n\
        fn=(2)\n20 5\ncfn=(3) _int_malloc.constprop.0\ncalls=1 9\n* 600\n\nfn=(3)\n9 600\n\nfn=(4) mallocs\n- 1\n";
    assert_eq!(outside_of_allocator(profile), (8, 3));
}
