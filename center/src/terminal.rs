//! Write to the terminal, which may be gone: `| tee` ends by the same Ctrl-C, and `| head` when it has read enough. The macros of
//! the standard library would end the program by a panic then.

use std::io::{Write, stderr, stdout};

/// Prints a text.
pub(crate) fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line to where errors belong.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(stderr().lock(), "aigc-auth-center: {line}");
}
