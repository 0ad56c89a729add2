#!/usr/bin/env bash
# Says which lines of src/ the unit tests and tests/it/ run: of each file under 90 %, the lines that none has run. Fails if it is less
# than 90 % of all lines.
#
#   tests/coverage.sh                # all tests
#   tests/coverage.sh jwt:: types::  # those with these in their names; fails by tests alone
#
# By the counters of LLVM, which cargo-tarpaulin reads without LLVM's own tools; it is built below target/ once, and so is the
# crate, with counters. target/coverage/lcov.info is for editors. Doctests and the examples do not count. Installs what the suite does.
set -euo pipefail
cd "$(dirname "$0")/.."

script=tests/coverage.sh
# shellcheck source=tests/install.sh
. tests/install.sh
export CARGO_INCREMENTAL=0
room="$built/coverage"
mkdir -p "$room"
# Of build scripts, which write theirs where they are.
trap 'databases_end; rm -f "$steps_rows" build_rs_cov.profraw' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_all curl=curl openssl=openssl
install_variables
version=0.37.5
if [ "$(cat "$room/version" 2>/dev/null)" != "$version" ]; then
  CARGO_TARGET_DIR="$room/tool" step cargo install --locked --quiet --root "$room" "cargo-tarpaulin@$version" ||
    fail "cargo could not install cargo-tarpaulin $version"
  rm -rf "$room/tool"
  printf '%s\n' "$version" >"$room/version"
fi
tarpaulin() {
  step "$room/bin/cargo-tarpaulin" tarpaulin --engine llvm --target-dir "$room/build" --skip-clean --avoid-cfg-tarpaulin \
    --implicit-test-threads --package aigc-auth --all-features --lib --test it --include-files 'src/*' "$@"
}
databases_begin "$built"
tarpaulin --no-run
databases_wait || fail "the databases of the suite do not start"
rm -f "$room/lcov.info"
code=0
tarpaulin --no-fail-fast --timeout 1800 --out Lcov --output-dir "$room" -- "$@" || code=$?
[ -s "$room/lcov.info" ] || fail "there is no report: see above"
# Some tests need not reach all lines.
python3 -B tests/coverage.py "$room/lcov.info" 90 || [ $# -gt 0 ]
[ "$code" = 0 ] || fail "tests have failed: see above"
