#!/usr/bin/env bash
# Compares the API with that of another revision: `tests/semver.sh v0.1.0`. Says which changes break users, and fails if the version in
# Cargo.toml does not allow them. Builds cargo-semver-checks below target/supply once, and the documentation of both revisions.
set -euo pipefail
[ $# -ge 1 ] || { printf 'usage: tests/semver.sh REVISION [OPTION OF cargo semver-checks...]\n' >&2 && exit 1; }
revision=$1
shift
# shellcheck source=tests/supply/common.sh
. "$(dirname "$0")/supply/common.sh"
git rev-parse --verify --quiet "$revision^{commit}" >/dev/null || fail "no revision $revision"
tool cargo-semver-checks 0.51.0
# It asks the stable compiler for JSON of rustdoc. That of `testing` and all else that is hidden is no part of the API.
step "$room/bin/cargo-semver-checks" semver-checks --package aigc-auth --all-features --baseline-rev "$revision" "$@"
