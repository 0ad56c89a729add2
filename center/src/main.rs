//! An auth center on the developer's machine: the auth center's protocol, a log-in for front ends, and the API of a console.
//!
//! State is in one place, the [`Hub`](hub::Hub). Calls, log-ins and the console change it by its methods; what changed is
//! noticed by one task, the [`keeper`], which tells the console and writes the state file.

mod address;
mod args;
mod banner;
mod console;
mod host;
mod hub;
mod keeper;
mod language;
mod log_in;
mod random;
mod run;
mod seed;
mod store;
mod terminal;

use std::process::ExitCode;

use args::Args;
use clap::Parser;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome =
        runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(run::run(args)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&error);
            ExitCode::FAILURE
        }
    }
}
