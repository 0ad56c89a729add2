//! Instructions of an operation but for those of the C library's allocator: how far that has to look for a block depends on what a
//! program has freed since its start, and so changes with each build.

use std::collections::HashMap;

use super::support::valgrind::Counted;

/// Instructions of one operation outside of the allocator, in one run and within `support::counted_repeat`: a start differs by some thousands,
/// as seeds are random. `None` where valgrind is not installed.
pub(crate) fn instructions(counted: &Counted<'_>, name: &str) -> Option<f64> {
    let [_, times] = counted.times;
    let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/stdout", "--toggle-collect=*::counted_repeat"];
    let output = counted.run(name, &tool, times)?;
    let sum = outside_of_allocator(&String::from_utf8_lossy(&output.stdout));
    (sum > 0).then(|| sum as f64 / f64::from(times))
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
