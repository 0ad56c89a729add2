#!/usr/bin/env bash
# The whole suite: formatting, lints over the features, docs, licences, tests, doctests. Installs what it needs, and says in the end
# how long each step took.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'tests/run.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# shellcheck source=tests/steps.sh
. tests/steps.sh
# shellcheck source=tests/databases.sh
. tests/databases.sh
# shellcheck source=tests/environments.sh
. tests/environments.sh
# shellcheck disable=SC2031 # In a subshell, for one look.
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
mkdir -p "${CARGO_TARGET_DIR:-target}"
built="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"

# shellcheck source=tests/install.sh
. tests/install.sh
install_variables

installing= soak=
end() {
  # Never in the middle: apt-get would leave half a package.
  [ -z "$installing" ] || wait "$installing" || true
  if [ -n "$soak" ]; then kill "$soak" 2>/dev/null || true; fi
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

export CARGO_TERM_COLOR=never
# Each crate is built once in a run of CI: what would be kept for the next time costs more than it gives.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"
step cargo fmt --check
# Workspaces with lock files of their own, which a new dependency of the crate leaves behind.
for folder in benches/peers fuzz; do step cargo update --workspace --locked --quiet --manifest-path "$folder/Cargo.toml"; done
step cargo clippy --workspace --all-features --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" step cargo doc --package aigc-auth --no-deps --all-features

code=0
wait "$installing" || code=$?
installing=
cat "$built/install.log"
[ "$code" = 0 ] || fail "what the suite needs is not installed; the end of $built/install.log says why"
# They start while cargo is at work.
databases_begin "$built"
step promtool check rules docs/alerts.yml
step promtool test rules tests/metrics/alerts.test.yml
# Every feature alone, none, and all, without what the tests depend on. `default` is `client`; `full` is all of them.
step "$tools/bin/cargo-hack" hack clippy --package aigc-auth --each-feature --exclude-features default --exclude-all-features --lib -- -D warnings
# Advisories are of the day, and not of the commit: `tests/supply.sh` asks for them.
step "$tools/bin/cargo-deny" --workspace --log-level error check --hide-inclusion-graph licenses bans sources
databases_wait || fail "the databases of the suite do not start"
# Unit tests, integration tests, the examples with theirs, doctests; then each bench once, to see that it works. All with
# one set of features, so that dependencies are built once. A test that hangs has been named by then.
in_time() { step timeout --kill-after=10 30m "$@" || fail "not done, or not well, after at most 30 minutes: $*"; }
# The soak waits most of its time, and so runs beside the others; what they have in common is built before.
in_time cargo test --workspace --all-features --no-run
SOAK_SECONDS=90 tests/soak.sh >"$built/soak.log" 2>&1 &
soak=$!
in_time cargo test --workspace --all-features
wait "$soak" && soak= || { cat "$built/soak.log" >&2; fail "the soak found something; with its SEED, tests/soak.sh repeats it"; }
in_time cargo test --workspace --all-features --bench '*'
# What the layer adds to a request, in instructions and allocations: fails at 3 % more.
in_time cargo build --profile budget -p aigc-auth-budget
in_time "$built/budget/budget" --budget
