#!/usr/bin/env bash
# The same requests through this crate and its peers, and through the reference SDK: see docs/peers.md, which this writes.
#
#   bash benches/peers/run.sh                  all of it: minutes of building at first, then 5 minutes
#   bash benches/peers/run.sh --baseline REV   the same, with another revision of this crate beside it in every round; the
#                                              comparison is printed, and docs/ stays as it is
#   bash benches/peers/run.sh --check          builds and lints, and runs each case once
#
# Linux with two cores. Debian's packages `wrk` and `valgrind` are installed where apt-get can; `util-linux` has taskset.
set -euo pipefail
cd "$(dirname "$0")/../.."

step() { printf '\n== %s\n' "$*" >&2; "$@"; }
fail() { printf 'benches/peers/run.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# shellcheck source=tests/environments.sh
. tests/environments.sh
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

mode=all revision=
case ${1-} in
  '') ;;
  --check) mode=check ;;
  --baseline) revision=${2:?a revision} ;;
  *) fail "no such option: $1" ;;
esac
if [ -n "$revision" ]; then
  commit="$(git rev-parse --verify --quiet "$revision^{commit}")" || fail "no such revision: $revision"
  git cat-file -e "$commit:examples/full_service/Cargo.toml" 2>/dev/null ||
    fail "$revision has no examples/full_service, and so is too old to be compared with"
fi
[ "$(nproc)" -ge 2 ] || fail "two cores are needed: what is measured has one, and what measures another"
have taskset || fail "missing: taskset (util-linux in Debian)"

mkdir -p "${CARGO_TARGET_DIR:-target}/peers"
room="$(cd "${CARGO_TARGET_DIR:-target}/peers" && pwd)"
# Apart from the crate's own builds, which have other features.
export CARGO_TARGET_DIR="$room"
manifest=benches/peers/Cargo.toml

if [ $mode = check ]; then
  step cargo fmt --manifest-path $manifest --check
  step cargo clippy --manifest-path $manifest --release --all-targets --locked -- -D warnings
  step cargo test --manifest-path $manifest --release --locked
  step cargo build --manifest-path $manifest --release --locked
  exec timeout --kill-after=10 5m "$room/release/aigc-auth-peers" compare --check --room "$room"
fi

lacking=()
have wrk || lacking+=(wrk)
have valgrind || lacking+=(valgrind)
python3 -c 'import ensurepip, venv' 2>/dev/null || lacking+=(python3-venv)
if [ ${#lacking[@]} -gt 0 ]; then
  { have apt-get && [ "$(id -u)" = 0 ]; } || fail "missing: ${lacking[*]} (names of Debian's packages)"
  step apt-get update --quiet >&2 || true
  DEBIAN_FRONTEND=noninteractive step apt-get install --quiet --yes --no-install-recommends "${lacking[@]}" >&2 ||
    fail "apt-get could not install: ${lacking[*]}"
fi
environment "$room/sdk" benches/peers/sdk/requirements.txt 'fastapi, httptools, huace_aigc_auth_client, uvicorn, uvloop'

# Builds the worker and `full_service` of the tree in $1, and keeps them in $2: both trees build into the same folder, so that
# dependencies are built once.
build() {
  mkdir -p "$2"
  step cargo build --manifest-path "$1/$manifest" --release "${@:3}"
  # The profile of benches: thin LTO, one codegen unit.
  step cargo build --manifest-path "$1/Cargo.toml" --profile bench -p full_service --locked
  cp "$room/release/aigc-auth-peers" "$room/release/full_service" "$2"
}

options=(--room "$room" --sdk-python "$room/sdk/bin/python" --sdk-service "$PWD/benches/peers/sdk/service.py")
if [ -n "$revision" ]; then
  there="$room/baseline/tree"
  [ ! -e "$there" ] || git worktree remove --force "$there"
  git worktree prune
  step git worktree add --quiet --detach "$there" "$commit"
  trap 'git worktree remove --force "$there"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # The cases of this tree, over the crate of the other.
  rm -rf "$there/benches/peers" "$there/benches/support"
  cp -r benches/peers benches/support "$there/benches"
  build "$there" "$room/baseline/bin" || fail "$revision does not build with the cases of this tree"
  options+=(--baseline "$revision" "$room/baseline/bin/aigc-auth-peers" "$room/baseline/bin/full_service")
else
  options+=(--docs docs)
fi
build . "$room/bin" --locked
options+=(--full-service "$room/bin/full_service")
step timeout --kill-after=10 15m "$room/bin/aigc-auth-peers" compare "${options[@]}"
