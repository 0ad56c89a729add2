//! A PostgreSQL of a test's own, which it may restart.

use std::process::Stdio;

use test_support::process::Directory;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A PostgreSQL that ends when this is dropped, by the end of its input.
pub(crate) struct PostgresServer {
    pub(crate) url: String,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
    _directory: Directory,
}

const SCRIPT: &str = r#"
    set -eu
    . tests/databases.sh
    trap databases_end EXIT
    databases_begin "$1" postgres
    databases_wait
    echo "$AIGC_AUTH_TEST_POSTGRES"
    control() {
        databases_as postgres "$(databases_postgres_program pg_ctl)" "$@" --wait --silent \
            --pgdata="$databases/postgres/data" --log="$databases/postgres/log" </dev/null >/dev/null
    }
    while read -r command; do
        case $command in
            restart) control restart --mode=immediate ;;
        esac
        echo "$command"
    done
"#;

impl PostgresServer {
    /// `None`, with a note, where the suite has no PostgreSQL.
    pub(crate) async fn start() -> Option<Self> {
        if std::env::var_os("AIGC_AUTH_TEST_POSTGRES").is_none() {
            eprintln!("skipped: AIGC_AUTH_TEST_POSTGRES is not set; tests/run.sh installs PostgreSQL");
            return None;
        }
        let directory = Directory::new("postgres");
        let mut process = Command::new("bash")
            .args(["-c", SCRIPT, "bash"])
            .arg(&directory.0)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = answers.next_line().await.unwrap().expect("PostgreSQL starts");
        Some(Self { url, commands, answers, _process: process, _directory: directory })
    }

    /// Kills it, and starts it anew.
    pub(crate) async fn restart(&mut self) {
        self.commands.write_all(b"restart\n").await.unwrap();
        assert_eq!(self.answers.next_line().await.unwrap().as_deref(), Some("restart"));
    }
}
