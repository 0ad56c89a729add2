//! The example of a registered service, as a process of its own: what it prints, serves and logs, and how it ends.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::process::ExitStatus;

use aigc_auth::testing::AuthCenter;
use serde_json::{Value, json};
use test_support::http::{get, request};
use test_support::process::{Directory, Example, PATIENCE, Program, line_with, settings};
use test_support::until;
use tokio::io::{BufReader, Lines};
use tokio::process::ChildStderr;
use tokio::time::timeout;

const SERVICE_REGISTRY: Program = Program(env!("CARGO_BIN_EXE_service_registry"));

/// The example, and what it logs.
struct Logged {
    example: Example,
    log: Lines<BufReader<ChildStderr>>,
}

impl Logged {
    async fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        let (example, log) = SERVICE_REGISTRY.start_logged(name, variables).await;
        Self { example, log }
    }

    async fn registering(&mut self) -> Value {
        let line = self.example.line_with("registering ").await;
        serde_json::from_str(line.strip_prefix("registering ").unwrap()).expect(&line)
    }

    /// Once it is online: its log may be quicker by a moment.
    async fn config(&self) -> Value {
        let ask = async {
            loop {
                let config = get(self.example.address, "/config", &[]).await.json();
                if config["state"] == "online" {
                    return config;
                }
            }
        };
        timeout(PATIENCE, ask).await.expect("it is online")
    }

    /// Ends it by this signal; returns what else it printed, and how it ended.
    #[cfg(unix)]
    async fn end(self, signal: &str) -> (String, ExitStatus) {
        self.example.signal(signal);
        self.example.ended().await
    }
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
        let mut service = Logged::start(signal, &variables).await;
        let said = json!({
            "name": "orders", "serviceType": "website", "environment": "pre", "port": 8000,
            "ips": ["10.0.0.1", "10.0.0.2"], "instanceId": "orders-1", "tags": null, "description": null,
            "metadata": null,
        });
        assert_eq!(service.registering().await, said);
        until("it is registered", || center.services().len() == 1).await;
        let mut registered = center.services().remove(0);
        for (name, value) in said.as_object().unwrap() {
            assert_eq!(registered[name].take(), *value, "{name}");
        }
        let line = line_with(&mut service.log, "configured").await;
        assert!(line.contains("version=2") && line.contains("LIMIT") && !line.contains("hunter2"), "{line}");

        let health = get(service.example.address, "/health", &[]).await;
        assert_eq!((health.status, &*health.body), (200, "ok\n"));
        let expected =
            json!({ "config": { "LIMIT": 7, "API_KEY": "hunter2" }, "version": 2, "state": "online" });
        assert_eq!(service.config().await, expected);
        assert_eq!(request(service.example.address, "GET", "/none", &[]).await.status, 404);

        let (printed, status) = service.end(signal).await;
        assert!(printed.contains("unregistered") && !printed.contains("curl"), "{printed}");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert_eq!(center.services(), [] as [Value; 0], "{signal}");
    }
}

/// A change of the configuration takes some seconds to show, as a newcomer sees it.
#[cfg(unix)]
#[tokio::test]
async fn with_a_center_of_its_own_it_shows_a_change() {
    let mut service = Logged::start("own", &[("RUST_LOG", "service_registry=info")]).await;
    let said = service.registering().await;
    assert_eq!((&said["name"], &said["environment"]), (&json!("service-registry-example"), &json!("pro")));
    let curl = service.example.line_with("curl").await;
    assert_eq!(curl.trim(), format!("curl http://{}/config", service.example.address));
    for (version, config) in
        [(2, json!({ "LOG_LEVEL": "info" })), (3, json!({ "LOG_LEVEL": "debug", "GREETING": "hello" }))]
    {
        let line = line_with(&mut service.log, "").await;
        assert!(line.contains(&format!("configured version={version}")), "nothing else is logged: {line}");
        assert_eq!(
            service.config().await,
            json!({ "config": config, "version": version, "state": "online" })
        );
    }
    let (printed, status) = service.end("TERM").await;
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
        let output = timeout(PATIENCE, SERVICE_REGISTRY.command("", &directory, &variables).output())
            .await
            .unwrap()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(complaint), "{stderr}");
        assert_eq!(center.services(), [] as [Value; 0]);
    }
}
