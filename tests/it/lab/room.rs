//! A directory for a part of the laboratory, in which it installs what it tries.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Where the laboratory is. `tests/lab/run.sh` sets it.
const LAB: &str = "AIGC_AUTH_LAB";

/// Packages that the wanted ones need are of this day, or older.
const DAY: &str = "2026-11-29";

pub(super) struct Room {
    path: PathBuf,
}

impl Room {
    /// `None`, with a note, outside the laboratory.
    pub(super) fn of(part: &str) -> Option<Self> {
        let Some(lab) = std::env::var_os(LAB) else {
            eprintln!("skipped: {LAB} is not set; tests/lab/run.sh sets it");
            return None;
        };
        let path = Path::new(&lab).join(part);
        fs::create_dir_all(&path).unwrap();
        Some(Self { path })
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Installs packages of npm, `NAME@VERSION`, without scripts of theirs, and returns what they and Node.js are called in
    /// reports.
    pub(super) async fn npm(&self, packages: &[&str]) -> String {
        let wanted = format!("{} before {DAY}\n", packages.join(" "));
        // Written last: an install that broke off is made again.
        if fs::read_to_string(self.path("installed.txt")).ok() != Some(wanted.clone()) {
            for left in ["node_modules", "package-lock.json", "installed.txt"] {
                let left = self.path(left);
                let _ = if left.is_dir() { fs::remove_dir_all(left) } else { fs::remove_file(left) };
            }
            self.write("package.json", r#"{"private": true, "type": "module"}"#);
            let mut npm = Command::new("npm");
            npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--before", DAY]);
            run(npm.args(packages).current_dir(&self.path), Duration::from_secs(900)).await;
            self.write("installed.txt", &wanted);
        }
        let node = run(Command::new("node").arg("--version"), Duration::from_secs(60)).await;
        format!("{}, Node.js {}", self.installed(packages[0]), node.trim_start_matches('v'))
    }

    /// The package as it is there, which must be the wanted one.
    fn installed(&self, package: &str) -> String {
        let (name, version) = package.rsplit_once('@').unwrap();
        let manifest = self.path("node_modules").join(name).join("package.json");
        let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
        assert_eq!(manifest["version"], version, "{name}");
        format!("{name} {version}")
    }

    /// Node.js in the room, with the search path and no other variable.
    pub(super) fn node(&self) -> Command {
        let mut node = Command::new("node");
        node.current_dir(&self.path).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        node.stdin(Stdio::null()).kill_on_drop(true);
        node
    }

    /// Starts a server, which is stopped when this is dropped, and waits until it listens. It logs to `log` in the room.
    pub(super) async fn serve(&self, command: &mut Command, address: SocketAddr) -> Child {
        let log = self.path("log");
        let file = fs::File::create(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let server = command.kill_on_drop(true).spawn().unwrap();
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, listens).await.unwrap_or_else(|_| panic!("no server: see {}", log.display()));
        server
    }
}

/// Longer than a server takes to start, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a program that prints a line and serves until its standard input ends, which is when the returned one is dropped.
pub(super) async fn serve_after_line(command: &mut Command, patience: Duration) -> (String, Child) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = timeout(patience, lines.next_line()).await.expect("a line").unwrap();
    (line.expect("a line, and no end before it"), server)
}

/// Runs a program to its end, which must be a good one, and returns what it prints.
pub(super) async fn run(command: &mut Command, patience: Duration) -> String {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(patience, output).await.expect("an end");
    let program = command.as_std().get_program().to_owned();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {stdout}{stderr}", program.display());
    stdout.trim().to_owned()
}
