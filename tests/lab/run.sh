#!/usr/bin/env bash
# The laboratory: what the everyday suite has no room for, tried with the software of others. Installs what each part names
# into target/lab, starts a PostgreSQL, and prints a line for each expectation that was met. `run.sh FILTER…` runs some parts.
# Needs Node.js 20 or newer with npm, PostgreSQL, for the part `proxies` nginx, Caddy and HAProxy, and for the part `browser`
# Debian's chromium; the parts are tests/it/lab/*.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { printf 'tests/lab/run.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# Of Debian's packages of these names; in sbin, which is not in everybody's search path.
case " ${*:-proxies} " in
  *' proxies '*)
    for program in nginx caddy haproxy; do PATH="$PATH:/usr/sbin" have "$program" || fail "missing: $program"; done ;;
esac
# shellcheck source=tests/databases.sh
. tests/databases.sh
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
for program in cargo node npm python3; do have "$program" || fail "missing: $program"; done
databases_postgres_program initdb >/dev/null || fail "missing: PostgreSQL (postgresql in Debian)"

mkdir -p "${CARGO_TARGET_DIR:-target}/lab"
built="$(cd "${CARGO_TARGET_DIR:-target}" && pwd)"
export AIGC_AUTH_LAB="$built/lab"
trap databases_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
databases_begin "$built" postgres
cargo test --quiet --all-features --test it --no-run
databases_wait || fail "PostgreSQL does not start"
filters=()
for part in "${@:-}"; do filters+=("lab::$part"); done
# One after the other, so that the lines of a part stand together.
timeout --kill-after=10 30m cargo test --quiet --all-features --test it -- --nocapture --test-threads=1 "${filters[@]}" ||
  fail "not done, or not as expected"
