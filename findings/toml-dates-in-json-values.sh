#!/usr/bin/env bash
# toml 1.2.1 (crates.io): read into a `serde_json::Value`, a date or time is no text but an object with one member, whose name is the
# crate's own, and `nan` and `inf` are null. Both without an error.
#
# Seen:
#   {"at":{"$__toml_private_datetime":"2024-01-01"},"rate":null}
#
# Why it matters here: seed files of the local center may have configurations of services, in TOML, which services get as JSON.
# `center/src/seed/toml.rs` reads a `toml::Value`, and writes dates as texts.
# Needs cargo.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
mkdir -p "$room/try/src"
cat >"$room/try/Cargo.toml" <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[dependencies]
serde_json = "1.0"
toml = { version = "=1.2.1", default-features = false, features = ["parse", "serde", "std"] }
TOML
cat >"$room/try/src/main.rs" <<'RUST'
fn main() {
    let value: serde_json::Value = toml::from_str("at = 2024-01-01\nrate = nan\n").expect("this has changed");
    println!("{value}");
    assert_eq!(value["at"]["$__toml_private_datetime"], "2024-01-01", "this has changed");
    assert!(value["rate"].is_null(), "this has changed");
}
RUST
cargo run --quiet --release --manifest-path "$room/try/Cargo.toml" --target-dir "$room/target"
