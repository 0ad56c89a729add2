//! A Python of an environment that `tests/run.sh` has made.

use std::path::Path;

use tokio::process::Command;

/// Starts it without packages of the user's own, and with UTF-8 whatever the locale says. What it compiles is kept in a folder of the
/// environment, and so not beside the scripts, and once for all starts: it takes longer than most scripts run.
pub fn command(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-s", "-X", "utf8"]);
    match python.parent().and_then(Path::parent) {
        Some(environment) => {
            let compiled = environment.join("compiled");
            command.arg("-X").arg(format!("pycache_prefix={}", compiled.display()))
        }
        None => command.arg("-B"),
    };
    command
}
