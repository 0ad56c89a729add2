//! Examples as a newcomer meets them: each a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than anything here takes, on a machine that is busy with other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A working directory of its own, removed in the end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("aigc-auth-example-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An example, which cargo builds together with this test, with the arguments that follow its name, and with these
/// variables and no others.
pub(crate) fn command(line: &str, directory: &Path, variables: &[(&str, &str)]) -> Command {
    let (example, arguments) = line.split_once(' ').unwrap_or((line, ""));
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples");
    let path = built.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "build it with `cargo build --example {example}`: {}", path.display());
    let mut command = Command::new(path);
    command.args(arguments.split_whitespace());
    command.current_dir(directory).env_clear().env("BIND", "127.0.0.1:0").envs(variables.iter().copied());
    if cfg!(windows) {
        command.env("SystemRoot", std::env::var_os("SystemRoot").unwrap_or_default());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// An example that serves until this is dropped.
pub(crate) struct Example {
    pub(crate) address: SocketAddr,
    process: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
    _directory: Directory,
}

impl Example {
    pub(crate) async fn start(example: &str, name: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_in(example, Directory::new(&format!("{example}-{name}")), variables).await
    }

    pub(crate) async fn start_in(example: &str, directory: Directory, variables: &[(&str, &str)]) -> Self {
        let mut command = command(example, &directory.0, variables);
        let mut process = command.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = loop {
            let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("it listens");
            if let Some(address) = line.strip_prefix("listening on http://") {
                break address.parse().unwrap();
            }
        };
        Self { address, process, lines, _directory: directory }
    }

    /// The next line it prints with this text.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().expect(text);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Asks it to end, as `kill` or Ctrl-C do.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        // The shell's own `kill`: there need not be a program of this name.
        let kill = format!("kill -s {signal} {}", self.process.id().unwrap());
        let status = std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success());
    }

    /// What else it printed, and how it ended.
    pub(crate) async fn ended(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap() {
            rest += &line;
            rest += "\n";
        }
        (rest, timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap())
    }
}

/// What it complains of, where it does not even start.
pub(crate) async fn fails(example: &str, directory: &Directory, variables: &[(&str, &str)]) -> String {
    let output = command(example, &directory.0, variables).output();
    let Output { status, stderr, stdout } = timeout(PATIENCE, output).await.unwrap().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!status.success(), "{stdout} {stderr}");
    assert!(!stdout.contains("listening"), "{stdout}");
    stderr.into_owned()
}
