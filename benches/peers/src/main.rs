//! The same requests through this crate and through its peers: `bash benches/peers/run.sh`.
//!
//! `peers worker KIND FILE` is a process that holds the cases of one version of axum, and runs them as it is told to on
//! standard input; `peers compare …` starts the workers, lets all cases take turns, and writes what it saw.

#[path = "../../support/account.rs"]
mod account;
#[path = "../../support/connections.rs"]
mod connections;
#[path = "../../support/queue.rs"]
mod queue;
#[path = "../../support/request.rs"]
mod request;
#[path = "../../support/spread.rs"]
mod spread;
#[path = "../../support/svg.rs"]
mod svg;
#[path = "../../support/valgrind.rs"]
mod valgrind;

mod apps;
mod apps_axum_0_7;
mod center;
mod compare;
mod in_process;
mod loopback;
mod markdown;
mod material;
mod options;
mod orders;
mod plot;
mod services;
mod table;
mod worker;
mod wrk;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["worker", table::AXUM_0_8, file] => worker::serve::<apps::Axum08>(file),
        ["worker", table::AXUM_0_7, file] => worker::serve::<apps_axum_0_7::Axum07>(file),
        ["compare", ref options @ ..] => compare::run(&options::Options::read(options)),
        _ => panic!("peers worker KIND FILE | peers compare …; see run.sh"),
    }
}
