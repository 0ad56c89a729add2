//! The example of a registered service, as a process of its own: what it prints, serves and logs, and how it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use aigc_auth::testing::AuthCenter;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use crate::center_support::until;
use crate::registry_support::Directory;
use crate::support::{get, request};

/// Longer than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

struct Example {
    address: SocketAddr,
    process: Child,
    printed: Lines<BufReader<ChildStdout>>,
    logged: Lines<BufReader<ChildStderr>>,
    _directory: Directory,
}

/// The example, which cargo builds together with this test, with these variables and no others.
fn command(directory: &Directory, variables: &[(&str, &str)]) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().and_then(Path::parent).unwrap().join("examples");
    let example = built.join(format!("service_registry{}", std::env::consts::EXE_SUFFIX));
    assert!(
        example.exists(),
        "build it with `cargo build --example service_registry`: {}",
        example.display()
    );
    let mut command = Command::new(example);
    command.current_dir(&directory.0).env_clear().env("BIND", "127.0.0.1:0").env("NO_COLOR", "1");
    command.envs(variables.iter().copied());
    if cfg!(windows) {
        command.env("SystemRoot", std::env::var_os("SystemRoot").unwrap_or_default());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn line_with<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>, text: &str) -> String {
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.expect(text).unwrap().expect(text);
        if line.contains(text) {
            return line;
        }
    }
}

impl Example {
    async fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let directory = Directory::new(name);
        let mut process = command(&directory, variables).spawn().unwrap();
        let mut printed = BufReader::new(process.stdout.take().unwrap()).lines();
        let logged = BufReader::new(process.stderr.take().unwrap()).lines();
        let first = line_with(&mut printed, "").await;
        let address = first.strip_prefix("listening on http://").expect(&first).parse().unwrap();
        Self { address, process, printed, logged, _directory: directory }
    }

    async fn registering(&mut self) -> Value {
        let line = line_with(&mut self.printed, "registering ").await;
        serde_json::from_str(line.strip_prefix("registering ").unwrap()).expect(&line)
    }

    /// Once it is online: its log may be quicker by a moment.
    async fn config(&self) -> Value {
        let ask = async {
            loop {
                let config = get(self.address, "/config", &[]).await.json();
                if config["state"] == "online" {
                    return config;
                }
            }
        };
        timeout(PATIENCE, ask).await.expect("it is online")
    }

    /// Ends it by this signal; returns what else it printed, and how it ended.
    #[cfg(unix)]
    async fn end(mut self, signal: &str) -> (String, ExitStatus) {
        // The shell's own `kill`: there need not be a program of this name.
        let kill = format!("kill -s {signal} {}", self.process.id().unwrap());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut rest = String::new();
        while let Some(line) = timeout(PATIENCE, self.printed.next_line()).await.unwrap().unwrap() {
            rest += &line;
            rest += "\n";
        }
        (rest, timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap())
    }
}

fn settings(center: &AuthCenter) -> [(&'static str, String); 3] {
    [
        ("AIGC_AUTH_APP_ID", center.app_id().to_owned()),
        ("AIGC_AUTH_APP_SECRET", center.app_secret().to_owned()),
        ("AIGC_AUTH_BASE_URL", center.url()),
    ]
}

#[cfg(unix)]
#[tokio::test]
async fn registered_from_the_environment_as_long_as_it_runs() {
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7, "API_KEY": "hunter2" }));
    let settings = settings(&center);
    let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    variables.extend([
        ("AIGC_SERVICE_NAME", "orders"),
        ("AIGC_SERVICE_TYPE", "website"),
        ("AIGC_SERVICE_ENV", "pre"),
        ("AIGC_SERVICE_PORT", "8000"),
        ("AIGC_SERVICE_IPS", "10.0.0.1, 10.0.0.2"),
        ("AIGC_SERVICE_INSTANCE_ID", "orders-1"),
    ]);
    for signal in ["TERM", "INT"] {
        let mut example = Example::start(signal, &variables).await;
        let said = json!({
            "name": "orders", "serviceType": "website", "environment": "pre", "port": 8000,
            "ips": ["10.0.0.1", "10.0.0.2"], "instanceId": "orders-1", "tags": null, "description": null,
            "metadata": null,
        });
        assert_eq!(example.registering().await, said);
        until("it is registered", || center.services().len() == 1).await;
        let mut registered = center.services().remove(0);
        for (name, value) in said.as_object().unwrap() {
            assert_eq!(registered[name].take(), *value, "{name}");
        }
        let line = line_with(&mut example.logged, "configured").await;
        assert!(line.contains("version=2") && line.contains("LIMIT") && !line.contains("hunter2"), "{line}");

        let health = get(example.address, "/health", &[]).await;
        assert_eq!((health.status, &*health.body), (200, "ok\n"));
        let expected =
            json!({ "config": { "LIMIT": 7, "API_KEY": "hunter2" }, "version": 2, "state": "online" });
        assert_eq!(example.config().await, expected);
        assert_eq!(request(example.address, "GET", "/none", &[]).await.status, 404);

        let (printed, status) = example.end(signal).await;
        assert!(printed.contains("unregistered") && !printed.contains("curl"), "{printed}");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert_eq!(center.services(), [] as [Value; 0], "{signal}");
    }
}

/// A change of the configuration takes some seconds to show, as a newcomer sees it.
#[cfg(unix)]
#[tokio::test]
async fn with_a_center_of_its_own_it_shows_a_change() {
    let mut example = Example::start("own", &[("RUST_LOG", "service_registry=info")]).await;
    let said = example.registering().await;
    assert_eq!((&said["name"], &said["environment"]), (&json!("service-registry-example"), &json!("pro")));
    let curl = line_with(&mut example.printed, "curl").await;
    assert_eq!(curl.trim(), format!("curl http://{}/config", example.address));
    for (version, config) in
        [(2, json!({ "LOG_LEVEL": "info" })), (3, json!({ "LOG_LEVEL": "debug", "GREETING": "hello" }))]
    {
        let line = line_with(&mut example.logged, "").await;
        assert!(line.contains(&format!("configured version={version}")), "nothing else is logged: {line}");
        assert_eq!(
            example.config().await,
            json!({ "config": config, "version": version, "state": "online" })
        );
    }
    let (printed, status) = example.end("TERM").await;
    assert!(printed.contains("unregistered, good-bye"), "{printed}");
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_complained_of() {
    let center = AuthCenter::start().await;
    let settings = settings(&center);
    for (added, complaint) in [
        (&[][..], "AIGC_SERVICE_NAME is not set"),
        (&[("AIGC_SERVICE_NAME", "orders"), ("AIGC_SERVICE_PORT", "none")], "AIGC_SERVICE_PORT is `none`"),
        (&[("AIGC_SERVICE_NAME", "orders"), ("BIND", "nowhere")], "BIND=nowhere"),
    ] {
        let directory = Directory::new("complaints");
        let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        variables.extend(added);
        let output = timeout(PATIENCE, command(&directory, &variables).output()).await.unwrap().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(complaint), "{stderr}");
        assert_eq!(center.services(), [] as [Value; 0]);
    }
}
