//! How the program starts and stops.

use std::time::Duration;

use test_support::process::{Directory, PATIENCE, line_with};
use test_support::stopwatch::Stopwatch;
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
    let mut center = PROGRAM.start_in("--port 0 --bind 0.0.0.0 --insecure-bind", directory, &[]).await;
    assert!(center.address.ip().is_unspecified());
    for text in ["console: ", "AIGC_AUTH_BASE_URL=", "the issuer is "] {
        let line = center.line_with(text).await;
        assert!(line.contains("http://127.0.0.1:"), "nobody connects to 0.0.0.0: {line}");
    }
}

#[tokio::test]
async fn unknown_arguments_are_explained() {
    let directory = Directory::new("center");
    for (arguments, text) in [
        ("--dialect 1.1.40", "expected 1.1.53 to 1.1.62"),
        ("--port 70000", "70000 is not in 0..=65535"),
        ("--prot 1", "unexpected argument '--prot'"),
        ("--seed nowhere.toml", "nowhere.toml: No such file"),
        ("--url auth.example.test", "--url: expected a scheme, a host"),
        ("--url http://auth.example.test/path", "--url: expected a scheme, a host"),
        ("--state nowhere/state", "state file nowhere/state: No such file"),
    ] {
        let said = complaint(arguments, &directory).await;
        assert!(said.contains(text), "{said}");
    }
}

/// As by `| head -0`, which has read enough before there is anything to read.
#[cfg(unix)]
#[tokio::test]
async fn it_runs_where_nobody_reads_it_at_all() {
    let directory = Directory::new("center");
    // A free port: a moment ago it was.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let arguments = format!("--port 0 --console-port {}", free.port());
    let mut process = PROGRAM.command(&arguments, &directory, &[]).spawn().unwrap();
    drop(process.stdout.take());
    // A signal that comes earlier ends the program as it ends any.
    test_support::until("it listens", || std::net::TcpStream::connect(free).is_ok()).await;
    let kill = format!("kill -s TERM {}", process.id().unwrap());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let ended = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    let complaints = String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.success() && complaints == "aigc-auth-center: stopping\n",
        "{}: {complaints}",
        ended.status
    );
}

/// The next port after the last one is a free one.
#[tokio::test]
async fn last_port_has_a_console_beside_it() {
    let directory = Directory::new("center");
    // Something else may have it.
    if std::net::TcpListener::bind("127.0.0.1:65535").is_ok() {
        let mut center = PROGRAM.start_in("--port 65535", directory, &[]).await;
        assert!(center.line_with("console: ").await.starts_with("console: http://127.0.0.1:"));
    }
}

/// As many as a center takes, in a debug build: the file is read once, not once for each of them.
#[tokio::test]
async fn large_seed_starts_in_no_time() {
    let mut seed = String::new();
    for at in 0..9_000 {
        seed += &format!(
            "[[users]]\nusername = \"user-{at}\"\nnickname = \"User {at}\"\npermissions = [\"report:read\", \"article:edit\"]\n"
        );
        seed += &format!("[[tokens]]\ntoken = \"token-{at}\"\nuser = \"user-{at}\"\n");
    }
    let directory = crate::support::directory("seed.toml", &seed);
    let start = Stopwatch::start();
    let center = Center::start_in("--seed seed.toml", directory).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(center.client().user_info("token-8999").await.unwrap().username(), "user-8999");
}

/// A request that has arrived is answered, and the port is free afterwards.
#[cfg(unix)]
#[tokio::test]
async fn signals_end_it_in_order() {
    for signal in ["TERM", "INT"] {
        let center = Center::start("").await;
        let client = center.client();
        client.user_info("token").await.unwrap();
        let (address, start) = (center.example.address, Stopwatch::start());
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
