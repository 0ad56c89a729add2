#!/usr/bin/env bash
# The whole suite: formatting, lints over the features, docs, licences, tests, doctests. Installs what it needs, and says in the end
# how long each step took.
set -euo pipefail
cd "$(dirname "$0")/.."

script=tests/run.sh
# shellcheck source=tests/install.sh
. tests/install.sh
install_variables

# What is under way beside this script, each a group of processes.
installing=
ahead=
soak=
lints=
end() {
  local group
  apart_end
  # Never in the middle: apt-get would leave half a package.
  [ -z "$installing" ] || wait "$installing" || true
  for group in $ahead $soak $lints; do
    kill -- "-$group" 2>/dev/null || continue
    wait "$group" || true
  done
  databases_end
  steps_table
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# It waits for other hosts for the most part, while cargo is at work; what it says comes below.
# `promtool`, of Debian's prometheus, checks the rules of docs/alerts.yml.
(beside='beside: ' && install_all curl=curl openssl=openssl valgrind=valgrind promtool=prometheus) >"$built/install.log" 2>&1 </dev/null &
installing=$!

# Each crate is built once in a run of CI: what would be kept for the next time costs more than it gives, and so do lines in backtraces;
# a panic says where it was.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}" CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
step cargo fmt --check
# Workspaces with lock files of their own, which a new dependency of the crate leaves behind.
for folder in benches/peers fuzz; do step cargo update --workspace --locked --quiet --manifest-path "$folder/Cargo.toml"; done
# In a directory of its own, with what the steps until the tests leave of the processors; what it says is said again below.
budget=(cargo build --profile budget -p aigc-auth-budget)
set -m
nice -n 10 "${budget[@]}" --quiet >/dev/null 2>&1 </dev/null &
ahead=$!
set +m
step cargo clippy --workspace --all-features --all-targets -- -D warnings
code=0
wait "$installing" || code=$?
installing=
cat "$built/install.log"
[ "$code" = 0 ] || fail "what the suite needs is not installed; the end of $built/install.log says why"
# They start while cargo is at work.
databases_begin "$built"
step promtool check rules docs/alerts.yml
step promtool test rules tests/metrics/alerts.test.yml
# A test that hangs has been named by then.
in_time() { step apart timeout --kill-after=10 30m "$@" || fail "not done, or not well, after at most 30 minutes: $*"; }
# With one set of features, here and below, so that dependencies are built once; with the benches, which the last step runs.
in_time cargo test --workspace --all-features --all-targets --no-run
databases_wait || fail "the databases of the suite do not start"

# Every feature alone, and none. `default` is `client`; `full` is all of them, which have been linted. Beside `every-feature`, so that
# dependencies are checked once, and not again for each: what a feature has forgotten to ask of them, `tests/supply.sh features` finds.
each_feature() {
  local feature features
  features="$(cargo metadata --no-deps --format-version 1 | python3 -c '
import json, sys
print(*next(package for package in json.load(sys.stdin)["packages"] if package["name"] == "aigc-auth")["features"])')" || return
  for feature in none $features; do
    case $feature in
      default | full) continue ;;
      none) set -- ;;
      *) set -- --features "$feature" ;;
    esac
    printf '%s\n' "$feature"
    cargo clippy --quiet --package aigc-auth --package every-feature --no-default-features "$@" --lib -- -D warnings || return
  done
}

# What takes processors alone, and no time of the clock that matters: beside the tests, which wait for the most part. At their priority, since
# little of it fills both processors: left for the end it would take as long as the tests.
lint() {
  # Most of it is one crate at a time.
  step each_feature
  # Advisories are of the day, and not of the commit: `tests/supply.sh` asks for them.
  step "$tools/bin/cargo-deny" --workspace --log-level error check --hide-inclusion-graph licenses bans sources
  # What the layer adds to a request, in instructions and allocations: fails at 3 % more.
  step "${budget[@]}"
  step "$built/budget/budget" --budget
  RUSTDOCFLAGS="-D warnings" step cargo doc --package aigc-auth --no-deps --all-features
  # Each bench once, to see that it works.
  step cargo test --workspace --all-features --bench '*'
}
# A group each, so that nothing of it is left behind.
set -m
(beside='beside: ' && lint) >"$built/lint.log" 2>&1 </dev/null &
lints=$!
# The soak waits most of its time, too; what it has in common with the other tests is built.
SOAK_SECONDS=90 tests/soak.sh >"$built/soak.log" 2>&1 </dev/null &
soak=$!
set +m
# Unit tests, integration tests, the examples with theirs, doctests. Four at a time on two processors: they wait for one another, for
# Redis, for databases and browsers.
RUST_TEST_THREADS="${RUST_TEST_THREADS:-4}" in_time cargo test --workspace --all-features
code=0
wait "$soak" || code=$?
soak=
[ "$code" = 0 ] || { cat "$built/soak.log" >&2; fail "the soak found something; with its SEED, tests/soak.sh repeats it"; }
grep -q '^bills: ' "$built/soak.log" || { cat "$built/soak.log" >&2; fail "the soak was skipped, or there is no test of its name"; }
apart timeout 30m tail --pid="$lints" --follow /dev/null || fail "not done after 30 minutes more; the end of $built/lint.log says what"
code=0
wait "$lints" || code=$?
lints=
# Done long ago: the lints have waited for it.
wait "$ahead" || true
ahead=
cat "$built/lint.log"
[ "$code" = 0 ] || fail "what ran beside the tests has failed; the end of $built/lint.log says what"
