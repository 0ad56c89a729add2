#!/usr/bin/env bash
# queue-file 2.0.0 (crates.io): `QueueFile::open` takes a file for one of its version 1, or of the format before, unless it finds
# the name `QFMH` at the start of either header, and replaces it by a file of version 2 with the entries that it reads of that. A
# file of version 2 that has lost both headers, as by a disk that has returned zeros, may read as an empty one: then it is replaced by
# an empty file, without an error.
#
# Seen:
#   before: 32768 bytes
#   opened: 0 entries; the file has 8192 bytes, and b"QFMH" at its start
#
# Why it matters here: a damaged spool is to be kept for inspection. `spool/queue_files.rs` looks for the headers before it opens
# a file, and renames one that has none.
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
use std::fs;

use queue_file::QueueFile;

fn main() {
    let path = std::env::args().nth(1).unwrap() + "/queue";
    let mut queue = QueueFile::open(&path).unwrap();
    queue.add(&[7; 10_000]).unwrap();
    drop(queue);

    let mut bytes = fs::read(&path).unwrap();
    bytes[..8 * 1024].fill(0);
    // What is left of a length: that of a file, so that it reads as an empty queue of the oldest format.
    bytes[2] = 32;
    fs::write(&path, &bytes).unwrap();
    println!("before: {} bytes", bytes.len());

    let queue = QueueFile::open(&path).expect("this has changed: it is an error");
    let (entries, after) = (queue.size(), fs::read(&path).unwrap());
    let name = String::from_utf8_lossy(&after[..4]).into_owned();
    println!("opened: {entries} entries; the file has {} bytes, and b{name:?} at its start", after.len());
    assert!(entries == 0 && name == "QFMH" && after.len() < bytes.len(), "this has changed");
}
RUST
cargo run --quiet --release --manifest-path "$room/try/Cargo.toml" --target-dir "$room/target" -- "$room"
