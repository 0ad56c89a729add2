#!/usr/bin/env bash
# queue-file 2.0.0 (crates.io): `clear()`, which `remove_n` of all entries calls, writes the header with the file's old length
# and truncates the file afterwards. A file that had grown cannot be opened again until something was added: the header claims
# more than there is. Nothing is lost, for the queue is empty. `sync_all()` under `set_skip_write_header_on_add(true)` writes
# the header once more, and the file opens.
#
# Seen:
#   cleared: corrupted file: v2 file is truncated: header claims 32768, actual 8192
#   cleared, header written again: opens with 0 entries
#   cleared, one entry added: opens with 1 entries
#
# Why it matters here: each start after a run that delivered everything would find a "damaged" spool. `spool/cleared.rs`
# writes the header again, and opens what a crash has left in between.
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
queue-file = "=2.0.0"
TOML
cat >"$room/try/src/main.rs" <<'RUST'
use queue_file::QueueFile;

/// A queue that held 10 KB and was cleared.
fn cleared(path: &str) -> QueueFile {
    let mut queue = QueueFile::open(path).unwrap();
    queue.add(&[7; 10_000]).unwrap();
    queue.clear().unwrap();
    queue
}

fn main() {
    let room = std::env::args().nth(1).unwrap();
    let path = |name: &str| format!("{room}/{name}");

    drop(cleared(&path("a")));
    let error = QueueFile::open(path("a")).expect_err("this has changed: a cleared file opens");
    println!("cleared: {error}");
    assert!(error.to_string().contains("header claims 32768, actual 8192"), "this has changed");

    let mut queue = cleared(&path("b"));
    queue.set_skip_write_header_on_add(true);
    queue.sync_all().unwrap();
    drop(queue);
    let queue = QueueFile::open(path("b")).expect("this has changed");
    println!("cleared, header written again: opens with {} entries", queue.size());

    let mut queue = cleared(&path("c"));
    queue.add(b"x").unwrap();
    drop(queue);
    let queue = QueueFile::open(path("c")).expect("this has changed");
    println!("cleared, one entry added: opens with {} entries", queue.size());
    assert_eq!(queue.size(), 1, "this has changed");
}
RUST
cargo run --quiet --release --manifest-path "$room/try/Cargo.toml" --target-dir "$room/target" -- "$room"
