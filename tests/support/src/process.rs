//! Examples as a newcomer meets them: each a process of its own.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aigc_auth::testing::AuthCenter;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than anything here takes, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Longer than cargo takes for a program and all that it depends on.
const BUILD: Duration = Duration::from_secs(900);

/// A working directory of its own, removed in the end.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("aigc-auth-test-{}-{number}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A program that was killed may write for a moment longer.
        for _ in 0..100 {
            match std::fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return,
            }
        }
    }
}

/// What an example reads to use this auth center.
pub fn settings(center: &AuthCenter) -> [(&'static str, String); 3] {
    [
        ("AIGC_AUTH_APP_ID", center.app_id().to_owned()),
        ("AIGC_AUTH_APP_SECRET", center.app_secret().to_owned()),
        ("AIGC_AUTH_BASE_URL", center.url()),
    ]
}

/// A program of the package under test: `Program(env!("CARGO_BIN_EXE_…"))`. cargo builds it before the test.
pub struct Program(pub &'static str);

impl Program {
    /// The program of an example, in tests of another package. `cargo test --workspace` has built it; where the tests of one package
    /// alone are run, it is built now, unless it is up to date.
    pub async fn of_example(name: &str) -> Self {
        let this = std::env::current_exe().unwrap();
        let profile = this.parent().and_then(Path::parent).unwrap();
        let program = profile.join(name).with_extension(std::env::consts::EXE_EXTENSION);
        if !is_up_to_date(&program, name) {
            let target = profile.parent().unwrap();
            let profile =
                profile.file_name().and_then(OsStr::to_str).map(|of| if of == "debug" { "dev" } else { of });
            let mut build = Command::new(env!("CARGO"));
            build.args([
                "build",
                "--quiet",
                "--package",
                name,
                "--profile",
                profile.unwrap(),
                "--target-dir",
            ]);
            build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR")).kill_on_drop(true);
            let built = timeout(BUILD, build.status()).await.expect("cargo builds it").unwrap();
            assert!(built.success(), "cargo build --package {name}: {built}");
        }
        Self(Box::leak(program.to_str().unwrap().into()))
    }

    /// The program with these arguments, and with these variables and no others.
    pub fn command(&self, arguments: &str, directory: &Directory, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(self.0);
        command.args(arguments.split_whitespace());
        command.current_dir(&directory.0).env_clear().env("BIND", "127.0.0.1:0").env("NO_COLOR", "1");
        command.envs(variables.iter().copied());
        if cfg!(windows) {
            command.env("SystemRoot", std::env::var_os("SystemRoot").unwrap_or_default());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub async fn start(&self, name: &str, variables: &[(&str, &str)]) -> Example {
        self.start_in("", Directory::new(name), variables).await
    }

    pub async fn start_in(
        &self,
        arguments: &str,
        directory: Directory,
        variables: &[(&str, &str)],
    ) -> Example {
        let mut command = self.command(arguments, &directory, variables);
        command.stderr(Stdio::null());
        Example::spawn(command, directory).await
    }

    /// As [`start`](Self::start), with what it logs, which must be read.
    pub async fn start_logged(
        &self,
        name: &str,
        variables: &[(&str, &str)],
    ) -> (Example, Lines<BufReader<ChildStderr>>) {
        let directory = Directory::new(name);
        let mut example = Example::spawn(self.command("", &directory, variables), directory).await;
        let log = BufReader::new(example.process.stderr.take().unwrap()).lines();
        (example, log)
    }

    /// The error on its standard error, where it does not even start.
    pub async fn fails(&self, directory: &Directory, variables: &[(&str, &str)]) -> String {
        let output = self.command("", directory, variables).output();
        let Output { status, stderr, stdout } = timeout(PATIENCE, output).await.unwrap().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(!status.success(), "{stdout} {stderr}");
        assert!(!stdout.contains("listening"), "{stdout}");
        stderr.into_owned()
    }
}

/// Whether the program of an example is there, and younger than its sources: its own, those that examples share, the crate's.
fn is_up_to_date(program: &Path, name: &str) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|of| of.modified()).ok();
    let Some(built) = changed(program) else { return false };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut left =
        vec![root.join("src"), root.join("examples/support/src"), root.join("examples").join(name)];
    while let Some(path) = left.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => left.extend(entries.map(|entry| entry.unwrap().path())),
            Err(_) if changed(&path).is_some_and(|of| of <= built) => {}
            Err(_) => return false,
        }
    }
    true
}

/// An example that serves until this is dropped.
pub struct Example {
    pub address: SocketAddr,
    process: Child,
    pub lines: Lines<BufReader<ChildStdout>>,
    directory: Directory,
}

impl Example {
    async fn spawn(mut command: Command, directory: Directory) -> Self {
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = line_with(&mut lines, "listening on http://").await;
        let address = line.strip_prefix("listening on http://").expect(&line).parse().unwrap();
        Self { address, process, lines, directory }
    }

    /// The next line it prints with this text.
    pub async fn line_with(&mut self, text: &str) -> String {
        line_with(&mut self.lines, text).await
    }

    /// Where it runs.
    pub fn directory(&self) -> &std::path::Path {
        &self.directory.0
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Sends it a signal, as `kill` and Ctrl-C do.
    #[cfg(unix)]
    pub fn signal(&self, signal: &str) {
        // The shell's own `kill`: there need not be a program of this name.
        let kill = format!("kill -s {signal} {}", self.pid());
        let status = std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success());
    }

    /// What else it printed, and how it ended.
    pub async fn ended(mut self) -> (String, ExitStatus) {
        let mut rest = String::new();
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap() {
            rest += &line;
            rest += "\n";
        }
        (rest, timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap())
    }
}

/// The next line with this text.
pub async fn line_with<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>, text: &str) -> String {
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.expect(text).unwrap().expect(text);
        if line.contains(text) {
            return line;
        }
    }
}
