//! How the program starts and stops.

use std::time::Duration;

use test_support::process::{Directory, PATIENCE, line_with};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::support::{Center, PROGRAM, complaint};

#[tokio::test]
async fn a_center_of_nobody_has_three_users_and_secrets_of_its_own() {
    let mut center = Center::start_in("", Directory::new("center")).await;
    let line = center.example.line_with("alice ").await;
    let token = line.split_whitespace().nth(1).unwrap().to_owned();
    let alice = center.client().user_info(&token).await.unwrap();
    assert!(alice.has_permission("report:read") && alice.has_group("ops") && !alice.is_admin());

    let mut other = Center::start_in("", Directory::new("center")).await;
    assert_ne!(other.env["AIGC_AUTH_APP_SECRET"], center.env["AIGC_AUTH_APP_SECRET"]);
    assert!(!other.example.line_with("alice ").await.contains(&token));
}

#[tokio::test]
async fn port_in_use_is_said() {
    let center = Center::start("").await;
    let port = center.example.address.port();
    let directory = Directory::new("center");
    let said = complaint(&format!("--port {port}"), &directory).await;
    let expected = format!(
        "aigc-auth-center: port {port} is in use: end the program that uses it, or choose another by --port"
    );
    assert_eq!(said, expected);
    let said = complaint(&format!("--port 0 --console-port {port}"), &directory).await;
    assert_eq!(said, expected.replace("--port", "--console-port"));
}

#[tokio::test]
async fn public_address_takes_a_word() {
    let directory = Directory::new("center");
    for address in ["0.0.0.0", "::", "192.0.2.1"] {
        let said = complaint(&format!("--port 0 --bind {address}"), &directory).await;
        assert!(said.contains("no loopback address") && said.contains("--insecure-bind"), "{said}");
    }
    let center = PROGRAM.start_in("--port 0 --bind 0.0.0.0 --insecure-bind", directory, &[]).await;
    assert!(center.address.ip().is_unspecified());
}

#[tokio::test]
async fn unknown_arguments_are_explained() {
    let directory = Directory::new("center");
    for (arguments, text) in [
        ("--dialect 1.1.40", "expected 1.1.53 to 1.1.62"),
        ("--port 70000", "70000 is not in 0..=65535"),
        ("--prot 1", "unexpected argument '--prot'"),
        ("--seed nowhere.toml", "nowhere.toml: No such file"),
        ("--state nowhere/state", "state file nowhere/state: No such file"),
    ] {
        let said = complaint(arguments, &directory).await;
        assert!(said.contains(text), "{said}");
    }
}

/// A request that has arrived is answered, and the port is free afterwards.
#[cfg(unix)]
#[tokio::test]
async fn signals_end_it_in_order() {
    for signal in ["TERM", "INT"] {
        let center = Center::start("").await;
        let client = center.client();
        client.user_info("token").await.unwrap();
        let (address, start) = (center.example.address, std::time::Instant::now());
        center.example.signal(signal);
        let (rest, status) = center.example.ended().await;
        assert!(status.success() && rest.ends_with("stopped\n"), "{signal}: {status} {rest}");
        assert!(start.elapsed() < Duration::from_secs(4), "idle connections hold nothing up");
        std::net::TcpListener::bind(address).unwrap();
    }
}

/// As Ctrl-C does behind `| tee center.log`, which it ends first.
#[cfg(unix)]
#[tokio::test]
async fn it_ends_in_order_where_nobody_reads_it_any_more() {
    let directory = Directory::new("center");
    let mut process = PROGRAM.command("--port 0", &directory, &[]).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    line_with(&mut lines, "root ").await;
    drop(lines);
    let kill = format!("kill -s INT {}", process.id().unwrap());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let ended = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    let complaints = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && !complaints.contains("panicked"), "{}: {complaints}", ended.status);
}
