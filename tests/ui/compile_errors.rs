//! Misuse fails to compile, with an error that names the fix.

use std::process::Command;

/// The compiler whose words are in `cases/*.stderr`. Others put the same notes differently.
const WRITTEN_WITH: &str = "rustc 1.95.";

#[test]
fn misuse_gives_compile_error_with_fix() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().map(|output| output.stdout);
    let version = String::from_utf8(version.unwrap()).unwrap();
    if !version.starts_with(WRITTEN_WITH) {
        eprintln!("skipped: tests/ui/cases were written with {WRITTEN_WITH}x, and this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
