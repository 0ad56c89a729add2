//! A Redis of a test's own.

use std::process::Stdio;
use std::time::Duration;

use test_support::process::Directory;
use test_support::until_async;
use tokio::process::{Child, Command};

use crate::upstream::redis_link::RedisAddress;

/// Ends when this is dropped.
pub(super) struct Server {
    directory: Directory,
    process: Child,
}

impl Server {
    /// `None`, with a note, where it is not installed.
    pub(super) async fn start(more: &[&str]) -> Option<Self> {
        let directory = Directory::new("redis");
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--unixsocket", "s", "--save", "", "--loglevel", "warning"]).args(more);
        command.current_dir(&directory.0).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let process = command.spawn();
        if let Err(error) = &process {
            eprintln!("skipped: cannot start `redis-server` ({error}); tests/run.sh installs it");
        }
        let server = Self { directory, process: process.ok()? };
        until_async("redis-server answers", async || server.try_run::<String>(&["PING"]).await.is_ok()).await;
        Some(server)
    }

    pub(super) fn url(&self) -> String {
        format!("unix://{}/s", self.directory.0.display())
    }

    pub(super) fn address(&self) -> RedisAddress {
        RedisAddress::parse(&self.url()).unwrap()
    }

    async fn try_run<T: redis::FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut redis = client.get_multiplexed_async_connection().await?;
        redis::cmd(command[0]).arg(&command[1..]).query_async(&mut redis).await
    }

    /// Sends a signal, such as `STOP`.
    pub(super) fn signal(&self, signal: &str) {
        let kill = format!("kill -s {signal} {}", self.process.id().unwrap());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Runs a command, such as `SET a 1`.
    pub(super) async fn run<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_run(command).await.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }
}

pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
