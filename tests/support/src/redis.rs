//! A Redis of a test's own, on a socket in a directory of its own.

use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::process::Directory;

/// Starts `redis-server` with further options; it ends when the process is dropped. It may take a moment until it answers.
///
/// # Errors
///
/// It is not installed.
pub fn spawn(directory: &Directory, options: &[String]) -> std::io::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--unixsocket", "s", "--save", "", "--appendonly", "no"]);
    command.args(["--loglevel", "warning"]).args(options).current_dir(&directory.0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).spawn()
}

/// Where it listens.
pub fn url(directory: &Directory) -> String {
    format!("unix://{}", directory.0.join("s").display())
}

/// Says why a test is skipped.
pub fn skipped(error: &std::io::Error) {
    eprintln!("skipped: cannot start `redis-server` ({error}); tests/run.sh installs it");
}
