//! The addresses of a machine with a bridge to containers, in a network of its own.

use std::process::{Command, Stdio};

use aigc_auth::registry::{Registration, RegistrationState};
use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, Secret};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::registry::support::{PATIENCE, heartbeats_until, is};
use crate::support::{Log, test_process};

const CHILD: &str = "AIGC_AUTH_TEST_NETWORK";

/// `docker0` comes first among the interfaces, as on a host where Docker started before the network was up.
const MACHINE: &str = "
    ip link set lo up
    ip link add docker0 type bridge
    ip link add container0 type veth peer name container1
    ip link set container0 master docker0
    ip link add eth0 type veth peer name switch0
    for link in docker0 container0 container1 switch0 eth0; do ip link set $link up; done
    ip addr add 172.17.0.1/16 dev docker0
    ip addr add 10.77.0.1/24 dev eth0
    ip addr add 2001:db8::1/64 dev eth0 nodad
";

fn sh(script: &str) -> bool {
    let status =
        Command::new("sh").args(["-ec", script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn route_comes_first_and_changes_are_noticed() {
    if !sh(&format!("unshare -rn sh -ec '{MACHINE}'")) {
        println!("skipped: takes `unshare` and `ip`, and a system that lets this user make networks");
        return;
    }
    let child = test_process(module_path!(), "child_is_registered_by_its_route");
    let mut command = Command::new("unshare");
    command.arg("-rn").arg(child.get_program()).args(child.get_args()).env(CHILD, "1");
    let output = command.output().unwrap();
    let [text, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success() && text.contains("registered by its route"), "{text}{errors}");
}

/// Passes connections to this address on to the auth center, which listens on loopback, until dropped.
async fn relay(to: &str, center: &AuthCenter) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind((to, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = center.url();
    let (center, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (center, url) = (center.to_owned(), format!("http://{address}/{path}"));
    let mut relay = JoinSet::new();
    relay.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut center = TcpStream::connect(&center).await.unwrap();
            connections.spawn(async move { copy_bidirectional(&mut stream, &mut center).await });
        }
    });
    (url, relay)
}

#[tokio::test]
async fn child_is_registered_by_its_route() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    assert!(sh(MACHINE));
    let log = Log::start();
    let center = AuthCenter::start().await;
    let ips = || center.services()[0]["ips"].clone();
    let client = |url: &str| {
        AuthClient::builder(center.app_id(), Secret::new(center.app_secret()), url).build().unwrap()
    };

    let (url, _relay) = relay("10.77.0.1", &center).await;
    let handle = Registration::builder("orders").start(&client(&url)).unwrap();
    is(&handle, RegistrationState::Online).await;
    assert_eq!(ips(), json!(["10.77.0.1", "2001:db8::1", "172.17.0.1"]));
    for (change, expected) in [
        ("ip addr add 10.77.0.2/24 dev eth0", json!(["10.77.0.1", "10.77.0.2", "2001:db8::1", "172.17.0.1"])),
        ("ip addr del 172.17.0.1/16 dev docker0", json!(["10.77.0.1", "10.77.0.2", "2001:db8::1"])),
        ("ip addr del 10.77.0.2/24 dev eth0", json!(["10.77.0.1", "2001:db8::1"])),
    ] {
        log.take();
        assert!(sh(change));
        heartbeats_until(change, || ips() == expected).await;
        assert_eq!(log.take().matches("addresses of this machine have changed").count(), 1, "{change}");
        assert_eq!(Value::from(handle.service().ips.clone()), expected);
    }
    handle.shutdown(PATIENCE).await.unwrap();

    let (url, _relay) = relay("2001:db8::1", &center).await;
    let handle = Registration::builder("orders").start(&client(&url)).unwrap();
    is(&handle, RegistrationState::Online).await;
    assert_eq!(ips(), json!(["2001:db8::1", "10.77.0.1"]));
    println!("registered by its route");
}
