//! How cost grows with what there is much of: `cargo bench -p aigc-auth-benches --bench growth`. Linux only: the processor's time
//! of a thread is read from `/proc`.
//!
//! Instructions where one thread does it all and valgrind is not too slow for it, time otherwise. Fails if anything grows faster
//! than n log n. `-- --write` writes the picture of `docs/performance.md`, and prints its table; the names of series measure
//! only those.

#[path = "../support/account.rs"]
mod account;
#[path = "../support/asking.rs"]
mod asking;
#[path = "../support/center.rs"]
mod center;
mod clear;
mod plot;
#[path = "../support/request.rs"]
mod request;
#[path = "../support/resident.rs"]
mod resident;
mod series;
#[path = "../support/spread.rs"]
#[allow(dead_code, reason = "ratios are not shown here")]
mod spread;
#[path = "../support/svg.rs"]
#[allow(dead_code, reason = "not every shape is in this picture")]
mod svg;
mod users;
#[path = "../support/valgrind.rs"]
#[allow(dead_code, reason = "allocations are not counted here")]
mod valgrind;
mod waiting;
mod warm;

use series::{Measured, Series};

fn main() {
    if center::serve_if_told() {
        return;
    }
    let all: Vec<Series> =
        [warm::series(), users::series(), clear::series(), waiting::series()].into_iter().flatten().collect();
    if let Some((name, count)) = valgrind::ordered() {
        let (name, size) = name.rsplit_once(' ').expect("series and size");
        let series = all.iter().find(|series| series.name == name).expect("a series of this name");
        return series.run(size.parse().expect("a number"), count);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_given = |argument: &str| arguments.iter().any(|given| given == argument);
    if !is_given("--bench") {
        // `cargo test` only wants to know that it works.
        return all.iter().for_each(Series::try_smallest);
    }
    let is_wanted =
        |series: &&Series| arguments.iter().all(|given| given.starts_with("--")) || is_given(series.name);
    println!("| | from, to | costs | × | n log n would be × | bounded by |\n|---|---|---|---|---|---|");
    let measured: Vec<Measured<'_>> = all
        .iter()
        .filter(is_wanted)
        .map(|series| {
            let measured = series.measure();
            println!("{}", measured.row());
            measured
        })
        .collect();
    if is_given("--write") {
        // Of all, or of those that were named.
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/growth.svg");
        std::fs::write(path, plot::draw(&measured)).expect("written");
    }
    for measured in &measured {
        assert!(
            measured.grows_at_most_n_log_n(),
            "{} grows faster than n log n: {:?}",
            measured.series.name,
            measured.costs
        );
    }
}
