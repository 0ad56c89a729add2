//! Runs a test of this binary in a process of its own.

use std::process::Command;

/// The test of this name in this `module_path!()`, alone, with its output shown.
pub(crate) fn test_process(module: &str, test: &str) -> Command {
    let (_binary, module) = module.split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--nocapture"]);
    command
}

/// Sends a process a signal, such as `STOP`.
#[cfg(unix)]
pub(crate) fn signal(process: &tokio::process::Child, signal: &str) {
    // The shell's own `kill`: there need not be a program of this name.
    let kill = format!("kill -s {signal} {}", process.id().unwrap());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Runs a test in a process of its own for each case, which an environment variable names, and prints what it says of the
/// memory.
#[cfg(target_os = "linux")]
pub(crate) fn measure_memory<'a>(
    module: &str,
    test: &str,
    variable: &str,
    cases: impl IntoIterator<Item = &'a str>,
) {
    for case in cases {
        let output = test_process(module, test).env(variable, case).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.contains("KiB")).unwrap_or_default();
        println!("{line}");
        assert!(output.status.success() && !line.is_empty(), "{case}: {text}");
    }
}

/// How many KiB of its own this process has in memory. Not of its program, whose pages come as they are run: there are more
/// of them in a busy moment.
#[cfg(target_os = "linux")]
pub(crate) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse().unwrap()
}
