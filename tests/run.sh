#!/usr/bin/env bash
# The whole suite: formatting, lints over the features, docs, tests, doctests. Installs what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; "$@"; }

have() { command -v "$1" >/dev/null 2>&1; }
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
have cargo-hack || step cargo install --locked --debug cargo-hack

export CARGO_TERM_COLOR=never
step cargo fmt --check
# Every feature alone, none, and all; then the tests, examples and benches with the lot.
step cargo hack clippy --each-feature --lib -- -D warnings
step cargo clippy --all-features --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc --no-deps --all-features
# Where it is installed; it takes longer to build than all of this.
if have cargo-deny; then step cargo deny --offline check licenses bans sources; fi
# Unit tests, the integration tests (they run the examples), doctests; then each bench once, to see that it works.
step cargo test --all-features
step cargo test --all-features --bench layer --bench cache --bench cold --bench loopback
