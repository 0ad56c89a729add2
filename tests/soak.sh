#!/usr/bin/env bash
# Soaks two replicas of a service that has everything on, while the auth center, Redis, PostgreSQL and the callers fail one after
# the other and together (tests/it/soak/). Takes redis-server and PostgreSQL, and a Linux for its /proc.
#
#   tests/soak.sh                   # 20 minutes
#   SOAK_SECONDS=90 tests/soak.sh   # as tests/run.sh does, beside the other tests
#   SEED=… tests/soak.sh            # the same callers and faults again
#
# Prints what was when, the answers by class, the bills, and the memory over time.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'tests/soak.sh: %s\n' "$*" >&2; exit 1; }
# shellcheck source=tests/databases.sh
. tests/databases.sh
command -v redis-server >/dev/null || fail "missing: redis-server"
databases_postgres_program initdb >/dev/null || fail "missing: PostgreSQL"
# The test starts a server of its own; this says that there is one to start.
export AIGC_AUTH_TEST_POSTGRES="${AIGC_AUTH_TEST_POSTGRES:-a server of its own}"
export SOAK_SECONDS="${SOAK_SECONDS:-1200}"
# As the suite builds it, so that it is built once.
soak=(cargo test --workspace --all-features --test it -- --exact soak::service_with_everything_on_outlasts_rolling_faults)
# No test of its name would be a success to cargo.
"${soak[@]}" --list | grep ': test$' >/dev/null || fail "the test does not build, or has another name: ${soak[*]}"
exec timeout --kill-after=10 $((SOAK_SECONDS + 600)) "${soak[@]}" --nocapture
