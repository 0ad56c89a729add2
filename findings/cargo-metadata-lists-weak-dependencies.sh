#!/usr/bin/env bash
# cargo 1.95 (and sqlx 0.9.0 from crates.io): `cargo metadata` resolves a weak feature, `sqlx-macros?/sqlite`, as if it enabled the
# dependency. Its graph of what is depended on has packages that `cargo tree` does not list and `cargo build` does not build.
#
# Seen, with sqlx's features "runtime-tokio" and "sqlite-bundled":
#   in cargo metadata, not in cargo tree: dotenvy heck hex itoa serde serde_core serde_derive serde_json sqlx-macros sqlx-macros-core zmij
#
# Why it matters here: bills of materials by cargo-cyclonedx are made from `cargo metadata`, and so list more than a program has in it;
# an advisory about such a package is no reason to hurry. `tests/supply/sbom.py` wants each package of `cargo tree` in the bill, and names
# the others without failing.
# Needs cargo and python3.
set -euo pipefail
room="$(mktemp -d)"
trap 'rm -rf "$room"' EXIT
mkdir -p "$room/try/src"
cat >"$room/try/Cargo.toml" <<'TOML'
[package]
name = "try"
version = "0.0.0"
edition = "2024"
[workspace]
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite-bundled"] }
TOML
touch "$room/try/src/lib.rs"
cd "$room/try"
cargo tree --quiet --edges all --target all --prefix none --no-dedupe --format '{p}' >tree.txt
cargo metadata --quiet --format-version 1 | python3 -c '
import json, sys
metadata = json.load(sys.stdin)
names = {package["id"]: package["name"] for package in metadata["packages"]}
built = {line.split()[0] for line in open("tree.txt") if line.strip()}
more = sorted({names[node["id"]] for node in metadata["resolve"]["nodes"]} - built)
print("in cargo metadata, not in cargo tree:", *more)
assert {"sqlx-macros", "sqlx-macros-core"} <= set(more), "this has changed"'
