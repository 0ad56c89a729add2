//! A headless Chromium (Debian's) with the page of `examples/browser`, driven by playwright-core (npm).

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command as Blocking;
use std::time::Duration;

use serde_json::{Map, Value};
use test_support::expectations::Rows;
use test_support::process::Program;
use tokio::process::Command;

use super::room::{self, Room};

const PACKAGES: [&str; 1] = ["playwright-core@1.65.1"];
const SCRIPT: &str = include_str!("../../lab/browse.mjs");
/// What pages see, and what the service logs, at every level.
async fn browse(
    room: &Room,
    example: &str,
    chromium: &str,
    is_allowed: bool,
) -> (Map<String, Value>, String) {
    // The other origin is on this machine, too, and so of the same site: browsers send it the same cookies.
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [free, other] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    drop(listeners);
    let other = format!("http://{other}");
    let allowed = if is_allowed { &*other } else { "" };
    let mut service = Command::new(example);
    let variables =
        [("BIND", &*free.to_string()), ("RUST_LOG", "trace"), ("NO_COLOR", "1"), ("ALLOW_ORIGIN", allowed)];
    service.env_clear().envs(variables);
    let mut service = room.serve(&mut service, free).await;
    let mut node = room.node();
    node.args(["app.mjs", &format!("http://{free}"), &*other]);
    node.env("CHROMIUM", chromium).env("HOME", room.path(""));
    let seen = room::run(&mut node, Duration::from_secs(120)).await;
    service.kill().await.unwrap();
    (serde_json::from_str(&seen).unwrap(), fs::read_to_string(room.path("log")).unwrap())
}

#[tokio::test]
async fn browser() {
    let Some(room) = Room::of("browser") else { return };
    let found = Blocking::new("sh").args(["-c", "command -v chromium"]).output().unwrap();
    let chromium = String::from_utf8(found.stdout).unwrap().trim().to_owned();
    assert!(!chromium.is_empty(), "missing: chromium (chromium in Debian)");
    room.npm(&PACKAGES).await;
    room.write("app.mjs", SCRIPT);
    let Program(example) = Program::of_example("browser").await;
    let (alice, closed) = ("hello, alice", "closed: 1006");
    let mut rows = Rows::default();
    for (is_allowed, socket, events, me, form, headers) in [
        (false, closed, "closed", "TypeError".into(), "opaque", "TypeError"),
        (true, alice, "hello, alice: 0", Value::from(200), "opaque", "401 Bearer"),
    ] {
        let (seen, log) = browse(&room, example, &chromium, is_allowed).await;
        let allows = if is_allowed { "allowed" } else { "not allowed" };
        rows.with(format!("Chromium, with another origin that is {allows}"));
        for (step, expected) in [
            ("signed out: socket by cookie", "closed: 1006".into()),
            ("signed out: events by cookie", "closed".into()),
            ("socket by protocol", "hello, alice (protocol: bearer)".into()),
            ("socket by protocol, with another", "hello, alice (protocol: chat)".into()),
            ("socket by unknown protocol token", "closed: 1006".into()),
            ("socket by query", "hello, alice (protocol: none)".into()),
            ("events by query", "hello, alice: 0".into()),
            ("sign in", Value::from(200)),
            ("socket by cookie", "hello, alice (protocol: none)".into()),
            ("events by cookie", "hello, alice: 0".into()),
            ("fetch by cookie", Value::from(200)),
            ("scripts see of the cookie", "".into()),
            ("other origin: socket by cookie", socket.into()),
            ("other origin: events by cookie", events.into()),
            ("other origin: fetch by cookie", me),
            ("other origin: form by cookie", form.into()),
            ("other origin: headers of a rejection", headers.into()),
            // Who has a token may use it from anywhere, but not beside a cookie of somebody else that counts.
            ("other origin: socket by protocol", if is_allowed { closed } else { "hello, bob" }.into()),
        ] {
            rows.expect(step, &seen[step].to_string(), &expected.to_string());
        }
        let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
        for token in ["alice-token", "bob-token"] {
            // The banner of the example, on its standard output, names the tokens to try.
            let shown = log.lines().filter(|line| line.contains(token));
            let shown: Vec<_> = shown.filter(|line| !line.starts_with("no AIGC_AUTH_* is set")).collect();
            rows.expect(&format!("lines of its log with {token}"), &shown, &vec![]);
        }
        let (served, ignored) = (lines("served record="), lines("the cookie `__Host-session` was not read"));
        rows.expect("eight usage records or more", &(served >= 8), &true);
        // The browser sent it, and the layer did not count it.
        rows.expect("three cookies or more that did not count", &(ignored >= 3), &!is_allowed);
    }
}
