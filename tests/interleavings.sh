#!/usr/bin/env bash
# Tries many orders in which threads may run: of single flight, of lookups and invalidations with the maps of the cache, and of the
# queue of usage records. Takes a build of its own, since shuttle stands in for std's locks and atomics and for tokio's tasks in it;
# so it is no part of the suite. The seed of an order that fails is printed, as `shuttle::replay` takes it.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS="${RUSTFLAGS:-} --cfg shuttle" CARGO_TARGET_DIR="${AIGC_AUTH_INTERLEAVINGS_TARGET:-${CARGO_TARGET_DIR:-target}/interleavings}"
export CARGO_INCREMENTAL=0
# shellcheck disable=SC2054 # Features have commas.
tests=(cargo test --lib --features stats,jwt -- interleavings "$@")
# No test of such a name would be a success to cargo.
"${tests[@]}" --list | grep ': test$' >/dev/null || { printf 'tests/interleavings.sh: it does not build, or no test is called so\n' >&2 && exit 1; }
exec "${tests[@]}"
