//! Scripts of `tests/reference`, run by a Python that has the reference client.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

use crate::expectations::Turn;
use crate::python;

/// Longer than any script takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

const PYTHON: &str = "AIGC_AUTH_REFERENCE_PYTHON";

/// The version of the reference client in `tests/reference/requirements.txt`; the others are in `versions.txt` there.
const OLDEST: &str = "1.1.53";

/// The Python in which `tests/run.sh` has installed the reference client, and which version of it runs.
pub struct Reference {
    python: PathBuf,
    pub version: &'static str,
    /// Where the version is, unless it is the one of the environment itself.
    folder: Option<PathBuf>,
    turn: Turn,
}

fn turn(version: &str) -> Turn {
    Turn::of(format!("reference client {version}"))
}

/// Runs a script to its end: JSON in, JSON out.
pub async fn converse(mut process: Child, script: &str, input: &Value) -> Value {
    let mut stdin = process.stdin.take().unwrap();
    let input = serde_json::to_vec(input).unwrap();
    // Both at once: a script may answer before it has read everything, or end without reading.
    let writing = async move {
        let _ = stdin.write_all(&input).await;
    };
    let both = async { tokio::join!(writing, process.wait_with_output()).1 };
    let output = timeout(PATIENCE, both).await.expect(script).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {}\n{complaints}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{script}: {error}\n{complaints}"))
}

impl Reference {
    /// The oldest version; `None`, with a note, where it is not installed.
    pub fn installed() -> Option<Self> {
        let python = std::env::var_os(PYTHON).map(PathBuf::from);
        if python.is_none() {
            eprintln!("skipped: {PYTHON} is not set; tests/run.sh installs the reference client and sets it");
        }
        Some(Self { python: python?, version: OLDEST, folder: None, turn: turn(OLDEST) })
    }

    /// All versions, the oldest first; none, with a note, where they are not installed.
    pub fn all_versions() -> Vec<Self> {
        let Some(oldest) = Self::installed() else { return vec![] };
        let home = oldest.python.parent().and_then(Path::parent).unwrap().to_owned();
        let others = include_str!("../../reference/versions.txt").lines();
        let others = others.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|version| {
            let folder = home.join("versions").join(version);
            assert!(folder.is_dir(), "{}: not there; tests/run.sh installs it", folder.display());
            Self { python: oldest.python.clone(), version, folder: Some(folder), turn: turn(version) }
        });
        let others: Vec<_> = others.collect();
        std::iter::once(oldest).chain(others).collect()
    }

    /// With these variables and no others: a proxy that the environment names would see what is sent.
    fn start(&self, script: &str, variables: &[(&str, &str)], stderr: Stdio) -> Child {
        self.turn.begin();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference").join(script);
        let mut command = python::command(&self.python);
        command.arg(script);
        command.env_clear().envs(variables.iter().copied());
        if let Some(folder) = &self.folder {
            command.env("PYTHONPATH", folder);
        }
        if cfg!(windows) {
            command.env("SystemRoot", std::env::var_os("SystemRoot").unwrap_or_default());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        command.spawn().unwrap_or_else(|error| panic!("{PYTHON}={}: {error}", self.python.display()))
    }

    /// Runs a script to its end: JSON in, JSON out.
    pub async fn run(&self, script: &str, variables: &[(&str, &str)], input: &Value) -> Value {
        converse(self.start(script, variables, Stdio::piped()), script, input).await
    }

    /// Starts a script that serves, and waits until it does.
    pub async fn serve(&self, script: &str, variables: &[(&str, &str)]) -> Serving {
        // What it complains of shows beside the test's own output.
        let mut process = self.start(script, variables, Stdio::inherit());
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.expect(script).unwrap();
        let first = first.unwrap_or_else(|| panic!("{script} ended before it served"));
        let address = first.strip_prefix("listening on http://").expect(&first).parse().unwrap();
        Serving { address, _process: process }
    }
}

/// A server of the reference's, which ends when this is dropped.
pub struct Serving {
    pub address: SocketAddr,
    _process: Child,
}
