//! Runs a test of this binary in a process of its own.

use std::process::Command;

/// The test of this name in this `module_path!()`, alone, with its output shown.
pub(crate) fn test_process(module: &str, test: &str) -> Command {
    let (_binary, module) = module.split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--nocapture"]);
    command
}
